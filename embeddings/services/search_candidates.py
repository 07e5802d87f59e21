"""The best hits of one collection or of several, as a mode ranks them, before anything else is done
to them.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from embeddings.models import Collection
from embeddings.services.search_modes import find
from embeddings.store.search import Alongside, nothing
from embeddings.types.search import Found, Hit, MetadataFilter, Plan, SearchParams


@dataclass(frozen=True, slots=True)
class Asked:
    """What is searched for, and where. The collections share model and metric; `vector` is float32
    `(dimensions,)`, None where only words are compared; no hit is one of the `excluded` documents.
    With `named` each hit names its collection. `views` has for each collection what lets hits
    through: the filter of the parameters, and what the caller may see.
    """

    collections: tuple[Collection, ...]
    params: SearchParams
    views: Mapping[uuid.UUID, MetadataFilter | None]
    vector: NDArray[np.float32] | None
    excluded: frozenset[uuid.UUID] = frozenset()
    named: bool = False

    @property
    def query_vector(self) -> NDArray[np.float32]:
        """The vector of a search that has one."""
        if self.vector is None:
            raise RuntimeError("a search by words alone has no vector")
        return self.vector

    def params_of(self, collection: Collection) -> SearchParams:
        """The parameters as they are for one collection."""
        return replace(self.params, metadata_filter=self.views[collection.pk])

    def with_included(self, what: str) -> "Asked":
        """The same with hits that hold this too."""
        return replace(self, params=replace(self.params, include=self.params.include | {what}))


@dataclass(frozen=True, slots=True)
class Candidates:
    """Hits, best first; `plan` sums up `plans`, the collections' own, where they are named."""

    hits: list[Hit]
    plan: Plan
    plans: dict[str, Plan] | None = None


def candidates(*, asked: Asked, depth: int, alongside: Alongside = nothing) -> Candidates:
    """The `depth` best hits; never fewer than there are. Raises what the modes raise."""
    found: dict[str, Found] = {}
    for collection in asked.collections:
        found[collection.name] = find(
            collection=collection,
            params=asked.params_of(collection),
            vector=asked.vector,
            depth=depth + len(asked.excluded),
            alongside=alongside,
        )
        alongside = nothing
    return merged(asked=asked, found=found, depth=depth)


def merged(*, asked: Asked, found: Mapping[str, Found], depth: int) -> Candidates:
    """The `depth` best of what was found in each collection, by its name."""
    if not asked.named:
        [only] = found.values()
        return Candidates(hits=_allowed(only.hits, asked)[:depth], plan=only.plan)
    hits = [
        replace(hit, collection=name)
        for name, each in found.items()
        for hit in _allowed(each.hits, asked)
    ]
    plans = {name: each.plan for name, each in found.items()}
    hits.sort(key=rank)
    return Candidates(hits=hits[:depth], plan=_summary(list(plans.values())), plans=plans)


def rank(hit: Hit) -> tuple[float, uuid.UUID, int]:
    """The order of hits: nearest first, or those with the highest score; equal ones by key."""
    nearness = -hit.score if hit.distance is None else hit.distance
    return nearness, hit.document_id, hit.ordinal


def _allowed(hits: list[Hit], asked: Asked) -> list[Hit]:
    if not asked.excluded:
        return hits
    return [hit for hit in hits if hit.document_id not in asked.excluded]


def _summary(plans: list[Plan]) -> Plan:
    """The least exact of the plans, with the sums of what was counted in all."""
    least = next((plan for plan in plans if not plan.exact), plans[0])
    given = [plan.candidates for plan in plans if plan.candidates is not None]
    matches = [plan.matches for plan in plans if plan.matches is not None]
    all_counted = len(matches) == len(plans)
    return replace(
        least,
        candidates=sum(given) if given else None,
        matches=sum(matches) if all_counted else None,
        matches_at_least=all_counted and any(plan.matches_at_least for plan in plans),
    )
