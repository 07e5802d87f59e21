"""Commands of the wiring: they run, migrate and describe the service."""
