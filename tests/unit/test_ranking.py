"""The quality of rankings, against values worked out by hand."""

import math

import pytest

from embeddings.services.ranking import ndcg, recall, reciprocal_rank

JUDGED = {"a": 3, "b": 2, "c": 1, "d": 0}


def test_it_works() -> None:
    # DCG = 2/log2(2) + 0 + 3/log2(4) + 0 + 1/log2(6); ideal = 3/1 + 2/log2(3) + 1/log2(4)
    expected = (2 + 3 / 2 + 1 / math.log2(6)) / (3 + 2 / math.log2(3) + 1 / 2)
    assert ndcg(["b", "x", "a", "d", "c"], JUDGED, k=10) == pytest.approx(expected)
    assert expected == pytest.approx(0.8163, abs=1e-4)
    assert recall(["b", "x", "a"], JUDGED, k=10) == pytest.approx(2 / 3)
    assert reciprocal_rank(["x", "d", "a"], JUDGED) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("ranked", "k", "expected"),
    [
        (["a", "b", "c"], 10, 1.0),
        (["a", "b", "c"], 2, 1.0),
        (["x", "a"], 1, 0.0),
        ([], 10, 0.0),
        # 3/log2(3) over the ideal's first two: 3 + 2/log2(3)
        (["x", "a", "b"], 2, (3 / math.log2(3)) / (3 + 2 / math.log2(3))),
    ],
)
def test_ndcg_looks_at_the_first_k(ranked: list[str], k: int, expected: float) -> None:
    assert ndcg(ranked, JUDGED, k=k) == pytest.approx(expected)


def test_one_relevant_document_at_rank_three() -> None:
    assert ndcg(["x", "y", "a"], {"a": 1}, k=10) == pytest.approx(0.5)  # 1 / log2(4)


def test_recall_looks_at_the_first_k() -> None:
    assert recall(["a", "x", "b"], JUDGED, k=2) == pytest.approx(1 / 3)
    assert recall(["d"], JUDGED, k=2) == 0


def test_negative_grades_are_not_relevant() -> None:
    assert ndcg(["a"], {"a": -1, "b": 1}, k=10) == 0
    assert recall(["a"], {"a": -1, "b": 1}, k=10) == 0
    assert reciprocal_rank(["a"], {"a": -1}) == 0


def test_without_anything_relevant_all_is_zero() -> None:
    for judged in ({}, {"a": 0}):
        assert ndcg(["a"], judged, k=10) == 0
        assert recall(["a"], judged, k=10) == 0
        assert reciprocal_rank(["a"], judged) == 0
