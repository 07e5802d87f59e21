"""sentence-transformers' own encode, to measure against."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.catalog import find_model
from embeddings.engine.interface import EngineOptions, InputType
from embeddings.engine.pytorch_runtime import load_sentence_transformer


def encode_with_sentence_transformers(
    texts: Sequence[str], *, model: str, options: EngineOptions, input_type: InputType
) -> NDArray[np.float32]:
    """The texts' vectors, float32 `(n, dimensions)`, in their order. Holds torch in this process.

    Raises UnknownModel and UnusableModel.
    """
    card = find_model(model, options).card
    device = "cpu" if options.device == "auto" else options.device
    peer = load_sentence_transformer(card, device=device, precision="float32")
    vectors = peer.encode(list(texts), prompt=card.prompts[input_type], show_progress_bar=True)
    return np.asarray(vectors, dtype=np.float32)
