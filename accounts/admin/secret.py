"""Secrets that are shown once: in the answer to the request that made them, and nowhere else."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse


def secret_page(
    request: HttpRequest, *, title: str, secrets: Mapping[str, str], back: str
) -> TemplateResponse:
    """A page with the secrets by what they are called, which nothing repeats: they are in no
    message, session, address or, like all of the console, cache. `back` is the address to go on to.
    """
    request.current_app = admin.site.name
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": title,
        "secrets": secrets,
        "back": back,
    }
    return TemplateResponse(request, "accounts/secret.html", context)
