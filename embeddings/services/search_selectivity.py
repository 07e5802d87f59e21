"""How much of a collection a filter lets through, by a sample, and how soon that is found: this
bears on how a search is done, never on what it finds.
"""

from functools import partial
from threading import Lock

from cachetools import TTLCache

from embeddings.constants import FieldType, IndexState
from embeddings.models import Collection
from embeddings.store.search import Alongside, Target, nothing, sample_matches
from embeddings.types.filter import RANGE_OPERATORS, And, Condition, MetadataFilter, Not, Or
from embeddings.types.metadata_schema import read_schema

CONTAINMENT = frozenset({"$eq", "$in", "$contains"})
"""What the index on the whole metadata serves."""

SAMPLED = 300
"""Documents: 0.15 ms, and a filter that lets 3 % through is not taken for one of 10 %."""

FEW = 10
"""Matches: 5 of 300 may be 1.8 % or half of that, between which exact search and index change
places."""
SAMPLED_AGAIN = 3_000
"""Documents, where a first sample has matches, but few: 1.2 ms."""

REMEMBERED_S = 60

_shares: TTLCache[tuple[int, str], float] = TTLCache(maxsize=1_000, ttl=REMEMBERED_S)
_lock = Lock()


def share_of(*, target: Target, metadata_filter: MetadataFilter, alongside: Alongside) -> float:
    """The share in 0…1, and not 0, that the filter lets through, as it was within the last minute:
    the same filters come again and again. What is `alongside` is sent with the sample only.
    """
    key = (target.generation_id, repr(metadata_filter))
    with _lock:
        share = _shares.get(key)
    if share is None:
        sample = partial(sample_matches, target=target, metadata_filter=metadata_filter)
        taken, passed = sample(count=SAMPLED, alongside=alongside)
        if 0 < passed < FEW:
            taken, passed = sample(count=SAMPLED_AGAIN, alongside=nothing)
        share = (passed + 0.5) / (taken + 1)
        with _lock:
            _shares[key] = share
    return share


def is_found_by_index(*, collection: Collection, metadata_filter: MetadataFilter) -> bool:
    """Whether indexes lead to what the filter lets through, or every document is to be checked."""
    match metadata_filter:
        case Condition():
            return _is_served(collection, metadata_filter)
        case And(parts):
            return any(_found(collection, part) for part in parts)
        case Or(parts):
            return all(_found(collection, part) for part in parts)
        case Not():
            return False


def _found(collection: Collection, part: MetadataFilter) -> bool:
    return is_found_by_index(collection=collection, metadata_filter=part)


def _is_served(collection: Collection, condition: Condition) -> bool:
    if condition.operator in CONTAINMENT and not condition.as_instants:
        return True
    if condition.operator not in RANGE_OPERATORS | CONTAINMENT:
        return False
    if condition.as_instants:
        declared = FieldType.DATETIME
    else:
        declared = FieldType.STRING if isinstance(condition.value, str) else FieldType.NUMBER
    return any(
        field.path == condition.path
        and field.type == declared
        and field.index
        and field.state == IndexState.READY
        for field in read_schema(collection.metadata_schema).values()
    )
