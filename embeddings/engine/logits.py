"""A reranker's own numbers to scores."""

import numpy as np
from numpy.typing import NDArray


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)) without overflow."""
    wide = np.clip(logits.astype(np.float64), -700, 700)
    scores: NDArray[np.float32] = (1 / (1 + np.exp(-wide))).astype(np.float32)
    return scores
