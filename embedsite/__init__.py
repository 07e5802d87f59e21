"""Wiring of the service: configuration, settings, URLs, processes, embedded database."""
