"""The bare loop computes what the engine computes, so that both may be compared."""

import numpy as np
import pytest

from embeddings.engine import load_embedder
from embeddings.engine.bare_loop import BareLoop
from embeddings.engine.interface import EngineOptions
from embeddings.engine.sources import MINILM
from embeddings.exceptions import UnknownModel


@pytest.mark.model
def test_it_works(real_options: EngineOptions) -> None:
    texts = [f"{'word ' * (number % 40)}number {number}" for number in range(100)]
    vectors = BareLoop(MINILM, real_options).embed(texts)
    embedder = load_embedder(MINILM, real_options)
    np.testing.assert_allclose(vectors, embedder.embed(texts).vectors, atol=1e-5)
    embedder.close()


def test_a_model_that_is_not_served_is_said(real_options: EngineOptions) -> None:
    with pytest.raises(UnknownModel):
        BareLoop("gpt", real_options)
