"""`/v1/cache/stats` and `/v1/cache/clear`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.policy import SiteRole
from embeddings.models import Collection, Generation
from tests.api.assertions import assert_problem
from tests.api.caching import WARM, cached
from tests.api.conftest import client_of
from tests.caches import start_cache
from tests.factories import make_user
from tests.redis_server import RedisServer

STATS = "/v1/cache/stats"
CLEAR = "/v1/cache/clear"
MODEL = "hashing-384"


def level(client: APIClient, name: str = "memory") -> dict[str, Any]:
    levels: list[dict[str, Any]] = client.get(STATS).json()["levels"]
    return next(each for each in levels if each["level"] == name)


def texts(client: APIClient) -> dict[str, Any]:
    models = client.get(STATS).json()["models"]
    none = {"hits": 0, "misses": 0, "corrupt": 0, "saved_tokens": 0}
    return next((each["texts"] for each in models if each["model"] == MODEL), none)


def test_it_works(as_alice: APIClient, as_bob: APIClient) -> None:
    before, text_before = level(as_bob), texts(as_bob)
    first = as_alice.post("/v1/embed", {"input": ["green tea", "coffee"]}).json()
    again = as_alice.post("/v1/embed", {"input": ["green tea", "milk"]}).json()

    assert first["usage"]["cached_tokens"] == 0
    assert [row["cached"] for row in again["data"]] == [True, False]
    assert again["usage"]["cached_tokens"] == again["data"][0]["tokens"]
    assert again["data"][0]["embedding"] == first["data"][0]["embedding"]

    after, text_after = level(as_bob), texts(as_bob)
    assert set(after) == {
        *("level", "available", "hits", "misses", "corrupt", "hit_rate", "saved_tokens"),
        *("entries", "bytes", "max_bytes", "evictions"),
    }
    assert after["hits"] - before["hits"] == 1
    assert after["misses"] - before["misses"] == 3
    assert after["entries"] == 3
    assert 3 * 1536 < after["bytes"] < after["max_bytes"] == 64 * 2**20
    assert text_after["hits"] - text_before["hits"] == 1
    assert text_after["misses"] - text_before["misses"] == 3
    assert text_after["saved_tokens"] - text_before["saved_tokens"] == 2
    assert text_after["hit_rate"] == text_after["hits"] / (
        text_after["hits"] + text_after["misses"]
    )


def test_only_operators_may(
    as_alice: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    for client, status, code in (
        (as_alice, 403, "forbidden"),
        (as_charlie, 403, "forbidden"),
        (stranger, 401, "not_authenticated"),
    ):
        assert_problem(client.get(STATS), status, code)
        assert_problem(client.post(CLEAR, {}), status, code)
        assert_problem(client.post(WARM, {"texts": "tea"}), status, code)
    admin = client_of(make_user(role=SiteRole.ADMIN))
    assert admin.get(STATS).status_code == 200


def test_nobody_learns_from_the_flag_what_others_embedded(
    as_alice: APIClient, as_charlie: APIClient
) -> None:
    cached(as_alice, "secret")
    assert cached(as_charlie, "secret") == [False]


def test_stats_of_redis(shared_cache: RedisServer, as_alice: APIClient, as_bob: APIClient) -> None:
    before = level(as_bob, "redis")
    cached(as_alice, "tea")
    start_cache()
    cached(as_alice, "tea")
    after = level(as_bob, "redis")
    assert (after["available"], after["hits"] - before["hits"]) == (True, 1)
    assert after["misses"] - before["misses"] == 1
    assert after["bytes"] > 100_000
    assert after["evictions"] == 0

    shared_cache.kill()
    gone = level(as_bob, "redis")
    assert (gone["available"], gone["bytes"]) == (False, None)


def test_clearing_all(as_alice: APIClient, as_bob: APIClient, collection: Collection) -> None:
    search = {"collection": collection.name, "query": "tea"}
    cached(as_alice, "tea")
    as_alice.post("/v1/search", search)
    answer = as_bob.post(CLEAR, {}).json()
    assert set(answer) == {"before", "memory", "redis"}
    assert answer["memory"] == 3  # a text, a query, and a search
    assert answer["redis"] is None
    assert cached(as_alice, "tea") == [False]
    assert as_alice.post("/v1/search", search).json()["usage"]["cached_tokens"] == 0


def test_clearing_a_model(as_alice: APIClient, as_bob: APIClient, collection: Collection) -> None:
    search = {"collection": collection.name, "query": "tea"}
    cached(as_alice, "tea")
    as_alice.post("/v1/search", search)
    assert as_bob.post(CLEAR, {"model": "all-MiniLM-L6-v2"}).json()["memory"] == 0
    assert cached(as_alice, "tea") == [True]
    assert as_bob.post(CLEAR, {"model": MODEL}).json()["memory"] == 2
    assert cached(as_alice, "tea") == [False]
    # What a model's vectors have led to goes with them.
    assert as_alice.post("/v1/search", search).json()["usage"]["cached_tokens"] == 0


def test_only_a_model_that_may_have_values_is_cleared(
    as_bob: APIClient, collection: Collection
) -> None:
    assert_problem(as_bob.post(CLEAR, {"model": "absent"}), 400, "unknown_model", param="model")
    Generation.objects.filter(collection=collection).update(model="served-before")
    assert as_bob.post(CLEAR, {"model": "served-before"}).status_code == 200


def test_clearing_a_collection(
    as_alice: APIClient, as_bob: APIClient, collection: Collection
) -> None:
    search = {"collection": collection.name, "document_id": "tea"}
    as_alice.post("/v1/search", search)
    cached(as_alice, "tea")
    assert as_bob.post(CLEAR, {"collection": collection.name}).json()["memory"] == 1
    assert cached(as_alice, "tea") == [True]
    assert_problem(as_bob.post(CLEAR, {"collection": "absent"}), 404, "not_found")


def test_clearing_what_is_older(as_alice: APIClient, as_bob: APIClient) -> None:
    cached(as_alice, "tea")
    assert as_bob.post(CLEAR, {"older_than_s": 60}).json()["memory"] == 0
    assert cached(as_alice, "tea") == [True]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": 7}, "model"),
        ({"older_than_s": -1}, "older_than_s"),
        ({"older_than_s": "1"}, "older_than_s"),
        ({"model": MODEL, "collection": "drinks"}, "collection"),
        ({"collection": "NO"}, "collection"),
        ({"everything": True}, "everything"),
    ],
)
def test_bad_clearing_is_refused(as_bob: APIClient, body: Any, param: str) -> None:
    assert_problem(as_bob.post(CLEAR, body), 400, param=param)


@pytest.mark.parametrize("text", ["Jane has sold her house", "What nobody asked for"])
def test_an_erasure_does_not_tell_what_others_have_embedded(
    as_alice: APIClient, as_charlie: APIClient, collection: Collection, text: str
) -> None:
    cached(as_charlie, "Jane has sold her house")
    document = {"id": "guess", "text": text, "embedding": [1.0] * 384}
    as_alice.post("/v1/add", {"collection": "drinks", "documents": [document]})
    report = as_alice.post("/v1/collection/drinks/erase", {"ids": ["guess"]}).json()
    assert (report["documents"], report["vectors"]) == (1, None)
