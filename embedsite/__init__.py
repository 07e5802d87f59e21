"""Wiring of the service: configuration, Django settings, URLs, processes and the embedded database."""
