"""Searches by meaning and words together."""

import uuid

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.constants import SearchMode, SearchPath
from embeddings.models import Collection
from embeddings.services import hybrid_search
from embeddings.services.add import add_documents
from embeddings.services.hybrid_search import find_hybrid, leads, ranks
from embeddings.store.search import nothing
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import Found, SearchParams, Weights
from tests.factories import make_collection

pytestmark = pytest.mark.django_db


def unit(angle: float) -> NDArray[np.float32]:
    """A vector whose cosine to unit(0) is that of the angle."""
    vector = np.zeros(384, dtype=np.float32)
    vector[:2] = np.cos(angle), np.sin(angle)
    return vector


def search(collection: Collection, query: str, depth: int = 10, **options: object) -> Found:
    collection.refresh_from_db()
    params = SearchParams(query=query, mode=SearchMode.HYBRID, **options)  # type: ignore[arg-type]
    return find_hybrid(
        collection=collection, params=params, vector=unit(0), depth=depth, alongside=nothing
    )


def ids(found: Found) -> list[str]:
    return [hit.external_id for hit in found.hits]


@pytest.fixture
def numbered() -> Collection:
    """50 documents, the nearest first; every second one is of cats, one of a lynx."""
    collection = make_collection()
    documents = [
        DocumentInput(
            str(number),
            f"{'cats' if number % 2 else 'dogs'} {'lynx cub' if number == 31 else 'spare'} word",
            {"half": number // 25},
            unit(0.05 * number),
        )
        for number in range(50)
    ]
    add_documents(collection=collection, documents=documents)
    return collection


def test_it_works(numbered: Collection) -> None:
    found = search(numbered, "lynx cubs")
    assert ids(found)[:2] == ["31", "0"]
    best = found.hits[0]
    assert best.distance is None
    assert best.text == "cats lynx cub word"
    assert best.scores is not None
    assert best.scores["semantic"] == pytest.approx(np.cos(0.05 * 31), abs=1e-4)
    assert best.scores["keyword"] > 1
    assert found.plan.path == SearchPath.HYBRID
    assert found.plan.exact
    assert found.plan.weights is not None
    assert sum(found.plan.weights.values()) == pytest.approx(1)


def test_words_that_many_documents_have_decide_little(numbered: Collection) -> None:
    rare, common = search(numbered, "lynx").plan.weights, search(numbered, "cats").plan.weights
    assert rare is not None
    assert common is not None
    assert rare["keyword"] > 10 * common["keyword"]
    assert ids(search(numbered, "cats"))[0] == "0"


def test_without_a_word_that_says_anything_meaning_decides(numbered: Collection) -> None:
    found = search(numbered, "the unheard-of")
    assert ids(found) == [str(number) for number in range(10)]
    assert found.plan.weights == {"semantic": 1.0, "keyword": 0.0}


def test_given_weights_fuse_by_rank(numbered: Collection) -> None:
    found = search(numbered, "lynx", weights=Weights(semantic=3, keyword=2))
    assert found.plan.weights == {"semantic": 0.6, "keyword": 0.4}
    assert [hit.score for hit in found.hits[:2]] == pytest.approx([0.6 * 61 / 92 + 0.4, 0.6])
    again = search(numbered, "lynx", weights=Weights(semantic=1.5e308, keyword=1e308))
    assert [hit.score for hit in again.hits] == pytest.approx([hit.score for hit in found.hits])
    assert ids(search(numbered, "lynx", weights=Weights(1, 0)))[0] == "0"
    only_words = search(numbered, "lynx", weights=Weights(0, 1))
    assert ids(only_words)[0] == "31"
    assert only_words.hits[1].score == 0


def test_what_is_ruled_out_is_not_found(numbered: Collection) -> None:
    odd = {str(number) for number in range(1, 50, 2)}
    assert set(ids(search(numbered, "word -dogs", depth=50))) == odd
    assert ids(search(numbered, '"cats lynx"')) == ["31"]
    half = search(numbered, "lynx", metadata_filter=parse_filter({"half": 0}))
    assert ids(half) == [str(number) for number in range(10)]


def test_exclusions_leave_no_answer_short(
    numbered: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hybrid_search, "POOL", 1)
    found = search(numbered, "unheard -dogs -spare", depth=1)
    assert ids(found) == ["31"]


def test_the_sample_of_similarities_has_their_spread(numbered: Collection) -> None:
    spread = hybrid_search._spread(numbered, unit(0))
    assert spread == pytest.approx(
        np.std([np.cos(0.05 * number) for number in range(50)]), rel=1e-3
    )


def test_an_empty_and_a_tiny_collection_are_searched_too() -> None:
    collection = make_collection()
    assert search(collection, "cats").hits == []
    add_documents(collection=collection, documents=[DocumentInput("1", "dogs", {}, unit(0.1))])
    assert ids(search(collection, "cats")) == ["1"]


def test_a_lead_is_that_over_the_twentieth() -> None:
    keys = [uuid.uuid4() for _ in range(30)]
    shares, lead = leads(dict(zip(keys, range(30), strict=True)))
    assert lead == 19
    assert shares[keys[29]] == 1
    assert shares[keys[10]] == 0
    assert shares[keys[0]] == pytest.approx(-10 / 19)
    assert leads({keys[0]: 3.0}) == ({keys[0]: 0.0}, 0.0)
    assert leads({}) == ({}, 0.0)


def test_ranks_are_worth_less_and_less() -> None:
    keys = [uuid.uuid4() for _ in range(3)]
    worth = ranks(keys, dict(zip(keys, (1.0, 3.0, 2.0), strict=True)))
    assert worth == {keys[1]: 1, keys[2]: 61 / 62, keys[0]: 61 / 63}


def test_words_count_for_more_where_the_model_splits_them_finely(
    numbered: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def share(fineness: float) -> float:
        monkeypatch.setattr(hybrid_search, "split_fineness", lambda **_: fineness)
        weights = search(numbered, "cats spare").plan.weights
        assert weights is not None
        return weights["keyword"] / weights["semantic"]

    assert share(2.0) == pytest.approx(share(1.0) * 2**4)
