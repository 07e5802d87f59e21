"""The product's routes: each under its version, and without one for the version that the header
`API-Version` names.
"""

from typing import Any

from django.urls import URLPattern, include, path, register_converter

from embeddings.views.add import AddViewSet
from embeddings.views.audit import AuditViewSet
from embeddings.views.auth import AuthViewSet
from embeddings.views.cache import CacheViewSet
from embeddings.views.collection import CollectionViewSet
from embeddings.views.documents import DocumentViewSet
from embeddings.views.embed import EmbedViewSet
from embeddings.views.erase import EraseUserViewSet, EraseViewSet
from embeddings.views.export import ExportViewSet
from embeddings.views.grants import GrantViewSet
from embeddings.views.health import HealthViewSet, LivenessViewSet, ReadinessViewSet
from embeddings.views.imports import ImportViewSet
from embeddings.views.jobs import JobViewSet
from embeddings.views.me import MeViewSet
from embeddings.views.models import ModelViewSet, OpenAiModelViewSet
from embeddings.views.openai import OpenAiViewSet
from embeddings.views.reindex import ReindexViewSet
from embeddings.views.rerank import CohereRerankViewSet, RerankViewSet
from embeddings.views.schema import DocsView, SchemaView
from embeddings.views.search import SearchViewSet
from embeddings.views.stats import StatsViewSet
from embeddings.views.teams import TeamViewSet
from embeddings.views.tei import (
    SharedEmbedViewSet,
    SimilarityViewSet,
    TeiEmbedViewSet,
    TeiInfoViewSet,
    TokenizeViewSet,
)
from embeddings.views.telemetry import TelemetryViewSet
from embeddings.views.tokens import TokenViewSet
from embeddings.views.usage import UsageViewSet
from embeddings.views.users import UserViewSet


class AnythingConverter:
    """What is left of the path: slashes and line feeds too."""

    regex = r"(?s:.+)"

    def to_python(self, value: str) -> str:
        """The text."""
        return value

    def to_url(self, value: str) -> str:
        """The text."""
        return value


register_converter(AnythingConverter, "anything")

ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

MANY: dict[str, Any] = {"get": "list", "delete": "destroy_many"}

