"""The app that brings the wiring's commands and system checks to Django."""

from django.apps import AppConfig


class EmbedsiteConfig(AppConfig):
    """Commands that run the service, and the checks of its database."""

    name = "embedsite"

    def ready(self) -> None:
        from embedsite import checks  # noqa: F401 - importing registers them
