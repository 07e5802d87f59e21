"""Chroma's `HuggingFaceEmbeddingServer`, a client of text-embeddings-inference."""

import pytest

from tests.clients.conftest import Run
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve


def test_it_works(run: Run, service: Instance) -> None:
    result = run(
        """
        from chromadb.utils.embedding_functions.huggingface_embedding_function import (
            HuggingFaceEmbeddingServer,
        )

        embed = HuggingFaceEmbeddingServer(url=URL + "/embed", api_key_env_var="EMBED_TOKEN")
        embed._session.timeout = 60  # its own is 5 s, which a busy machine may take
        result = [vector.tolist() for vector in embed(["green tea", "coffee"])]
        """,
        EMBED_TOKEN=service.token,
    )
    assert [len(vector) for vector in result] == [384, 384]
    assert result[0] != result[1]
