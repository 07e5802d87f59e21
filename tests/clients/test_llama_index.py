"""LlamaIndex: its clients of OpenAI's embeddings and of text-embeddings-inference."""

import pytest

from tests.clients.conftest import Run

pytestmark = pytest.mark.serve

OPENAI = """
from llama_index.embeddings.openai import OpenAIEmbedding
client = OpenAIEmbedding(model_name=MODEL, api_base=URL + "/v1", api_key=TOKEN)
"""
TEI = """
from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference
client = TextEmbeddingsInference(model_name=MODEL, base_url=URL, auth_token=TOKEN)
"""
CALLS = """
import asyncio
result = {
    "query": client.get_query_embedding("green tea"),
    "text": client.get_text_embedding("green tea"),
    "texts": client.get_text_embedding_batch(["green tea", "coffee"] * 60),
    "async": asyncio.run(client.aget_text_embedding("green tea")),
}
"""


@pytest.mark.parametrize("client", [OPENAI, TEI], ids=["openai", "tei"])
def test_it_works(run: Run, client: str) -> None:
    result = run(client + CALLS)

    assert len(result["texts"]) == 120
    assert {len(vector) for vector in result["texts"]} == {384}
    for vector in (result["text"], result["query"], result["async"], result["texts"][118]):
        assert vector == pytest.approx(result["texts"][0], abs=1e-6)
    assert result["texts"][1] != result["texts"][0]
