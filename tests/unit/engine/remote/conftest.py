"""Fixtures of the tests with a provider: the server, and the embedders that ask it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embeddings.engine import EngineOptions, remote_models, remote_provider
from embeddings.engine.interface import Embedder, RemoteOptions
from embeddings.engine.remote import RemoteEmbedder
from embeddings.engine.remote_models import load_remote
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.remote.fake_provider import DIMENSIONS, FakeProvider, provider

Make = Callable[..., RemoteEmbedder]
PATIENCE_S = 60.0
"""What a busy machine may take. Only tests of what does not answer have less."""

SAME = "ab" * 32


@pytest.fixture
def server() -> Iterator[FakeProvider]:
    with provider() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh_breakers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port may come again."""
    monkeypatch.setattr(remote_provider, "_breakers", {})
    monkeypatch.setattr(remote_models, "_reasons", {})


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Embedders of a server or a URL, closed in the end; other fields of the declaration are
    keywords.
    """
    made: list[RemoteEmbedder] = []

    def make_embedder(
        server: FakeProvider | str,
        *,
        budget: float = PATIENCE_S,
        silence: float = PATIENCE_S,
        fallback: Callable[[], Embedder] | None = None,
        **fields: Any,
    ) -> RemoteEmbedder:
        url = server if isinstance(server, str) else server.url
        remote = RemoteOptions(connect_timeout=PATIENCE_S, read_timeout=silence, budget=budget)
        declared = {"name": "m", "url": url, "dimensions": DIMENSIONS, "max_tokens": 512}
        declaration = ModelDeclaration(provider="remote", **{**declared, **fields})
        options = EngineOptions(data_dir=tmp_path, remote=remote)
        made.append(load_remote(declaration, options, fallback=fallback))
        return made[-1]

    yield make_embedder
    for embedder in made:
        embedder.close()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the waits between attempts."""
    wait = remote_provider._wait
    monkeypatch.setattr(remote_provider, "_wait", lambda state: wait(state) / 100)
