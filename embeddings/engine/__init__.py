"""Text to vectors: the embedders, and nothing of Django or of the database.

Importing this package imports no model runtime; loading a model does.
"""

from embeddings.engine.catalog import describe_model, model_names
from embeddings.engine.interface import (
    Embedded,
    Embedder,
    EngineOptions,
    InputType,
    ModelInfo,
    UnusableModel,
)
from embeddings.engine.loading import load_embedder

__all__ = [
    "Embedded",
    "Embedder",
    "EngineOptions",
    "InputType",
    "ModelInfo",
    "UnusableModel",
    "describe_model",
    "load_embedder",
    "model_names",
]
