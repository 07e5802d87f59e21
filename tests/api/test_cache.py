"""`/v1/cache/stats`, `/v1/cache/clear` and `/v1/cache/warm`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.models import Collection, FrequentQuery, Generation, Job
from embeddings.services import cache_warming
from embeddings.services.cache_warming import run_warming
from embeddings.services.embed import embed_cached
from embeddings.services.job_runs import JobRetry
from embeddings.types.embed import EmbedResult
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of
from tests.caches import start_cache
from tests.factories import make_user
from tests.redis_server import RedisServer

STATS = "/v1/cache/stats"
CLEAR = "/v1/cache/clear"
WARM = "/v1/cache/warm"
MODEL = "hashing-384"


def level(client: APIClient, name: str = "memory") -> dict[str, Any]:
    levels: list[dict[str, Any]] = client.get(STATS).json()["levels"]
    return next(each for each in levels if each["level"] == name)


def texts(client: APIClient) -> dict[str, Any]:
    models = client.get(STATS).json()["models"]
    none = {"hits": 0, "misses": 0, "corrupt": 0, "saved_tokens": 0}
    return next((each["texts"] for each in models if each["model"] == MODEL), none)


def cached(client: APIClient, *wanted: str, input_type: str = "document") -> list[bool]:
    body = {"input": list(wanted), "input_type": input_type}
    return [row["cached"] for row in client.post("/v1/embed", body).json()["data"]]


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


def test_warming_texts_for_a_user(as_alice: APIClient, as_bob: APIClient, alice: User) -> None:
    body = {"texts": ["green tea", "coffee"], "owner": "alice", "input_type": "query"}
    answer = as_bob.post(WARM, body).json()
    assert answer == {"texts": 2, "cached": 0, "tokens": 3, "job": None}
    assert as_bob.post(WARM, body).json()["cached"] == 2
    assert cached(as_alice, "coffee", "green tea", input_type="query") == [True, True]
    assert cached(as_bob, "coffee", input_type="query") == [False]
    as_bob.post(WARM, {"texts": "milk"})
    assert cached(as_bob, "milk") == [True]


def test_warming_what_a_collection_is_asked(
    as_alice: APIClient, as_bob: APIClient, collection: Collection, settings: Any
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 10})
    for query in ("tea", "coffee", "tea", "milk", "tea", "coffee"):
        as_alice.post("/v1/search", {"collection": collection.name, "query": query})
    start_cache()
    body = {"collection": collection.name, "limit": 2}
    assert as_bob.post(WARM, body).json() == {"texts": 2, "cached": 0, "tokens": 2, "job": None}
    assert cached(as_alice, "tea", "coffee", "milk", input_type="query") == [True, True, False]


def test_nothing_is_recorded_unless_the_operator_says_so(
    as_alice: APIClient, as_bob: APIClient, collection: Collection
) -> None:
    as_alice.post("/v1/search", {"collection": collection.name, "query": "secret"})
    answer = as_bob.post(WARM, {"collection": collection.name})
    assert_problem(answer, 400, "invalid", param="collection")
    assert FrequentQuery.objects.count() == 0


def test_many_texts_are_a_job(
    shared_cache: RedisServer, as_alice: APIClient, as_bob: APIClient, alice: User
) -> None:
    wanted = [f"text {number}" for number in range(150)]
    answer = as_bob.post(WARM, {"texts": wanted, "owner": "alice"})
    values = answer.json()
    assert (values["texts"], values["cached"]) == (150, None)
    assert answer["Location"] == f"/v1/jobs/{values['job']}"

    job = Job.objects.get(pk=values["job"])
    run_warming(job_id=job.pk, should_stop=lambda: False)
    shown = as_bob.get(answer["Location"]).json()
    assert (shown["kind"], shown["state"], shown["done"]) == ("warm_cache", "succeeded", 150)
    assert shown["result"] == {"texts": 150, "cached": 0, "tokens": 300}
    assert job.parts.count() == 0
    assert "text 7" not in str(Job.objects.filter(pk=job.pk).values())
    start_cache()
    assert all(cached(as_alice, *wanted))


def test_a_job_that_is_taken_over_goes_on(
    shared_cache: RedisServer, as_bob: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [f"text {number}" for number in range(150)]
    pk = as_bob.post(WARM, {"texts": wanted}).json()["job"]
    stops = iter([False, True])
    with pytest.raises(JobRetry):
        run_warming(job_id=pk, should_stop=lambda: next(stops))
    assert Job.objects.get(pk=pk).done == 64
    run_warming(job_id=pk, should_stop=lambda: False)
    job = Job.objects.get(pk=pk)
    assert (job.done, job.result["texts"], job.result["cached"]) == (150, 150, 0)


def test_without_redis_many_texts_are_warmed_at_once(as_bob: APIClient) -> None:
    wanted = [f"text {number}" for number in range(150)]
    assert as_bob.post(WARM, {"texts": wanted}).json()["job"] is None
    assert all(cached(as_bob, *wanted))


def test_with_redis_away_many_texts_are_warmed_at_once(
    shared_cache: RedisServer, as_bob: APIClient
) -> None:
    shared_cache.kill()
    wanted = [f"text {number}" for number in range(150)]
    assert as_bob.post(WARM, {"texts": wanted}).json()["job"] is None
    assert all(cached(as_bob, *wanted))


def test_a_job_that_finds_redis_gone_is_tried_again(
    shared_cache: RedisServer, as_bob: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [f"text {number}" for number in range(150)]
    pk = as_bob.post(WARM, {"texts": wanted}).json()["job"]

    def embed_as_redis_goes(**options: Any) -> EmbedResult:
        shared_cache.kill()
        return embed_cached(**options)

    with monkeypatch.context() as patched, pytest.raises(JobRetry):
        patched.setattr(cache_warming, "embed_cached", embed_as_redis_goes)
        run_warming(job_id=pk, should_stop=lambda: False)
    with monkeypatch.context() as patched, pytest.raises(JobRetry):
        patched.setattr(cache_warming, "embed_cached", None)  # no text is embedded in vain
        run_warming(job_id=pk, should_stop=lambda: False)
    job = Job.objects.get(pk=pk)
    assert (job.state, job.done) == ("queued", 0)
    assert "Redis does not answer" in job.error

    shared_cache.start()
    start_cache()
    run_warming(job_id=pk, should_stop=lambda: False)
    assert Job.objects.get(pk=pk).state == "succeeded"
    start_cache()
    assert all(cached(as_bob, *wanted))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "texts"),
        ({"texts": []}, "texts"),
        ({"texts": ["tea", " "]}, "texts.1"),
        ({"texts": "tea", "collection": "drinks"}, "texts"),
        ({"texts": "tea", "limit": 3}, "limit"),
        ({"collection": "drinks", "owner": "alice"}, "owner"),
        ({"collection": "drinks", "limit": 0}, "limit"),
        ({"texts": "tea", "owner": "nobody"}, "owner"),
        ({"texts": "tea", "input_type": "other"}, "input_type"),
    ],
)
def test_bad_warming_is_refused(as_bob: APIClient, body: Any, param: str) -> None:
    assert_problem(as_bob.post(WARM, body), 400, param=param)


def test_an_unknown_model_is_named(as_bob: APIClient) -> None:
    assert_problem(as_bob.post(WARM, {"texts": "tea", "model": "absent"}), 400, "unknown_model")


@pytest.mark.parametrize("text", ["Jane has sold her house", "What nobody asked for"])
def test_an_erasure_does_not_tell_what_others_have_embedded(
    as_alice: APIClient, as_charlie: APIClient, collection: Collection, text: str
) -> None:
    cached(as_charlie, "Jane has sold her house")
    document = {"id": "guess", "text": text, "embedding": [1.0] * 384}
    as_alice.post("/v1/add", {"collection": "drinks", "documents": [document]})
    report = as_alice.post("/v1/collection/drinks/erase", {"ids": ["guess"]}).json()
    assert (report["documents"], report["vectors"]) == (1, None)
