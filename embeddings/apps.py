"""The product: collections, documents, vectors and search."""

from django.apps import AppConfig


class EmbeddingsConfig(AppConfig):
    """Collections, documents, generations, chunks and jobs."""

    name = "embeddings"
