"""Finds names of persons, by presidio and a spaCy model. The only module that names either."""

import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

PIECE_CHARS = 50_000
"""So much is read at once: spaCy refuses a million characters, and takes 1 GB for a tenth of it."""

NEEDED = ("presidio_analyzer", "spacy")

_lock = threading.Lock()


def missing(*, model: str) -> list[str]:
    """The packages that are needed and not installed; `model` is a package, too."""
    return [package for package in (*NEEDED, model) if find_spec(package) is None]


def find_names(text: str, *, model: str) -> Iterator[tuple[int, int]]:
    """Spans of names of persons. Raises ImportError where a package is missing."""
    for start, piece in _pieces(text):
        with _lock:  # a spaCy pipeline is not made for several threads
            found = _analyzer(model).analyze(piece, language=model[:2], entities=["PERSON"])
        for result in found:
            yield start + result.start, start + result.end


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    while start < len(text):
        end = start + PIECE_CHARS
        if end < len(text):
            end = max(text.rfind(" ", start, end), text.rfind("\n", start, end)) + 1 or end
        yield start, text[start:end]
        start = end


@lru_cache(maxsize=1)
def _analyzer(model: str) -> Any:
    # Only now: they are an extra, and take a second to import.
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    if absent := missing(model=model):
        raise ImportError(", ".join(absent))  # presidio would download the model
    language = model[:2]
    models = [{"lang_code": language, "model_name": model}]
    engine = NlpEngineProvider(
        nlp_configuration={"nlp_engine_name": "spacy", "models": models}
    ).create_engine()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.add_recognizer(
        SpacyRecognizer(supported_language=language, supported_entities=["PERSON"])
    )
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
