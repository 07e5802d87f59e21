"""Real rerankers: tiny cross-encoders with random weights, and MiniLM's late interaction."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.engine import (
    LATE_INTERACTION,
    EngineOptions,
    Reranker,
    describe_model,
    load_embedder,
    load_reranker,
)
from embeddings.engine.late_interaction import MAXSIM_SHARE
from embeddings.engine.prepare import read_meta
from embeddings.exceptions import CallerGone, TextTooLong
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.conftest import run_python
from tests.unit.engine.texts import RERANK_QUERIES, RERANK_TEXTS

pytestmark = pytest.mark.model

CROSS_ENCODERS = ["tiny-bert-judge", "tiny-roberta-judge"]
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny cross-encoders in `rerankers`, and what sentence-transformers says with them."""
    folder = tmp_path_factory.mktemp("rerankers")
    run_python("-W", "ignore", "-m", "tests.unit.engine.reranker_peer", str(folder))
    return folder


@pytest.fixture(scope="module")
def options(real_options: EngineOptions, peers: Path) -> EngineOptions:
    return dataclasses.replace(
        real_options,
        models=tuple(
            ModelDeclaration(name=name, kind="reranker", folder=peers / "rerankers" / name)
            for name in CROSS_ENCODERS
        ),
    )


@pytest.fixture(scope="module", params=[*CROSS_ENCODERS, LATE_INTERACTION.name])
def reranker(request: pytest.FixtureRequest, options: EngineOptions) -> Iterator[Reranker]:
    loaded = load_reranker(request.param, options)
    yield loaded
    loaded.close()


def expected(reranker: Reranker, peers: Path, query: int) -> tuple[NDArray[np.float32], ...]:
    """Scores and logits as sentence-transformers has them."""
    if reranker.name in CROSS_ENCODERS:
        said = np.load(peers / f"{reranker.name}.npz")
        return said["scores"][query], said["logits"][query]
    arrays = np.load(peers / "tokens.npz")
    cosines = arrays["text-vectors"] @ arrays["query-vectors"][query]
    nearest = [
        (arrays[f"query{query}"] @ arrays[f"text{index}"].T).max(axis=1).mean()
        for index in range(len(RERANK_TEXTS))
    ]
    mixed = (1 - MAXSIM_SHARE) * cosines + MAXSIM_SHARE * np.array(nearest)
    return np.clip(mixed, 0, 1), mixed


@pytest.mark.parametrize("query", range(len(RERANK_QUERIES)))
def test_it_works(reranker: Reranker, peers: Path, query: int) -> None:
    said = reranker.score(RERANK_QUERIES[query], RERANK_TEXTS)

    scores, logits = expected(reranker, peers, query)
    assert reranker.runtime == "openvino"
    np.testing.assert_allclose(said.logits, logits, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(said.scores, scores, rtol=0, atol=TOLERANCE)
    assert said.tokens.max() == reranker.max_tokens


def test_a_score_is_the_same_alone_and_in_company(reranker: Reranker) -> None:
    query = RERANK_QUERIES[1]
    alone = [reranker.score(query, [text]).logits for text in RERANK_TEXTS]

    together = reranker.score(query, RERANK_TEXTS).logits
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=0, atol=TOLERANCE)


def test_what_is_too_long_is_refused_before_any_work(reranker: Reranker) -> None:
    with pytest.raises(TextTooLong) as raised:
        reranker.score("alpha", ["beta", RERANK_TEXTS[-1]], truncate=False)
    assert raised.value.values["index"] == 1
    assert raised.value.values["tokens"] > raised.value.values["max_tokens"] == reranker.max_tokens

    reranker.score("alpha", ["beta"], truncate=False)


