"""Maximal marginal relevance, against a plain spelling of its definition."""

import numpy as np
import pytest

from embeddings.services.diversity import cosines, most_diverse, scaled


@pytest.fixture
def random() -> np.random.Generator:
    """The same numbers for each test, whichever came before it."""
    return np.random.default_rng(3)


def by_definition(
    relevance: list[float], vectors: list[list[float]], diversity: float
) -> list[int]:
    def similarity(one: int, other: int) -> float:
        a, b = np.array(vectors[one]), np.array(vectors[other])
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    chosen: list[int] = []
    left = list(range(len(vectors)))
    while left:
        worth = {
            at: (1 - diversity) * relevance[at]
            - diversity * max((similarity(at, other) for other in chosen), default=0.0)
            for at in left
        }
        best = max(left, key=lambda at: worth[at])
        chosen.append(best)
        left.remove(best)
    return chosen


@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_it_works(diversity: float, random: np.random.Generator) -> None:
    vectors = random.normal(size=(40, 8)).astype(np.float32)
    relevance = cosines(random.normal(size=8).astype(np.float32), vectors)
    expected = by_definition(relevance.tolist(), vectors.tolist(), diversity)
    for count in (1, 10, 40, 50):
        chosen = most_diverse(
            relevance=relevance, vectors=vectors, diversity=diversity, count=count
        )
        assert chosen == expected[:count]


def test_without_diversity_the_most_relevant_come_first(random: np.random.Generator) -> None:
    vectors = random.normal(size=(30, 8)).astype(np.float32)
    relevance = random.normal(size=30).astype(np.float32)
    chosen = most_diverse(relevance=relevance, vectors=vectors, diversity=0.0, count=30)
    assert chosen == np.argsort(-relevance).tolist()


def test_a_copy_comes_after_what_is_new() -> None:
    vectors = np.array([[1, 0], [1, 0], [0.6, 0.8], [0, 1]], dtype=np.float32)
    relevance = cosines(np.array([2, 0.2], dtype=np.float32), vectors)
    chosen = most_diverse(relevance=relevance, vectors=vectors, diversity=0.5, count=4)
    assert chosen == [0, 3, 1, 2]


def test_extreme_vectors_have_cosines() -> None:
    vectors = np.array([[4e17] * 3, [1e-22] * 3, [-4e17] * 3], dtype=np.float32)
    found = cosines(np.array([1e-22] * 3, dtype=np.float32), vectors)
    assert np.allclose(found, [1, 1, -1])


def test_scores_on_one_scale() -> None:
    assert scaled(np.array([3, 1, 2], dtype=np.float32)).tolist() == [1, 0, 0.5]
    assert scaled(np.array([7, 7], dtype=np.float32)).tolist() == [1, 1]
