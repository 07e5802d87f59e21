"""Rerankers' clients: Cohere's own, and LlamaIndex's of Cohere, Jina and
text-embeddings-inference.
"""

import pytest

from embeddings.engine import LATE_INTERACTION
from tests.clients.conftest import Run
from tests.serve.instances import Instance

pytestmark = [pytest.mark.serve, pytest.mark.model]

MODEL = LATE_INTERACTION.name
TEXTS = ["The gate code changes on Mondays.", "Yeast makes dough rise.", "Trains leave at noon."]

SETTING = f"""
QUERY, TEXTS, RERANKER = "Why does bread dough rise?", {TEXTS!r}, {MODEL!r}
"""
COHERE = """
from cohere import ClientV2
client = ClientV2(api_key=TOKEN, base_url=URL)
"""
NODES = """
from llama_index.core.schema import NodeWithScore, TextNode
nodes = [NodeWithScore(node=TextNode(text=text), score=0.0) for text in TEXTS]
ranked = client.postprocess_nodes(nodes, query_str=QUERY)
result = [[each.node.text, each.score] for each in ranked]
"""
LLAMA_INDEX = {
    "cohere": """
from llama_index.postprocessor.cohere_rerank import CohereRerank
client = CohereRerank(model=RERANKER, api_key=TOKEN, base_url=URL, top_n=2)
""",
    "jina": """
from llama_index.postprocessor.jinaai_rerank import JinaRerank
client = JinaRerank(model=RERANKER, api_key=TOKEN, base_url=URL + "/v1", top_n=2)
""",
    "tei": """
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference
client = TextEmbeddingInference(base_url=URL, auth_token=TOKEN, top_n=2)
""",
}


@pytest.fixture(autouse=True, scope="module")
def converted(service: Instance) -> None:
    """The first use converts the model, which takes longer than some clients wait."""
    body = {"model": MODEL, "query": "a", "documents": ["b"]}
    status, _, answer = service.call("POST", "/v2/rerank", body)
    assert status == 200, answer


def test_it_works(run: Run) -> None:
    result = run(
        SETTING
        + COHERE
        + """
ranked = client.rerank(model=RERANKER, query=QUERY, documents=TEXTS)
best = client.rerank(model=RERANKER, query=QUERY, documents=TEXTS, top_n=1, max_tokens_per_doc=99)
result = {
    "id": ranked.id,
    "indexes": [row.index for row in ranked.results],
    "scores": [row.relevance_score for row in ranked.results],
    "version": ranked.meta.api_version.version,
    "units": ranked.meta.billed_units.search_units,
    "best": [row.index for row in best.results],
}
"""
    )
    assert result["id"]
    assert sorted(result["indexes"]) == [0, 1, 2]
    assert (result["indexes"][0], result["best"]) == (1, [1])
    assert result["scores"] == sorted(result["scores"], reverse=True)
    assert 0 <= result["scores"][-1] < result["scores"][0] <= 1
    assert (result["version"], result["units"]) == ("2", 1)


def test_asynchronously(run: Run) -> None:
    result = run(
        SETTING
        + """
import asyncio
from cohere import AsyncClientV2

async def rank():
    client = AsyncClientV2(api_key=TOKEN, base_url=URL)
    one = lambda: client.rerank(model=RERANKER, query=QUERY, documents=TEXTS)
    answers = await asyncio.gather(*(one() for _ in range(8)))
    return [answer.results[0].index for answer in answers]

result = asyncio.run(rank())
"""
    )
    assert result == [1] * 8


def test_cohere_1(run: Run) -> None:
    result = run(
        SETTING
        + """
from cohere import Client
client = Client(api_key=TOKEN, base_url=URL)
ranked = client.rerank(
    model=RERANKER, query=QUERY, documents=[{"text": t} for t in TEXTS], return_documents=True
)
result = [[row.index, row.document.text] for row in ranked.results]
"""
    )
    assert result[0] == [1, TEXTS[1]]


@pytest.mark.parametrize("client", LLAMA_INDEX)
def test_llama_index(run: Run, client: str) -> None:
    result = run(SETTING + LLAMA_INDEX[client] + NODES)

    assert len(result) == 2
    assert result[0][0] == TEXTS[1]
    assert 1 >= result[0][1] > result[1][1] >= 0


def test_errors(run: Run) -> None:
    result = run(
        SETTING
        + COHERE
        + """
import cohere
result = []
for call in ({"documents": []}, {"query": ""}, {"model": "rerank-v3.5"}, {"model": MODEL}):
    try:
        client.rerank(**{"model": RERANKER, "query": QUERY, "documents": TEXTS, **call})
    except cohere.BadRequestError as error:
        result.append([error.status_code, error.body["message"]])
try:
    ClientV2(api_key="wrong", base_url=URL).rerank(model="a", query="b", documents=["c"])
except cohere.UnauthorizedError as error:
    result.append([error.status_code, error.body["message"]])
"""
    )
    assert [status for status, _ in result] == [400, 400, 400, 400, 401]
    assert MODEL in result[2][1]
    assert MODEL in result[3][1]


def test_jinas_client_shows_the_fault(run: Run) -> None:
    result = run(
        SETTING
        + LLAMA_INDEX["jina"].replace("RERANKER", "'jina-reranker-v1-base-en'")
        + """
try:
    client.postprocess_nodes([], query_str=QUERY)
    from llama_index.core.schema import NodeWithScore, TextNode
    client.postprocess_nodes([NodeWithScore(node=TextNode(text="a"))], query_str=QUERY)
except RuntimeError as error:
    result = str(error)
"""
    )
    assert MODEL in result
