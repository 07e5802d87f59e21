"""The operators' console: every change goes through the service that the API uses."""

from django.contrib import admin

from embeddings.admin.audit import AuditListPage
from embeddings.admin.cache import CachePage
from embeddings.admin.cache_acts import CacheClearPage, CacheWarmPage
from embeddings.admin.collection import CollectionAdmin
from embeddings.admin.dashboard import DashboardPage
from embeddings.admin.document_delete import DeletePage
from embeddings.admin.document_export import ExportPage
from embeddings.admin.document_import import ImportPage
from embeddings.admin.document_similar import SimilarPage
from embeddings.admin.documents import DocumentAdmin
from embeddings.admin.grants import GrantAdmin
from embeddings.admin.jobs import JobAdmin
from embeddings.admin.limits import LimitsPage
from embeddings.admin.live_settings import SettingsPage
from embeddings.admin.maintenance import MaintenancePage
from embeddings.admin.models import ModelsPage
from embeddings.admin.playground import PlaygroundPage
from embeddings.admin.sessions import SessionsPage
from embeddings.admin.teams import TeamAdmin
from embeddings.admin.token_acts import RevokeToken
from embeddings.admin.tokens import ApiTokenAdmin
from embeddings.admin.usage import UsagePage
from embeddings.admin.user_acts import EraseUser
from embeddings.admin.users import UserAdmin

admin.site.site_header = admin.site.site_title = "Embedding service"
admin.site.index_title = "Console"

__all__ = [
    "ApiTokenAdmin",
    "AuditListPage",
    "CacheClearPage",
    "CachePage",
    "CacheWarmPage",
    "CollectionAdmin",
    "DashboardPage",
    "DeletePage",
    "DocumentAdmin",
    "EraseUser",
    "ExportPage",
    "GrantAdmin",
    "ImportPage",
    "JobAdmin",
    "LimitsPage",
    "MaintenancePage",
    "ModelsPage",
    "PlaygroundPage",
    "RevokeToken",
    "SessionsPage",
    "SettingsPage",
    "SimilarPage",
    "TeamAdmin",
    "UsagePage",
    "UserAdmin",
]
