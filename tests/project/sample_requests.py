"""A request for each route and method that succeeds for whoever may make it.

Generated tests go through all routes with them: one that is not here is asked without a body.
"""

from typing import Any

from tests.project.test_urls import ROUTES

NDJSON = "application/x-ndjson"
COLLECTION = "{collection}"
"""Stands for the name of the collection that a test is about."""

QUERY: dict[str, Any] = {"collection": COLLECTION, "query": "tea"}

RERANK: dict[str, Any] = {"query": "tea", "documents": ["tea"], "model": "hashing-384"}
"""400: it is no reranker; those that are take long to load."""

BODIES: dict[str, Any] = {
    "POST search": QUERY,
    "POST add": {"collection": COLLECTION, "documents": [{"id": "new", "text": "A text."}]},
    "POST collection": {"name": "brand-new"},
    "PATCH collection/<str:name>": {"description": "Other words."},
    "DELETE collection/<str:name>/documents": {"filter": {"lang": "en"}},
    "PATCH collection/<str:name>/documents/<anything:id>": {"metadata": {"year": 2025}},
    "POST collection/<str:name>/import": b'{"id": "line", "text": "A text."}\n',
    "POST collection/<str:name>/reindex": {},
    "POST collection/<str:name>/permissions": {"user": "fred", "role": "viewer"},
    "PATCH collection/<str:name>/permissions/<int:id>": {"role": "editor"},
    "POST collection/<str:name>/transfer": {"owner": "fred"},
    "POST collection/<str:name>/erase": {"ids": ["tea"]},
    "POST users/<str:username>/erase": {"transfer_to": "fred"},
    "POST users": {"username": "new-user"},
    "PATCH users/<str:username>": {"limits": {"tokens_per_day": 1_000_000}},
    "POST teams": {"name": "new-team"},
    "PATCH teams/<str:team>": {"limits": {"tokens_per_day": 1_000_000}},
    "POST tokens": {"name": "new"},
    "POST cache/clear": {"collection": COLLECTION},
    "POST cache/warm": {"collection": COLLECTION},  # 400 where no queries are recorded
    "POST v1/embed": {"input": "tea"},
    "POST embed": {"inputs": "tea"},
    "POST embeddings": {"input": "tea", "model": "hashing-384"},
    "POST rerank": RERANK,
    "POST v2/rerank": RERANK,
    "POST similarity": {"inputs": {"source_sentence": "tea", "sentences": ["coffee"]}},
    "POST tokenize": {"inputs": "tea"},  # 424 of a model without a vocabulary
    "POST ": {"inputs": "tea"},
}
"""By method and route, without `v1/` where both are one view."""


METHODS = ("get", "post", "put", "patch", "delete")


def plain(route: str) -> str:
    """The route without its version, where the same view stands there too."""
    bare = route.removeprefix("v1/")
    return bare if is_alias(bare) else route


def is_alias(route: str) -> bool:
    """Whether the same view stands under a version too."""
    versioned = f"v1/{route}"
    return versioned in ROUTES and _view(route) == _view(versioned)


def body_of(method: str, route: str, *, collection: str = "drinks") -> Any:
    """The body as Python or as bytes, with the collection's name in it; None without one."""
    return _filled(BODIES.get(f"{method} {plain(route)}"), collection)


def names_collection(method: str, route: str) -> bool:
    """Whether a request is about one collection, in its path or its body."""
    return "<str:name>" in route or COLLECTION in str(BODIES.get(f"{method} {plain(route)}"))


def methods_of(route: str) -> list[str]:
    """What the route's view has a handler for, OPTIONS and HEAD apart."""
    view: Any = ROUTES[route].callback
    if route == "":
        return ["POST"]  # what stands behind it there matches anything
    actions = getattr(view, "actions", None)
    if actions is None:
        kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
        actions = [
            name for name in ("get", "post", "put", "patch", "delete") if hasattr(kind, name)
        ]
    return sorted(method.upper() for method in actions if method != "head") or ["GET"]


def _view(route: str) -> Any:
    if route not in ROUTES:
        return None
    callback: Any = ROUTES[route].callback
    return getattr(callback, "cls", callback), getattr(callback, "actions", None)


def _filled(value: Any, collection: str) -> Any:
    if value == COLLECTION:
        return collection
    if isinstance(value, dict):
        return {key: _filled(inner, collection) for key, inner in value.items()}
    return value
