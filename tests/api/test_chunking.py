"""`chunking` of `/v1/collection`, and what it does to `/v1/add` and `…/documents/{id}`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection
from tests.api.assertions import assert_problem
from tests.statements import recorded_statements

LIST = "/v1/collection"
DOCUMENTS = f"{LIST}/articles/documents"
SENTENCES = {"method": "sentences", "size": 16, "overlap": 0}
TEXT = " ".join(f"Sentence {number} 😀 has six words here." for number in range(8))


def made(client: APIClient, chunking: Any) -> Any:
    return client.post(LIST, {"name": "articles", "chunking": chunking}).json()["chunking"]


def test_it_works(as_alice: APIClient) -> None:
    assert made(as_alice, {"size": 16}) == SENTENCES
    body = {"collection": "articles", "documents": [{"id": "one", "text": TEXT}]}

    response = as_alice.post("/v1/add", body)

    assert response.status_code == 200
    assert response.json()["added"] == 1
    spans = as_alice.get(f"{DOCUMENTS}/one").json()["chunks"]
    assert [TEXT[span["start"] : span["end"]] for span in spans] == [
        TEXT[at : at + 65] for at in range(0, len(TEXT), 66)
    ]
    assert as_alice.patch(f"{DOCUMENTS}/one", {"metadata": {"x": 1}}).json()["chunks"] == spans
    assert as_alice.get(f"{LIST}/articles").json()["chunking"] == SENTENCES


@pytest.mark.parametrize(
    ("chunking", "shown"),
    [
        ({"method": "none"}, {"method": "none"}),
        (
            {"method": "tokens", "size": 64},
            {"method": "tokens", "size": 64, "overlap": 8},
        ),
        (
            {"method": "markdown", "size": 64, "overlap": 4},
            {"method": "markdown", "size": 64, "overlap": 4},
        ),
        (
            {"method": "code", "language": "python", "size": 32},
            {"method": "code", "size": 32, "overlap": 0, "language": "python"},
        ),
    ],
)
def test_it_is_shown_as_it_is_in_force(
    as_alice: APIClient, chunking: dict[str, Any], shown: dict[str, Any]
) -> None:
    assert made(as_alice, chunking) == shown


@pytest.mark.parametrize(
    ("chunking", "param"),
    [
        ("sentences", "chunking"),
        ({"method": "paragraphs"}, "chunking.method"),
        ({"method": ["tokens"]}, "chunking.method"),
        ({"size": "64"}, "chunking.size"),
        ({"size": 64.5}, "chunking.size"),
        ({"size": 0}, "chunking.size"),
        ({"size": -(2**70)}, "chunking.size"),
        ({"size": 2**70}, "chunking.size"),
        ({"size": 64, "overlap": 32}, "chunking.overlap"),
        ({"size": 64, "overlap": True}, "chunking.overlap"),
        ({"method": "code"}, "chunking.language"),
        ({"method": "code", "language": "__main__"}, "chunking.language"),
        ({"method": "code", "language": "py\u0000"}, "chunking.language"),
        ({"method": "none", "overlap": 0}, "chunking.overlap"),
        ({"method": "tokens", "unit": "words"}, "chunking.unit"),
    ],
)
def test_a_chunking_that_makes_no_sense_is_refused(
    as_alice: APIClient, chunking: Any, param: str
) -> None:
    response = as_alice.post(LIST, {"name": "articles", "chunking": chunking})

    assert_problem(response, 400, param=param)
    assert not Collection.objects.filter(name="articles").exists()


def test_an_unknown_language_is_told_the_known_ones(as_alice: APIClient) -> None:
    chunking = {"method": "code", "language": "cobol"}

    detail = as_alice.post(LIST, {"name": "articles", "chunking": chunking}).json()["detail"]

    assert "c, cpp, go, java, javascript, python, rust, typescript" in detail


@pytest.mark.parametrize("field", ["chunking", "model", "metric"])
def test_it_is_chosen_once(collection: Collection, as_alice: APIClient, field: str) -> None:
    value: Any = SENTENCES if field == "chunking" else "x"

    response = as_alice.patch(f"{LIST}/drinks", {field: value, "name": "tea"})

    assert_problem(response, 400, param=field)
    assert "chosen when the collection is made" in response.json()["errors"][0]["detail"]
    assert as_alice.get(f"{LIST}/drinks").status_code == 200


def test_too_many_chunks_are_refused(as_alice: APIClient, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"max_chunks": 3})
    made(as_alice, SENTENCES)
    documents = [{"id": "short", "text": "short"}, {"id": "long", "text": TEXT}]

    response = as_alice.post("/v1/add", {"collection": "articles", "documents": documents})

    assert_problem(response, 400, "too_many_chunks", param="documents.1.text")
    assert as_alice.get(DOCUMENTS).json()["documents"] == []


def test_the_spans_cost_one_statement(collection: Collection, as_alice: APIClient) -> None:
    as_alice.get(f"{LIST}/drinks/documents/tea")

    with recorded_statements() as statements:
        as_alice.get(f"{LIST}/drinks/documents/tea")

    assert sum('FROM "chunks"' in statement for statement in statements) == 1
    assert len(statements) <= 4


def test_others_see_spans_as_they_see_documents(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient
) -> None:
    path = f"{LIST}/drinks/documents/tea"

    assert as_bob.get(path).json()["chunks"] == [{"start": 0, "end": 21}]
    assert as_charlie.get(path).status_code == 404
