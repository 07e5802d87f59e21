"""The models' own vocabularies."""

from functools import lru_cache

from embeddings.engine.vocabulary import Vocabulary, load_vocabulary
from embeddings.services.engine import engine_options


@lru_cache(maxsize=8)
def vocabulary_of(model: str) -> Vocabulary:
    """The model's. Raises UnknownModel and NoVocabulary."""
    return load_vocabulary(model, engine_options())
