"""LangChain's `OpenAIEmbeddings`, which sends token ids of cl100k_base."""

import pytest

from tests.clients.conftest import Run

pytestmark = pytest.mark.serve

CLIENT = """
from langchain_openai import OpenAIEmbeddings
client = OpenAIEmbeddings(model=MODEL, base_url=URL + "/v1", api_key=TOKEN)
"""
BARE = """
import openai
bare = openai.OpenAI(base_url=URL + "/v1", api_key=TOKEN)
"""


def test_it_works(run: Run) -> None:
    """The vectors are those of the texts, though only ids were sent."""
    result = run(
        CLIENT
        + BARE
        + """
texts = ["Le thé vert se boit chaud.", "green tea", "茶を淹れる"]
made = bare.embeddings.create(model=MODEL, input=texts).data
result = {
    "documents": client.embed_documents(texts),
    "query": client.embed_query("green tea"),
    "bare": [row.embedding for row in made],
}
"""
    )
    for one, other in zip(result["documents"], result["bare"], strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    assert result["query"] == pytest.approx(result["bare"][1], abs=1e-6)


def test_many_documents(run: Run) -> None:
    result = run(
        CLIENT
        + """
vectors = client.embed_documents([f"document number {i}" for i in range(1500)])
result = [len(vectors), sorted({len(vector) for vector in vectors})]
"""
    )
    assert result == [1500, [384]]


def test_a_document_beyond_the_limit_is_sent_in_parts(run: Run) -> None:
    result = run(CLIENT + 'result = [len(client.embed_query("word " * 20_000))]')
    assert result == [384]
