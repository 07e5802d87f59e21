"""The served models in the console: what the registry says, read-only, without a table."""

from typing import Any

from django.apps.registry import Apps
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from embeddings.admin.read_only import ReadOnly
from embeddings.services.engine import default_reranker, is_loaded, listed_models


class ServedModel(models.Model):  # noqa: DJ008 - there are no instances
    """A name for the console's menu and permissions; Django's own registry never sees it, so that
    there is neither a table nor a migration.
    """

    class Meta:
        apps = Apps()
        app_label = "embeddings"
        managed = False
        verbose_name = "model"


@admin.register(ServedModel)
class ServedModelAdmin(ReadOnly):
    """One page with all models; the configuration is where they are changed."""

    def get_urls(self) -> list[URLPattern]:
        """The list alone."""
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name="embeddings_servedmodel_changelist")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Every model, those that can't be used now too."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Models",
            "opts": self.opts,
            "rows": _rows(),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/embeddings/servedmodel/change_list.html", context)


def _rows() -> list[dict[str, Any]]:
    defaults = (settings.EMBED.default_model, default_reranker())
    return [
        {"name": name, "info": info, "loaded": is_loaded(name), "default": name in defaults}
        for name, info in listed_models()
    ]
