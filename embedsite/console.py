"""How the operators' console looks, by django-unfold."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static


def _file(name: str) -> Any:
    # Known once Django is set up, which its settings are not.
    return lambda _request: static(f"console/{name}")


def _navigation(request: HttpRequest) -> list[dict[str, Any]]:
    from embeddings.admin.navigation import navigation

    return navigation(request)


THEME: dict[str, Any] = {
    "SITE_TITLE": "Embedding service",
    "SITE_HEADER": "Embedding service",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _file("favicon.svg")}],
    "STYLES": [_file("console.css")],
    "SCRIPTS": [_file("console.js")],
    "COMMAND": {"search_callback": "embeddings.admin.palette.find"},
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": _navigation},
}
