"""Options of a search that don't go together: each refusal names both."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ValidationError

from embeddings.constants import MAX_GROUPED_HITS, SearchMode
from embeddings.types.search import FieldGroups

QUERIES = ("query", "vector", "document_id", "positive")
PLACES = ("collection", "collections")

ORDER = "a page follows the order of the search itself"
IDS = "the ids are those of one collection"
INDEX = "words are looked up in an index of their own"
ALL = "an exact search asks no index"
RELATIVE = "a hybrid score is relative to its collection's best; hits of several need `rerank`"

CONFLICTS = (
    ("cursor", "rerank", ORDER),
    ("cursor", "diversity", ORDER),
    ("exact", "ef_search", ALL),
    ("exact", "max_candidates", ALL),
)
GROUP_CONFLICTS = (
    ("cursor", "groups have no further pages"),
    ("rerank", "hits are grouped by how the search ranks them"),
    ("diversity", "groups differ already"),
)
NO_TEXT = "only a `query` is a text"


def check_query(attrs: Mapping[str, Any]) -> None:
    """Raises ValidationError unless there is exactly one query, and its options go together."""
    given = [name for name in QUERIES if name in attrs]
    if len(given) != 1:
        message = f"Send exactly one of {', '.join(QUERIES)}."
        raise ValidationError(dict.fromkeys(given or QUERIES[:1], message), code="one_query")
    if "negative" in attrs and given != ["positive"]:
        raise _conflict("negative", given[0], "negative examples need positive ones")
    for one, other, reason in CONFLICTS:
        if attrs.get(one) and attrs.get(other):
            raise _conflict(one, other, reason)
    _check_mode(attrs, given[0])
    if "collections" in attrs:
        _check_comparable(attrs)
    if attrs.get("rerank"):
        _check_rerank(attrs, given[0])
    if isinstance(attrs.get("group_by"), FieldGroups):
        _check_groups(attrs)


def _check_mode(attrs: Mapping[str, Any], query: str) -> None:
    if attrs["mode"] != SearchMode.SEMANTIC and query != "query":
        raise _conflict("mode", query, NO_TEXT)
    if attrs["mode"] != SearchMode.SEMANTIC and attrs.get("group_by") == "chunk":
        raise _conflict("mode", "group_by", "words rank whole documents")
    if attrs["mode"] == SearchMode.KEYWORD:
        for name in ("ef_search", "max_candidates"):
            if attrs.get(name):
                raise _conflict("mode", name, INDEX)
    if "weights" in attrs and attrs["mode"] != SearchMode.HYBRID:
        raise _conflict("weights", "mode", "only a hybrid search weighs two rankings")


def check_places(data: Mapping[str, Any]) -> None:
    """Raises ValidationError unless there is one of `collection` and `collections`, and nothing but
    that beside `queries`.
    """
    given = [name for name in PLACES if name in data]
    if len(given) != 1:
        message = "Send `collection`, or several as `collections`."
        raise ValidationError(dict.fromkeys(given or PLACES[:1], message), code="one_place")
    if "queries" in data:
        for name in data:
            if name not in ("queries", *PLACES):
                raise _conflict("queries", name, f"each of the queries has its own `{name}`")


def check_queries(attrs: Mapping[str, Any], *, limit: int) -> None:
    """Raises ValidationError for what can't be asked of several collections, and for more than
    `limit` searches.
    """
    places, queries = len(attrs.get("collections", ())), len(attrs["queries"])
    if places * queries > limit:
        reason = f"that makes {places * queries} searches; a request may have {limit}"
        raise _conflict("queries", "collections", reason)
    if not places:
        return
    for index, query in enumerate(attrs["queries"]):
        _check_comparable(query, place=f"queries.{index}.")


def _check_comparable(attrs: Mapping[str, Any], place: str = "") -> None:
    """Raises ValidationError for what several collections have no common measure of."""
    for name in ("document_id", "positive"):
        if name in attrs:
            raise _conflict(place + name, "collections", IDS)
    if attrs["mode"] == SearchMode.HYBRID and not attrs.get("rerank"):
        raise _conflict(f"{place}mode", "collections", RELATIVE)


def _check_rerank(attrs: Mapping[str, Any], query: str) -> None:
    if query != "query":
        raise _conflict("rerank", query, NO_TEXT)
    top_n = attrs["rerank"].top_n
    if top_n is not None and top_n < attrs["top_k"]:
        raise _conflict("rerank.top_n", "top_k", "only hits that were reranked are shown")


def _check_groups(attrs: Mapping[str, Any]) -> None:
    for name, reason in GROUP_CONFLICTS:
        if attrs.get(name):
            raise _conflict("group_by", name, reason)
    if attrs["top_k"] * attrs["group_by"].size > MAX_GROUPED_HITS:
        reason = f"an answer may have {MAX_GROUPED_HITS} hits in groups"
        raise _conflict("top_k", "group_by.size", reason)


def _conflict(one: str, other: str, reason: str) -> ValidationError:
    message = f"`{one}` and `{other}` don't go together: {reason}."
    return ValidationError({one: message, other: message}, code="conflict")
