"""The operators' console: every change goes through the service that the API uses."""

from django.contrib import admin

from embeddings.admin.audit import AuditListPage
from embeddings.admin.collection import CollectionAdmin
from embeddings.admin.dashboard import DashboardPage
from embeddings.admin.documents import DocumentAdmin
from embeddings.admin.jobs import JobAdmin
from embeddings.admin.live_settings import SettingsPage
from embeddings.admin.maintenance import MaintenancePage
from embeddings.admin.models import ModelsPage
from embeddings.admin.playground import PlaygroundPage
from embeddings.admin.tokens import ApiTokenAdmin
from embeddings.admin.usage import UsagePage

admin.site.site_header = admin.site.site_title = "Embedding service"
admin.site.index_title = "Console"

__all__ = [
    "ApiTokenAdmin",
    "AuditListPage",
    "CollectionAdmin",
    "DashboardPage",
    "DocumentAdmin",
    "JobAdmin",
    "MaintenancePage",
    "ModelsPage",
    "PlaygroundPage",
    "SettingsPage",
    "UsagePage",
]
