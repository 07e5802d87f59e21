"""Text to vectors: the embedders, the rerankers, and nothing of Django or of the database.

Importing this package imports no model runtime; loading a model does.
"""

from embeddings.engine.catalog import LATE_INTERACTION, describe_model, model_names
from embeddings.engine.interface import (
    Embedded,
    Embedder,
    EngineOptions,
    InputType,
    ModelInfo,
    Reranker,
    Scores,
    UnusableModel,
)
from embeddings.engine.loading import load_embedder
from embeddings.engine.reranker_loading import load_reranker

__all__ = [
    "LATE_INTERACTION",
    "Embedded",
    "Embedder",
    "EngineOptions",
    "InputType",
    "ModelInfo",
    "Reranker",
    "Scores",
    "UnusableModel",
    "describe_model",
    "load_embedder",
    "load_reranker",
    "model_names",
]
