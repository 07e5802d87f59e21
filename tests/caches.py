"""The cache as tests need it."""

import math

from embeddings.cache import Cache, the_cache


def start_cache() -> Cache:
    """A new one, as another process would have it. It never asks by itself what was cleared, which
    would be a query in the middle of a test that counts them.
    """
    the_cache.cache_clear()
    the_cache().cutoffs.due = math.inf
    return the_cache()
