"""Clients of other services, unmodified and with their default settings, against this one."""
