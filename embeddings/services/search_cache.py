"""Search results that are remembered for a short while.

A result's key holds the collection's version, which every write moves on in its own transaction,
the caller and what it sees of the collection: a result is never out of date, and never another's.
"""

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from django.conf import settings
from numpy.typing import NDArray

from accounts.principal import Principal
from embeddings.afterwards import put_off
from embeddings.cache import Area, Kind, pack, result_key, searches_of, the_cache, unpack
from embeddings.constants import SearchPath
from embeddings.models import Collection
from embeddings.types.search import (
    FacetCounts,
    FieldGroups,
    Group,
    Hit,
    Plan,
    SearchParams,
    SearchResult,
)

MAX_HITS = 100
"""Keeping a longer answer costs more than most callers gain."""

DEFAULTS = tuple((field.name, field.default) for field in fields(SearchParams))


@dataclass(frozen=True)
class Place:
    """Where a search's result is kept, and that of no other; nowhere when it is `passed_by`."""

    collection: Collection
    params: SearchParams
    principal: Principal
    passed_by: bool = False

    @property
    def exists(self) -> bool:
        """Whether the result is kept at all."""
        if self.passed_by or _most_hits(self.params) > MAX_HITS:
            return False
        return bool(settings.EMBED.cache_search_ttl_s > 0)

    @cached_property
    def area(self) -> Area:
        """The collection's."""
        collection = self.collection
        return searches_of(collection_id=collection.pk, model=collection.generation.model)

    @cached_property
    def key(self) -> bytes:
        """The key in the area."""
        identity = (
            self.collection.version,
            self.collection.generation.pk,
            self.collection.generation.index_state,
            # What a caller sees may differ by user and by token, and with their grants.
            self.principal.user_id,
            self.principal.token_id,
            self.collection.row_filter,
            settings.EMBED.ef_search,
            # All of them: one that is added later can't be forgotten here.
            spelled(self.params),
        )
        return result_key(self.area, repr(identity))


def recall(place: Place) -> SearchResult | None:
    """What the same search has found lately, or None. Whether the caller may still search the
    collection, and whether it is still at this version, is to be asked besides.
    """
    if not place.exists:
        return None
    key = place.key
    packed = the_cache().find(area=place.area, keys=[key]).get(key)
    if packed is None:
        return None
    result = _result(json.loads(unpack(packed).payload))
    return replace(result, cached_tokens=result.tokens)


@put_off
def remember(place: Place, result: SearchResult) -> None:
    """Keep the result for a while. The collection must have been looked up before the search: its
    documents were at least of this version then.
    """
    if not place.exists:
        return
    key = place.key
    try:
        payload = orjson.dumps(result, default=_as_json)
    except TypeError:  # of an integer of more than 64 bits
        payload = json.dumps(result, default=_as_json, separators=(",", ":")).encode()
    value = pack(key=key, kind=Kind.RESULT, tokens=result.tokens, payload=payload)
    the_cache().store(place.area, {key: value})


def spelled(
    params: SearchParams, *, without: frozenset[str] = frozenset()
) -> list[tuple[str, Any]]:
    """Names and values whose repr tells the parameters from any others: of those that are not the
    default, and of an array its digest, as a repr takes ten times as long as that.
    """
    return [
        (name, _spelled(value))
        for name, default in DEFAULTS
        if (value := getattr(params, name)) is not default
        and name not in without
        and not (type(value) is type(default) and value == default)
    ]


def _most_hits(params: SearchParams) -> int:
    size = params.group_by.size if isinstance(params.group_by, FieldGroups) else 1
    return params.top_k * size


def _spelled(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).hexdigest()
    return sorted(value) if isinstance(value, frozenset) else value


def _as_json(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return base64.b64encode(value.astype("<f4").tobytes()).decode()
    return str(value)


def _result(values: dict[str, Any]) -> SearchResult:
    # Not by orjson: it reads an integer of more than 64 bits, which metadata may hold, as a float.
    plan, groups, facets = values["plan"], values["groups"], values["facets"]
    return SearchResult(
        **{
            **values,
            "hits": [_hit(hit) for hit in values["hits"]],
            "plan": Plan(**{**plan, "path": SearchPath(plan["path"])}),
            "groups": groups and [_group(group) for group in groups],
            "facets": facets and {name: _counts(counts) for name, counts in facets.items()},
        }
    )


def _hit(values: dict[str, Any]) -> Hit:
    vector = values["vector"]
    return Hit(
        **{
            **values,
            "document_id": uuid.UUID(values["document_id"]),
            "vector": None if vector is None else _vector(vector),
        }
    )


def _group(values: dict[str, Any]) -> Group:
    return Group(value=values["value"], hits=[_hit(hit) for hit in values["hits"]])


def _counts(values: dict[str, Any]) -> FacetCounts:
    pairs = [(value, count) for value, count in values["values"]]
    return FacetCounts(**{**values, "values": pairs})


def _vector(text: str) -> NDArray[np.float32]:
    vector = np.frombuffer(base64.b64decode(text), dtype="<f4")
    return vector.astype(np.float32, copy=False)
