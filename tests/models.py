"""Models that a test declares to the running service."""

import dataclasses

import pytest

from embeddings.engine import remote_models
from embeddings.services import engine
from embeddings.types.model import ModelDeclaration


def declare(monkeypatch: pytest.MonkeyPatch, *models: ModelDeclaration) -> None:
    """Serve these besides the shipped ones, until the test ends; nothing is loaded yet."""
    options = dataclasses.replace(engine.engine_options(), models=models)
    monkeypatch.setattr(engine, "engine_options", lambda: options)
    monkeypatch.setattr(engine, "_embedders", {})
    monkeypatch.setattr(engine, "_rerankers", {})
    monkeypatch.setattr(engine, "_reasons", {})
    monkeypatch.setattr(remote_models, "_reasons", {})
