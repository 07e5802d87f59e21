"""An operator's own models: each converts, and agrees with sentence-transformers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.engine import EngineOptions, describe_model, load_embedder
from embeddings.engine.interface import InputType
from embeddings.engine.prepare import read_meta
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.conftest import run_python
from tests.unit.engine.texts import TEXTS

pytestmark = pytest.mark.model

TINY = ["tiny-bert", "tiny-distilbert", "tiny-roberta"]
INPUT_TYPES: list[InputType] = ["document", "query"]


@pytest.mark.parametrize("name", TINY)
def test_it_works(name: str, real_options: EngineOptions, peer_folder: Path) -> None:
    embedder = load_embedder(name, real_options)

    assert embedder.runtime == "openvino"
    expected = np.load(peer_folder / f"{name}.npz")
    for input_type in INPUT_TYPES:
        actual = embedder.embed(TEXTS, input_type=input_type).vectors
        np.testing.assert_allclose(actual, expected[input_type], rtol=0, atol=1e-5)
    info = describe_model(name, real_options)
    assert (embedder.dimensions, embedder.max_tokens) == (info.dimensions, info.max_tokens)
    embedder.close()


def test_prompts_set_queries_and_documents_apart(peer_folder: Path) -> None:
    """Or the comparison above would hold for an engine that ignores them."""
    expected = np.load(peer_folder / "tiny-bert.npz")

    assert not np.allclose(expected["query"], expected["document"], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "values", "length"),
    [
        ("tiny-distilbert", {"normalize": True}, 1.0),
        # Its prompt for documents, declared for queries.
        ("tiny-bert", {"normalize": False, "query_prompt": "del "}, None),
    ],
)
def test_what_is_declared_holds_for_the_vectors(
    real_options: EngineOptions,
    peer_folder: Path,
    name: str,
    values: dict[str, Any],
    length: float | None,
) -> None:
    folder = peer_folder / "models" / name
    options = replace(
        real_options, models=(ModelDeclaration(name="mine", folder=folder, **values),)
    )

    embedder = load_embedder("mine", options)

    vectors = embedder.embed(TEXTS, input_type="query").vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    assert embedder.runtime == "openvino"
    assert np.allclose(lengths, 1.0, atol=1e-5) is (length == 1.0)
    expected = np.load(peer_folder / f"{name}.npz")["document"]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors / lengths, expected, rtol=0, atol=1e-5)
    embedder.close()


def test_what_does_not_convert_runs_on_pytorch_with_the_same_identity(
    real_options: EngineOptions, peer_folder: Path, tmp_path: Path
) -> None:
    """The converter is made to see a difference that is not there."""
    code = f"""
import dataclasses, json, sys
from pathlib import Path
import numpy as np
from embeddings.engine import EngineOptions, load_embedder, prepare
from tests.unit.engine.texts import TEXTS
real = prepare.subprocess.run
def run(command, **how):
    patch = "import embeddings.engine.verify as v; v.TOLERANCE['float32'] = -1.0;"
    main = "import sys; from embeddings.engine.convert import main; sys.exit(main())"
    return real([command[0], "-c", patch + main, *command[3:]], **how)
prepare.subprocess.run = run
options = EngineOptions(
    data_dir=Path({str(tmp_path)!r}), model_dir=Path({str(real_options.model_dir)!r}), device="cpu"
)
embedder = load_embedder("tiny-bert", options)
np.savez({str(tmp_path / "out.npz")!r}, **{{
    kind: embedder.embed(TEXTS, input_type=kind).vectors for kind in ("document", "query")
}})
print(embedder.runtime, embedder.fingerprint)
"""
    runtime, fingerprint = run_python("-c", code).splitlines()[-1].split()

    assert runtime == "pytorch"
    assert fingerprint == describe_model("tiny-bert", real_options).fingerprint
    actual, expected = np.load(tmp_path / "out.npz"), np.load(peer_folder / "tiny-bert.npz")
    for input_type in INPUT_TYPES:
        np.testing.assert_allclose(actual[input_type], expected[input_type], rtol=0, atol=1e-5)
    [folder] = (tmp_path / "models").glob("tiny-bert-*")
    assert "differ from PyTorch's" in read_meta(folder)["reason"]
