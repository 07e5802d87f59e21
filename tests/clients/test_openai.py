"""OpenAI's Python client."""

import math

import pytest

from tests.clients.conftest import Run

pytestmark = pytest.mark.serve

CLIENT = """
import openai
client = openai.OpenAI(base_url=URL + "/v1", api_key=TOKEN)
"""


def test_it_works(run: Run) -> None:
    result = run(
        CLIENT
        + """
made = client.embeddings.create(model=MODEL, input=["green tea", "coffee"])
floats = client.embeddings.create(model=MODEL, input="green tea", encoding_format="float")
ids = client.embeddings.create(model=MODEL, input=[[15339, 1917]])
text = client.embeddings.create(model=MODEL, input="hello world")
result = {
    "model": made.model,
    "usage": made.usage.model_dump(),
    "indexes": [row.index for row in made.data],
    "vectors": [row.embedding for row in made.data],
    "floats": floats.data[0].embedding,
    "ids": ids.data[0].embedding,
    "text": text.data[0].embedding,
}
"""
    )

    assert result["model"] == "hashing-384"
    assert result["usage"]["prompt_tokens"] == result["usage"]["total_tokens"] == 3
    assert result["indexes"] == [0, 1]
    first, second = result["vectors"]
    assert math.isclose(math.hypot(*first), 1, abs_tol=1e-5)
    assert first == pytest.approx(result["floats"], abs=1e-7)
    assert first != second
    assert result["ids"] == result["text"]


def test_models(run: Run) -> None:
    result = run(CLIENT + "result = [model.id for model in client.models.list()]")
    assert result[0] == "hashing-384"


def test_asynchronously(run: Run) -> None:
    result = run(
        """
        import asyncio, openai

        async def embed():
            async with openai.AsyncOpenAI(base_url=URL + "/v1", api_key=TOKEN) as client:
                one = lambda i: client.embeddings.create(model=MODEL, input=f"text {i}")
                made = await asyncio.gather(*map(one, range(20)))
                return [len(each.data[0].embedding) for each in made]

        result = asyncio.run(embed())
        """
    )
    assert result == [384] * 20


def test_errors(run: Run) -> None:
    result = run(
        CLIENT
        + """
result = []
for call in (
    {"input": ""},
    {"input": []},
    {"input": ["a"] * 2049},
    {"input": [[100256]]},
    {"input": "a", "model": "gpt"},
    {"input": "a", "dimensions": 0},
):
    try:
        client.embeddings.create(**{"model": MODEL, **call})
    except openai.APIStatusError as error:
        result.append([type(error).__name__, error.status_code, error.code, error.param])
        assert error.type == "invalid_request_error"
        assert error.request_id == error.response.headers["x-request-id"] != ""
"""
    )
    assert result == [
        ["BadRequestError", 400, "empty_text", "input.0"],
        ["BadRequestError", 400, "empty_input", "input"],
        ["BadRequestError", 400, "invalid", "input"],
        ["BadRequestError", 400, "unknown_token", "input.0"],
        ["NotFoundError", 404, "model_not_found", "model"],
        ["BadRequestError", 400, "invalid", "dimensions"],
    ]


def test_a_wrong_token(run: Run) -> None:
    result = run(
        """
        import openai
        client = openai.OpenAI(base_url=URL + "/v1", api_key="wrong")
        try:
            client.embeddings.create(model=MODEL, input="a")
        except openai.AuthenticationError as error:
            result = [error.status_code, error.code]
        """
    )
    assert result == [401, "invalid_token"]