def test_of_a_text_no_more_is_read_than_asked_for(reranker: Reranker) -> None:
    """And what was to be left out is not too long."""
    cut = reranker.score("alpha", ["beta gamma " * 400], text_tokens=2, truncate=False)
    short = reranker.score("alpha", ["beta gamma"])

    np.testing.assert_allclose(cut.logits, short.logits, rtol=0, atol=TOLERANCE)


def test_nothing_is_done_for_a_caller_that_has_gone(reranker: Reranker) -> None:
    with pytest.raises(CallerGone):
        reranker.score("alpha", ["beta"], gone=lambda: True)


def test_a_later_start_imports_no_torch(reranker: Reranker, options: EngineOptions) -> None:
    folders = {each.name: str(each.folder) for each in options.models}
    code = f"""
import sys
from pathlib import Path
from embeddings.engine import EngineOptions, load_reranker
from embeddings.types.model import ModelDeclaration
models = [
    ModelDeclaration(name=name, kind="reranker", folder=folder)
    for name, folder in {folders!r}.items()
]
options = EngineOptions(
    data_dir=Path({str(options.data_dir)!r}), device="cpu", models=tuple(models)
)
said = load_reranker({reranker.name!r}, options).score("alpha", ["beta", "gamma"]).logits
print(float(said[0]), float(said[1]), "torch" in sys.modules)
"""
    first, second, torch = run_python("-c", code).split()[-3:]

    assert torch == "False"
    here = reranker.score("alpha", ["beta", "gamma"]).logits
    np.testing.assert_allclose([float(first), float(second)], here, rtol=0, atol=TOLERANCE)


def test_minilm_is_converted_once_for_vectors_and_tokens(options: EngineOptions) -> None:
    load_reranker(LATE_INTERACTION.name, options).close()
    load_embedder("all-MiniLM-L6-v2", options).close()
    found = (options.data_dir / "models").glob("all-MiniLM-L6-v2*/meta.json")

    assert len(list(found)) == 1


def test_it_is_described_without_loading(options: EngineOptions) -> None:
    for name, max_tokens in (
        *zip(CROSS_ENCODERS, (40, 33), strict=True),
        (LATE_INTERACTION.name, 256),
    ):
        info = describe_model(name, options, kind="reranker")
        assert (info.kind, info.dimensions, info.max_tokens) == ("reranker", 0, max_tokens)


def test_what_does_not_convert_runs_on_pytorch(
    options: EngineOptions, peers: Path, tmp_path: Path
) -> None:
    """The converter is made to see a difference that is not there."""
    folder = peers / "rerankers" / "tiny-bert-judge"
    code = f"""
from pathlib import Path
import numpy as np
from embeddings.engine import EngineOptions, load_reranker, prepare
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.texts import RERANK_QUERIES, RERANK_TEXTS
real = prepare.subprocess.run
def run(command, **how):
    patch = "import embeddings.engine.reranker_pytorch as p; p.TOLERANCE['float32'] = -1.0;"
    main = "import sys, runpy; sys.argv = ['', *sys.argv[1:]];"
    main += "runpy.run_module('embeddings.engine.reranker_convert', run_name='__main__')"
    return real([command[0], "-c", patch + main, *command[3:]], **how)
prepare.subprocess.run = run
declared = ModelDeclaration(name="judge", kind="reranker", folder={str(folder)!r})
options = EngineOptions(data_dir=Path({str(tmp_path)!r}), device="cpu", models=(declared,))
reranker = load_reranker("judge", options)
np.save({str(tmp_path / "out.npy")!r}, reranker.score(RERANK_QUERIES[1], RERANK_TEXTS).scores)
print(reranker.runtime)
"""
    assert run_python("-W", "ignore", "-c", code).splitlines()[-1] == "pytorch"

    said = np.load(peers / "tiny-bert-judge.npz")["scores"][1]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), said, rtol=0, atol=TOLERANCE)
    [converted] = (tmp_path / "models").glob("tiny-bert-judge-*")
    assert "differ from PyTorch's" in read_meta(converted)["reason"]
