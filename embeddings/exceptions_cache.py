"""Errors of the cache, as `exceptions` has those of all else."""

from embeddings.exceptions import EmbeddingsError


class CacheUnavailable(EmbeddingsError):
    """Redis does not answer: no other process would find what is warmed."""

    status = 503
    code = "cache_unavailable"
    title = "Service unavailable"
