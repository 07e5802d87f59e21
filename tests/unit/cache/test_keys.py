"""Names of cached values."""

import uuid
from typing import Any

import pytest
from pydantic import SecretStr

from embeddings.cache import collection_scope, prefix_of, searches_of, text_keys, vectors_of
from embeddings.cache.keys import EVERYTHING, instance_key

SAME: dict[str, Any] = {
    "owner_id": 1,
    "fingerprint": "f" * 64,
    "input_type": "document",
    "max_tokens": 256,
    "truncate": True,
}
AREA = vectors_of(model="m", dimensions=3)


def key(text: str = "tea", **changes: Any) -> bytes:
    return text_keys(AREA, [text], **{**SAME, **changes})[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "Tea"},
        {"text": "tea "},
        {"owner_id": 2},
        {"fingerprint": "e" * 64},
        {"input_type": "query"},
        {"max_tokens": 128},
        {"truncate": False},
    ],
)
def test_whatever_changes_the_outcome_changes_the_key(changes: dict[str, Any]) -> None:
    assert key(**changes) != key()
    assert key(**changes) == key(**changes)


def test_nothing_runs_into_its_neighbour() -> None:
    assert key("2\nx", input_type="query\n1") != key("1\n2\nx", input_type="query")


def test_owners_share_only_if_the_operator_says_so(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_sharing": True})
    assert key(owner_id=1) == key(owner_id=2)


def test_another_instance_has_other_keys(settings: Any) -> None:
    mine = key()
    settings.EMBED = settings.EMBED.model_copy(update={"secret_key": SecretStr("another" * 10)})
    forget_secret()
    try:
        assert key()[-32:] != mine[-32:]
        assert prefix_of(EVERYTHING) != AREA.prefix[: len(prefix_of(EVERYTHING))]
    finally:
        forget_secret()


def forget_secret() -> None:
    instance_key.cache_clear()
    prefix_of.cache_clear()


def test_a_key_tells_nothing_and_begins_as_its_area() -> None:
    assert b"tea" not in key()
    assert key().startswith(AREA.prefix)
    assert AREA.prefix.startswith(prefix_of(EVERYTHING))
    assert AREA.prefix != vectors_of(model="n", dimensions=3).prefix


def test_a_search_is_cleared_with_its_collection_or_its_model() -> None:
    collection_id = uuid.uuid4()
    area = searches_of(collection_id=collection_id, model="m")
    assert area.scopes == ("all", "model:m", collection_scope(collection_id))
    assert area.prefix == prefix_of(collection_scope(collection_id))
