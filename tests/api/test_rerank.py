"""`POST /v2/rerank`, `/v1/rerank` and `/rerank`."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from embeddings.services import rerank
from tests.api.assertions import assert_error
from tests.api.test_fuzz import FUZZ, flags, mostly, texts, values
from tests.rerankers import WordOverlap

QUERY = "green tea leaves"
TEXTS = ["black coffee", "tea from green leaves", "green paint"]
BEST_FIRST = [1, 2, 0]
BODY: dict[str, Any] = {"model": "word-overlap", "query": QUERY, "documents": TEXTS}
TEI: dict[str, Any] = {"query": QUERY, "texts": TEXTS}

PATHS = ["/v2/rerank", "/v1/rerank", "/rerank"]


@pytest.fixture(autouse=True)
def reranker(monkeypatch: pytest.MonkeyPatch) -> WordOverlap:
    """Stands in for every reranker; the services' own look-up is in tests/unit."""
    stand_in = WordOverlap()
    monkeypatch.setattr(rerank, "get_reranker", lambda name: stand_in)
    return stand_in


def test_it_works(as_charlie: APIClient) -> None:
    answer = as_charlie.post("/v2/rerank", BODY).json()

    assert set(answer) == {"id", "results", "meta"}
    assert [row["index"] for row in answer["results"]] == BEST_FIRST
    scores = [row["relevance_score"] for row in answer["results"]]
    assert scores == pytest.approx([0.8808, 0.5, 0.2689], abs=1e-4)
    assert answer["meta"] == {
        "api_version": {"version": "2"},
        "billed_units": {"search_units": 1},
    }


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
def test_cohere_1_and_jina_share_an_answer(as_alice: APIClient, path: str) -> None:
    answer = as_alice.post(path, BODY).json()

    assert set(answer) == {"id", "model", "usage", "results", "meta"}
    assert answer["model"] == "word-overlap"
    assert answer["usage"] == {"total_tokens": 8, "prompt_tokens": 8}
    assert [row["index"] for row in answer["results"]] == BEST_FIRST
    assert [row["document"]["text"] for row in answer["results"]] == [TEXTS[i] for i in BEST_FIRST]
    assert answer["meta"]["api_version"] == {"version": "1"}


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
def test_tei_is_told_by_its_texts(as_alice: APIClient, path: str) -> None:
    answer = as_alice.post(path, TEI).json()

    assert [set(row) for row in answer] == [{"index", "score"}] * 3
    assert [row["index"] for row in answer] == BEST_FIRST
    assert answer[0]["score"] == pytest.approx(0.8808, abs=1e-4)


def test_tei_sends_raw_scores_and_texts_on_request(as_alice: APIClient) -> None:
    answer = as_alice.post("/rerank", TEI | {"raw_scores": True, "return_text": True}).json()

    assert [row["score"] for row in answer] == [2.0, 0.0, -1.0]
    assert [row["text"] for row in answer] == [TEXTS[index] for index in BEST_FIRST]


@pytest.mark.parametrize("path", PATHS)
def test_top_n_cuts_and_null_does_not(as_alice: APIClient, path: str) -> None:
    def indexes(**more: Any) -> list[int]:
        answer = as_alice.post(path, BODY | more).json()
        return [row["index"] for row in answer["results"]]

    assert indexes(top_n=2) == BEST_FIRST[:2]
    assert indexes(top_n=99) == indexes(top_n=None, max_tokens_per_doc=None) == BEST_FIRST


def test_documents_may_be_objects(as_alice: APIClient) -> None:
    documents = [{"text": TEXTS[0], "id": 7}, TEXTS[1], {"text": TEXTS[2]}]
    answer = as_alice.post("/v1/rerank", BODY | {"documents": documents}).json()

    assert answer["results"][0]["document"] == {"text": TEXTS[1]}
    assert answer["results"][2]["document"] == {"text": TEXTS[0]}


def test_documents_stay_away_when_not_wanted(as_alice: APIClient) -> None:
    answer = as_alice.post("/v1/rerank", BODY | {"return_documents": False}).json()

    assert set(answer["results"][0]) == {"index", "relevance_score"}


def test_equal_texts_keep_their_order(as_alice: APIClient) -> None:
    answer = as_alice.post("/v2/rerank", BODY | {"documents": ["tea", "oil", "tea"]}).json()

    assert [row["index"] for row in answer["results"]] == [0, 2, 1]


def test_max_tokens_per_doc_reads_the_start(as_alice: APIClient) -> None:
    answer = as_alice.post("/v2/rerank", BODY | {"max_tokens_per_doc": 1}).json()

    assert [row["index"] for row in answer["results"]] == [1, 2, 0]
    assert answer["results"][0]["relevance_score"] == pytest.approx(0.5)


