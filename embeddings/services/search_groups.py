"""Hits grouped by the values of a metadata field."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from embeddings.constants import IndexState, SearchMode, SearchPath
from embeddings.services.search_candidates import Asked, Candidates, candidates
from embeddings.services.search_pages import MAX_RANKED, at_least
from embeddings.store.search import Alongside, Target, nothing, send_alone
from embeddings.store.search_groups import nearest_groups
from embeddings.types.search import FieldGroups, Group, Hit, Path, Plan, SearchResult

FIRST_DEPTH = 100
DEEPER = 8
"""How deep the ranking is looked into first, at least, and how many times deeper each next time."""


def grouped(*, asked: Asked, group_by: FieldGroups, alongside: Alongside = nothing) -> SearchResult:
    """The `top_k` groups with the best hits, best first; never fewer than there are.

    The first hits of the ranking are tried. Where they hold too few groups, or groups that are not
    full, and vectors are compared in a collection alone, all matches are grouped in the database;
    else the ranking is looked into deeper, down to MAX_RANKED hits.
    """
    ranked, groups = _looked_into(asked, group_by, alongside)
    if ranked is None:
        return _grouped_exactly(asked, group_by)
    plan = replace(ranked.plan, considered=len(ranked.hits))
    return SearchResult(hits=[], groups=groups, plan=plan, plans=ranked.plans)


def group_hits(hits: Iterable[Hit], *, path: Path, size: int) -> list[Group]:
    """The groups in the order of their best hits, with up to `size` of these. A hit is in as many
    groups as its field has values, and in none without one.
    """
    groups: dict[tuple[bool, Any], Group] = {}
    for hit in hits:
        for value in field_values(hit.metadata, path):
            # 1 and 1.0 are the same number; true is another value.
            group = groups.setdefault((isinstance(value, bool), value), Group(value, []))
            if len(group.hits) < size:
                group.hits.append(hit)
    return list(groups.values())


def field_values(metadata: Any, path: Path) -> list[str | float | bool]:
    """The distinct strings, numbers and booleans at the path; those of an array one by one."""
    value = metadata
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    elements = value if isinstance(value, list) else [value]
    scalars = [each for each in elements if isinstance(each, str | int | float)]
    return list({(isinstance(each, bool), each): each for each in scalars}.values())


def _looked_into(
    asked: Asked, group_by: FieldGroups, alongside: Alongside
) -> tuple[Candidates | None, list[Group]]:
    params, size = asked.params, group_by.size
    in_database = params.mode == SearchMode.SEMANTIC and not asked.named
    if in_database and (params.exact or not _is_indexed(asked)):
        send_alone(alongside)
        return None, []
    asked, depth = asked.with_included("metadata"), max(FIRST_DEPTH, 4 * params.top_k * size)
    while True:
        depth = min(depth, MAX_RANKED)
        ranked = candidates(asked=asked, depth=depth, alongside=alongside)
        hits = at_least(ranked.hits, params.min_score)
        groups = group_hits(hits, path=group_by.path, size=size)[: params.top_k]
        full = len(groups) == params.top_k and all(len(each.hits) == size for each in groups)
        if full or len(hits) < depth or depth == MAX_RANKED:
            return ranked, groups
        if in_database:
            return None, []
        depth, alongside = depth * DEEPER, nothing


def _is_indexed(asked: Asked) -> bool:
    return asked.collections[0].generation.index_state == IndexState.READY


def _grouped_exactly(asked: Asked, group_by: FieldGroups) -> SearchResult:
    [collection], params = asked.collections, asked.params
    groups = nearest_groups(
        target=Target.of(collection.generation),
        vector=asked.query_vector,
        group_by=group_by,
        top_k=params.top_k,
        excluded=asked.excluded,
        metadata_filter=asked.views[collection.pk],
        include=params.include,
    )
    kept = [replace(each, hits=at_least(each.hits, params.min_score)) for each in groups]
    plan = Plan(path=SearchPath.EXACT, exact=True)
    return SearchResult(hits=[], groups=[each for each in kept if each.hits], plan=plan)
