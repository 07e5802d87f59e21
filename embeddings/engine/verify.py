"""Compares an embedder with sentence-transformers' own encode on a few texts."""

from collections.abc import Sequence

import numpy as np
from sentence_transformers import SentenceTransformer

from embeddings.engine.card import ModelCard
from embeddings.engine.interface import Embedder, InputType

TOLERANCE = {"float32": 1e-5, "bfloat16": 2e-2, "float16": 5e-3}
"""Largest |Δ| of a component. In bfloat16, which has 8 bits, MiniLM's differ from float32's by
1.4e-3; larger models add up more. float16 has 11 bits."""

SAMPLES = [
    "PostgreSQL",
    "How do I restore a database from last night's backup?",
    "Größe, naïveté, 東京 and 🚀: more than ASCII.",
    "A worker takes the job, renews its lease while it runs and gives it back when it stops. " * 3,
    "Every line of this text is read only as far as the model's limit allows. " * 200,
]
"""Of different lengths, the last one longer than most models read."""

INPUT_TYPES: Sequence[InputType] = ("document", "query")


def largest_difference(model: SentenceTransformer, card: ModelCard, embedder: Embedder) -> float:
    """The largest |Δ| of a component over the samples, each alone and all together, relative to
    the largest component where that is above 1; NaN where a vector is not finite.
    """
    differences: list[float] = []
    for input_type in INPUT_TYPES:
        prompt = card.prompts[input_type]
        expected = np.asarray(
            model.encode(SAMPLES, prompt=prompt, batch_size=2, show_progress_bar=False),
            dtype=np.float32,
        )
        scale = max(1.0, float(np.abs(expected).max()))
        alone = [embedder.embed([text], input_type=input_type).vectors for text in SAMPLES]
        together = embedder.embed(SAMPLES, input_type=input_type).vectors
        differences.extend(
            float(np.abs(actual - expected).max()) / scale
            for actual in (together, np.concatenate(alone))
        )
    return float(np.max(differences))