def test_cohere_bills_a_hundred_documents_as_one(as_alice: APIClient) -> None:
    answer = as_alice.post("/v2/rerank", BODY | {"documents": ["tea"] * 101}).json()

    assert answer["meta"]["billed_units"] == {"search_units": 2}


def test_what_other_services_know_besides_is_ignored(as_alice: APIClient) -> None:
    more = {"user": "me", "max_chunks_per_doc": 10, "priority": 0, "truncation": True}
    assert as_alice.post("/v1/rerank", BODY | more).status_code == 200


def test_a_long_text_is_cut_or_refused(as_alice: APIClient) -> None:
    body = TEI | {"texts": ["tea", "leaf " * 21]}

    assert as_alice.post("/rerank", body).status_code == 200
    assert as_alice.post("/rerank", body | {"truncate": None}).status_code == 200
    refusal = as_alice.post("/rerank", body | {"truncate": False})
    assert "Text 1 has 21 tokens" in assert_error(refusal, "tei", 422, "Validation")["error"]


@pytest.mark.parametrize(
    ("path", "dialect"), [("/v2/rerank", "cohere"), ("/v1/rerank", "jina"), ("/rerank", "jina")]
)
def test_strangers_stay_outside(stranger: APIClient, path: str, dialect: str) -> None:
    assert_error(stranger.post(path, BODY), dialect, 401, "not_authenticated")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"query": None}, "query"),
        ({"query": ""}, "query"),
        ({"query": " \n"}, "query"),
        ({"query": ["tea"]}, "query"),
        ({"documents": None}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": "tea"}, "documents"),
        ({"documents": ["tea", ""]}, "documents.1"),
        ({"documents": ["tea", 7]}, "documents"),
        ({"documents": ["tea", {"title": "x"}]}, "documents"),
        ({"documents": [{"text": None}]}, "documents"),
        ({"documents": ["tea"] * 1001}, "documents"),
        ({"documents": ["x" * 200_001]}, "documents.0"),
        ({"documents": ["a\x00b"]}, "documents.0"),
        ({"top_n": 0}, "top_n"),
        ({"top_n": "2"}, "top_n"),
        ({"top_n": True}, "top_n"),
        ({"max_tokens_per_doc": 0}, "max_tokens_per_doc"),
        ({"model": 7}, "model"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    as_alice: APIClient, reranker: WordOverlap, path: str, change: dict[str, Any], param: str
) -> None:
    assert_error(as_alice.post(path, BODY | change), "jina", 400, param=param)
    assert reranker.calls == []


@pytest.mark.parametrize(
    ("change", "status", "kind"),
    [
        ({"texts": []}, 400, "Empty"),
        ({"texts": ["tea", ""]}, 400, "Empty"),
        ({"query": ""}, 400, "Empty"),
        ({"texts": "tea"}, 422, "Validation"),
        ({"texts": [{"text": "tea"}]}, 422, "Validation"),
        ({"texts": ["tea"] * 1001}, 422, "Validation"),
        ({"raw_scores": "yes"}, 422, "Validation"),
        ({"truncation_direction": "Left"}, 422, "Validation"),
    ],
)
def test_tei_refuses_in_its_own_words(
    as_alice: APIClient, change: dict[str, Any], status: int, kind: str
) -> None:
    assert_error(as_alice.post("/rerank", TEI | change), "tei", status, kind)


@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_json_is_refused(as_alice: APIClient, path: str) -> None:
    response = as_alice.post(path, "{", content_type="application/json")
    assert_error(response, "jina", 400)
    assert_error(as_alice.post(path, "x", content_type="text/plain"), "jina", 415)
    assert_error(as_alice.post(path, "[]", content_type="application/json"), "jina", 400)


BODIES = st.fixed_dictionaries(
    {"query": mostly(texts)},
    optional={
        "documents": mostly(st.lists(mostly(texts | st.fixed_dictionaries({"text": texts})))),
        "texts": mostly(st.lists(mostly(texts), max_size=3)),
        "top_n": mostly(st.integers(1, 2**64 - 1)),
        "max_tokens_per_doc": mostly(st.integers(1, 2**64 - 1)),
        "return_documents": flags,
        "raw_scores": flags,
        "return_text": flags,
        "truncate": flags,
    },
)


@pytest.mark.parametrize("path", PATHS)
@FUZZ
@given(body=st.one_of(BODIES, values))
def test_whatever_comes_is_answered_or_refused(as_alice: APIClient, path: str, body: Any) -> None:
    """A bug raises here, as the client passes exceptions on."""
    response = as_alice.post(path, orjson.dumps(body), content_type="application/json")

    assert response.status_code in (200, 400, 422), response.content
    if response.status_code == 200:
        assert b'score":null' not in response.content