# Django tries one after the other: what is asked most stands first.
routes: list[URLPattern] = [
    path("search", SearchViewSet.as_view({"post": "create"}), name="search"),
    path("add", AddViewSet.as_view({"post": "create"}), name="add"),
    path(
        "collection",
        CollectionViewSet.as_view({"get": "list", "post": "create"}),
        name="collection-list",
    ),
    path("collection/<str:name>", CollectionViewSet.as_view(ONE), name="collection"),
    path(
        "collection/<str:name>/documents",
        DocumentViewSet.as_view(MANY),
        name="documents",
    ),
    path(
        "collection/<str:name>/documents/<anything:id>",
        DocumentViewSet.as_view(ONE),
        name="document",
    ),
    path(
        "collection/<str:name>/import",
        ImportViewSet.as_view({"post": "create"}),
        name="import",
    ),
    path(
        "collection/<str:name>/export",
        ExportViewSet.as_view({"get": "list"}),
        name="export",
    ),
    path(
        "collection/<str:name>/reindex",
        ReindexViewSet.as_view({"post": "create"}),
        name="reindex",
    ),
    path(
        "collection/<str:name>/stats",
        StatsViewSet.as_view({"get": "retrieve"}),
        name="stats",
    ),
    path(
        "collection/<str:name>/permissions",
        GrantViewSet.as_view({"get": "list", "post": "create"}),
        name="permissions",
    ),
    path(
        "collection/<str:name>/permissions/<int:id>", GrantViewSet.as_view(ONE), name="permission"
    ),
    path(
        "collection/<str:name>/transfer",
        CollectionViewSet.as_view({"post": "transfer"}),
        name="transfer",
    ),
    path("me", MeViewSet.as_view({"get": "retrieve"}), name="me"),
    path("usage", UsageViewSet.as_view({"get": "list"}), name="usage"),
    path("tokens", TokenViewSet.as_view({"get": "list", "post": "create"}), name="tokens"),
    path(
        "tokens/<str:key>",
        TokenViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="token",
    ),
    path("tokens/<str:key>/rotate", TokenViewSet.as_view({"post": "rotate"}), name="token-rotate"),
    path("users", UserViewSet.as_view({"get": "list", "post": "create"}), name="users"),
    path(
        "users/<str:username>",
        UserViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        name="user",
    ),
    path(
        "users/<str:username>/erase",
        EraseUserViewSet.as_view({"post": "create"}),
        name="user-erase",
    ),
    path("collection/<str:name>/erase", EraseViewSet.as_view({"post": "create"}), name="erase"),
    path("teams", TeamViewSet.as_view({"get": "list", "post": "create"}), name="teams"),
    path("teams/<str:team>", TeamViewSet.as_view(ONE), name="team"),
    path("jobs", JobViewSet.as_view({"get": "list"}), name="jobs"),
    path("jobs/<uuid:id>", JobViewSet.as_view({"get": "retrieve"}), name="job"),
    path("jobs/<uuid:id>/cancel", JobViewSet.as_view({"post": "cancel"}), name="job-cancel"),
    path("jobs/<uuid:id>/retry", JobViewSet.as_view({"post": "retry"}), name="job-retry"),
    path("embeddings", OpenAiViewSet.as_view({"post": "create"}), name="openai-embeddings"),
    path("rerank", RerankViewSet.as_view({"post": "create"}), name="rerank"),
    path("cache/stats", CacheViewSet.as_view({"get": "stats"}), name="cache-stats"),
    path("cache/clear", CacheViewSet.as_view({"post": "clear"}), name="cache-clear"),
    path("cache/warm", CacheViewSet.as_view({"post": "warm"}), name="cache-warm"),
    path("auth/token", AuthViewSet.as_view({"post": "token"}), name="auth-token"),
    path("auth/refresh", AuthViewSet.as_view({"post": "refresh"}), name="auth-refresh"),
    path("auth/logout", AuthViewSet.as_view({"post": "logout"}), name="auth-logout"),
    path("audit", AuditViewSet.as_view({"get": "list"}), name="audit"),
    path("models", ModelViewSet.as_view({"get": "list"}), name="models"),
    path(
        "models/<anything:model>",
        OpenAiModelViewSet.as_view({"get": "retrieve"}),
        name="model",
    ),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(), name="docs"),
]

versioned: list[URLPattern] = [
    path("embed", EmbedViewSet.as_view({"post": "create"}), name="embed"),
    *routes,
]

newest: list[URLPattern] = [
    *routes,
    path("embed", SharedEmbedViewSet.as_view({"post": "create"}), name="embed"),
    path("info", TeiInfoViewSet.as_view({"get": "retrieve"}), name="tei-info"),
    path("similarity", SimilarityViewSet.as_view({"post": "create"}), name="tei-similarity"),
    path("tokenize", TokenizeViewSet.as_view({"post": "create"}), name="tei-tokenize"),
    path("", TeiEmbedViewSet.as_view({"post": "create"}), name="tei-root"),
]

urlpatterns = [
    path("v1/", include((versioned, "v1"))),
    path("health", HealthViewSet.as_view({"get": "retrieve"}), name="health"),
    path("health/live", LivenessViewSet.as_view({"get": "retrieve"}), name="health-live"),
    path("health/ready", ReadinessViewSet.as_view({"get": "retrieve"}), name="health-ready"),
    path(".well-known/jwks.json", AuthViewSet.as_view({"get": "keys"}), name="jwks"),
    path("metrics", TelemetryViewSet.as_view({"get": "retrieve"}), name="metrics"),
    path("v2/rerank", CohereRerankViewSet.as_view({"post": "create"}), name="cohere-rerank"),
    path("", include((newest, "newest"))),
]
