"""`/v1/cache/warm`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.models import Collection, FrequentQuery, Job
from embeddings.services import cache_warming
from embeddings.services.cache_warming import run_warming
from embeddings.services.embed import embed_cached
from embeddings.services.job_runs import JobRetry
from embeddings.types.embed import EmbedResult
from tests.api.assertions import assert_problem
from tests.api.caching import WARM, cached
from tests.caches import start_cache
from tests.redis_server import RedisServer

MANY = [f"text {number}" for number in range(150)]
"""More than are warmed while a caller waits, where there is a Redis."""


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
    answer = as_bob.post(WARM, {"texts": MANY, "owner": "alice"})
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
    assert all(cached(as_alice, *MANY))


def test_a_job_that_is_taken_over_goes_on(
    shared_cache: RedisServer, as_bob: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pk = as_bob.post(WARM, {"texts": MANY}).json()["job"]
    stops = iter([False, True])
    with pytest.raises(JobRetry):
        run_warming(job_id=pk, should_stop=lambda: next(stops))
    assert Job.objects.get(pk=pk).done == 64
    run_warming(job_id=pk, should_stop=lambda: False)
    job = Job.objects.get(pk=pk)
    assert (job.done, job.result["texts"], job.result["cached"]) == (150, 150, 0)


def test_without_redis_many_texts_are_warmed_at_once(as_bob: APIClient) -> None:
    assert as_bob.post(WARM, {"texts": MANY}).json()["job"] is None
    assert all(cached(as_bob, *MANY))


def test_with_redis_away_many_texts_are_warmed_at_once(
    shared_cache: RedisServer, as_bob: APIClient
) -> None:
    shared_cache.kill()
    assert as_bob.post(WARM, {"texts": MANY}).json()["job"] is None
    assert all(cached(as_bob, *MANY))


def test_a_job_that_finds_redis_gone_is_tried_again(
    shared_cache: RedisServer, as_bob: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pk = as_bob.post(WARM, {"texts": MANY}).json()["job"]

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
    assert all(cached(as_bob, *MANY))


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
