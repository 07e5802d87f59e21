"""The real all-MiniLM-L6-v2 on OpenVINO."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embeddings.engine import Embedder, EngineOptions, describe_model, load_embedder
from embeddings.exceptions import TextTooLong
from tests.unit.engine.conftest import run_python
from tests.unit.engine.texts import TEXTS

pytestmark = pytest.mark.model

MINILM = "all-MiniLM-L6-v2"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def minilm(real_options: EngineOptions) -> Iterator[Embedder]:
    embedder = load_embedder(MINILM, real_options)
    yield embedder
    embedder.close()


def test_it_works(minilm: Embedder, peer_folder: Path) -> None:
    embedded = minilm.embed(TEXTS)

    expected = np.load(peer_folder / f"{MINILM}.npz")["document"]
    np.testing.assert_allclose(embedded.vectors, expected, rtol=0, atol=TOLERANCE)
    assert embedded.vectors.dtype == np.float32
    assert embedded.vectors.flags.c_contiguous


def test_it_is_what_it_was_described_as(minilm: Embedder, real_options: EngineOptions) -> None:
    info = describe_model(MINILM, real_options)

    assert minilm.runtime == "openvino"
    assert (minilm.name, minilm.dimensions, minilm.max_tokens, minilm.fingerprint) == (
        info.name,
        info.dimensions,
        info.max_tokens,
        info.fingerprint,
    )


def test_a_vector_is_the_same_alone_and_in_a_batch(minilm: Embedder) -> None:
    alone = np.concatenate([minilm.embed([text]).vectors for text in TEXTS])

    np.testing.assert_allclose(minilm.embed(TEXTS).vectors, alone, rtol=0, atol=TOLERANCE)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(st.integers(min_value=0, max_value=len(TEXTS) - 1), max_size=24))
def test_a_vector_is_the_same_in_any_company(
    minilm: Embedder, peer_folder: Path, rows: list[int]
) -> None:
    expected = np.load(peer_folder / f"{MINILM}.npz")["document"][rows]

    vectors = minilm.embed([TEXTS[row] for row in rows]).vectors

    np.testing.assert_allclose(vectors, expected.reshape(-1, 384), rtol=0, atol=TOLERANCE)


def test_threads_do_not_disturb_each_other(minilm: Embedder) -> None:
    expected = minilm.embed(TEXTS).vectors

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda at: minilm.embed(TEXTS[at:]).vectors, range(12)))

    for at, vectors in enumerate(results):
        np.testing.assert_allclose(vectors, expected[at:], rtol=0, atol=TOLERANCE)


def test_tokens_and_truncation_are_exact(minilm: Embedder) -> None:
    texts = ["", "hello world", "word " * 254, "word " * 255, " " * 9000 + "hello"]

    embedded = minilm.embed(texts)

    assert embedded.tokens.tolist() == [2, 4, 256, 256, 3]
    assert embedded.truncated.tolist() == [False, False, False, True, False]
    assert minilm.count_tokens(texts) == [2, 4, 256, 257, 3]


def test_a_text_too_long_is_refused_where_truncation_is_not_wanted(minilm: Embedder) -> None:
    with pytest.raises(TextTooLong) as refused:
        minilm.embed(["short", "word " * 40_000], truncate=False)

    assert refused.value.values == {"index": 1, "tokens": 40_002, "max_tokens": 256}


def test_related_texts_score_higher(minilm: Embedder) -> None:
    query, related, unrelated = minilm.embed(
        [
            "How do I get my data back after a crash?",
            "Point-in-time recovery replays the write-ahead log from a base backup.",
            "Knead the dough for ten minutes and let it rest.",
        ]
    ).vectors

    assert query @ related > query @ unrelated + 0.1


def test_a_later_start_imports_neither_torch_nor_django(
    minilm: Embedder, real_options: EngineOptions
) -> None:
    """Nor openvino's telemetry, which reports each import over the network."""
    code = f"""
import sys
from pathlib import Path
from embeddings.engine import EngineOptions, load_embedder
loaded = lambda *names: [name for name in names if sys.modules.get(name)]
print(loaded("torch", "transformers", "openvino", "tokenizers", "django"))
embedder = load_embedder("{MINILM}", EngineOptions(data_dir=Path({str(real_options.data_dir)!r})))
print(embedder.fingerprint, embedder.embed(["alpha"]).vectors.tobytes().hex())
heavy = ("torch", "transformers", "sentence_transformers", "openvino_telemetry", "django")
print(loaded(*heavy))
embedder.close()
"""
    lines = run_python("-c", code).splitlines()
    before, vector, after = (line for line in lines if "model_loaded" not in line)

    assert before == after == "[]"
    fingerprint, hexadecimal = vector.split()
    assert fingerprint == minilm.fingerprint
    again = np.frombuffer(bytes.fromhex(hexadecimal), dtype=np.float32)
    np.testing.assert_allclose(again, minilm.embed(["alpha"]).vectors[0], rtol=0, atol=TOLERANCE)


def test_bfloat16_is_near_but_another_identity(
    minilm: Embedder, real_options: EngineOptions
) -> None:
    options = dataclasses.replace(real_options, precision="bfloat16")
    coarse = load_embedder(MINILM, options)

    texts = TEXTS[:6]
    exact, near = minilm.embed(texts).vectors, coarse.embed(texts).vectors
    coarse.close()

    assert coarse.fingerprint == describe_model(MINILM, options).fingerprint != minilm.fingerprint
    assert ((exact * near).sum(axis=1) > 0.9995).all()
    assert not np.allclose(exact, near, rtol=0, atol=TOLERANCE)
