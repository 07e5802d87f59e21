"""Numbers over time: added up over processes; read as rates, averages, percentiles; forgotten."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import Error
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY

from embeddings import tasks, telemetry
from embeddings.constants import JobKind, JobState, SearchPath
from embeddings.models import Job, MetricPoint
from embeddings.services import series_sampler
from embeddings.services.series import (
    SERIES,
    keep_series,
    overall_percentiles,
    percentiles,
    ranked,
    series,
    totals,
)
from embeddings.services.series_sampler import STEP_S, Sampler
from embeddings.store import series as store
from embeddings.types.series import SeriesKind
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db

QUARTER = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _within_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """None begins between what a test keeps and what it reads."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    monkeypatch.setattr(series_sampler, "time", SimpleNamespace(time=now.timestamp))


def minute(ago: int) -> datetime:
    """The beginning of the step so many minutes ago."""
    return datetime.fromtimestamp(timezone.now().timestamp() // STEP_S * STEP_S, UTC) - timedelta(
        minutes=ago
    )


def keep(step: datetime, **values: float) -> None:
    """As one process would, after one step of its life."""
    kept = {(name, ""): value for name, value in {"processes": 1.0, **values}.items()}
    store.add_values(step=step, seconds=STEP_S, values=kept)


def test_it_works() -> None:
    make_document(make_collection("drinks"), "tea", external_id="tea")
    first, second = Sampler(), Sampler(whole=True)
    telemetry.embedded(model="m", texts=3, tokens=60, seconds=0.2)
    at = minute(2).timestamp()
    first.step(at)
    telemetry.embedded(model="m", texts=1, tokens=60, seconds=0.2)
    second.step(at + 5)

    names = ["embed_texts", "embed_tokens", "processes", "documents", "rerank_texts"]
    kept = series(names=names, since=minute(3), until=timezone.now())
    assert kept.step_s == STEP_S
    assert kept.times == [minute(3), minute(2), minute(1)]
    # Both are of this process, so that each counts what it does.
    assert kept.values["embed_texts"] == [None, (3 + 4) / 60, None]
    assert kept.values["embed_tokens"] == [None, (60 + 120) / 60, None]
    assert kept.values["processes"] == [None, 2.0, None]
    assert kept.values["documents"] == [None, 1.0, None]
    assert kept.values["rerank_texts"] == [None, 0.0, None]
    assert totals(names=["embed_texts", "rerank_texts"], since=minute(3), until=timezone.now()) == {
        "embed_texts": 7.0,
        "rerank_texts": 0.0,
    }


def test_every_step_has_what_rose_since_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler()
    telemetry.embedded(model="m", texts=2, tokens=1, seconds=0.1)
    with monkeypatch.context() as patched:
        patched.setattr(store, "add_values", fail)
        with pytest.raises(Error):
            sampler.step(minute(3).timestamp())
    sampler.step(minute(2).timestamp())
    sampler.step(minute(1).timestamp())
    telemetry.embedded(model="m", texts=5, tokens=1, seconds=0.1)
    sampler.finish()
    rows = MetricPoint.objects.filter(name="embed_texts").order_by("step")
    assert [(row.step, row.value) for row in rows] == [(minute(2), 2.0), (minute(0), 5.0)]
    # A process that ends is no longer one of those that run.
    assert not MetricPoint.objects.filter(name="processes", step=minute(0)).exists()


def test_a_process_ends_without_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Sampler()
    telemetry.embedded(model="m", texts=2, tokens=1, seconds=0.1)
    monkeypatch.setattr(series_sampler, "answers", lambda: False)
    monkeypatch.setattr(store, "add_values", fail)
    sampler.finish()


def test_a_clock_that_is_set_back_counts_no_process_twice() -> None:
    sampler = Sampler()
    for ago in (2, 1, 2, 1):
        telemetry.embedded(model="m", texts=1, tokens=1, seconds=0.1)
        sampler.step(minute(ago).timestamp())
    kept = MetricPoint.objects.filter(step__gte=minute(2)).order_by("step")
    assert list(kept.filter(name="processes").values_list("value", flat=True)) == [1.0, 1.0]
    assert list(kept.filter(name="embed_texts").values_list("value", flat=True)) == [2.0, 2.0]


def fail(**_: object) -> None:
    raise Error


def test_what_is_the_same_everywhere_is_kept_once() -> None:
    Job.objects.create(owner=make_collection("drinks").owner, kind=JobKind.REINDEX.value)
    samplers = Sampler(whole=True), Sampler(whole=True)
    for sampler in samplers:
        sampler.step(minute(1).timestamp())
    kept = series(names=["jobs_queued", "disk_free_bytes"], since=minute(1), until=timezone.now())
    assert kept.values["jobs_queued"] == [1.0]
    assert (kept.values["disk_free_bytes"][0] or 0) > 1e6


def test_rates_are_of_the_time_that_the_service_ran() -> None:
    hour = datetime.fromtimestamp((timezone.now().timestamp() - 7200) // 3600 * 3600, UTC)
    for number in (5, 6, 7):
        for _ in range(2):
            keep(hour + timedelta(minutes=number), searches=60)
    names = ["searches", "processes"]
    kept = series(names=names, since=hour, until=hour + timedelta(hours=1), points=1)
    assert (kept.times, kept.step_s) == ([hour], 3600)
    assert kept.values == {"searches": [2.0], "processes": [2.0]}


def test_percentiles_lie_within_their_buckets() -> None:
    sampler = Sampler()
    for milliseconds in range(1, 101):
        telemetry.searched(
            collection="c", path=SearchPath.EXACT, mode="m", hits=1, seconds=milliseconds / 1000
        )
    telemetry.searched(collection="c", path=SearchPath.HNSW, mode="m", hits=1, seconds=60)
    sampler.step(minute(1).timestamp())
    since, until = minute(1), timezone.now()
    found = percentiles(name="search_seconds_exact", since=since, until=until)
    assert found.values == {
        "p50": [pytest.approx(0.05)],
        "p95": [pytest.approx(0.095)],
        "p99": [pytest.approx(0.099)],
    }
    # Beyond the highest bound nothing is known but that.
    every = percentiles(name="search_seconds", since=since, until=until, quantiles=[0.25, 1])
    assert every.values["p100"] == [5.0]
    assert every.values["p25"] == [pytest.approx(0.025, rel=0.05)]
    nothing = percentiles(name="rerank_seconds", since=since, until=until)
    assert nothing.values["p50"] == [None]
    assert dict(ranked(name="searches", since=since, until=until)) == {"exact m": 100, "hnsw m": 1}


def test_percentiles_of_a_whole_time() -> None:
    """Of all its minutes together, not the averages of theirs."""
    for ago, low, count in ((9, 0.0, 90.0), (2, 1.0, 10.0)):
        values = {("search_seconds", f"{low} {low + 1}"): count, ("rerank_seconds", "0.0 1.0"): 4.0}
        store.add_values(step=minute(ago), seconds=STEP_S, values=values)
    found = overall_percentiles(
        names=["search_seconds", "rerank_seconds", "add_seconds"],
        since=minute(10),
        until=timezone.now(),
        quantiles=[0.9, 0.95],
    )
    assert found["search_seconds"] == pytest.approx((1.0, 1.5))
    assert found["rerank_seconds"] == pytest.approx((0.9, 0.95))
    assert found["add_seconds"] == (None, None)


def test_labels_are_ranked() -> None:
    routes = {
        ("route_requests", f"GET {name}"): number
        for name, number in zip("abc", (2, 9, 4), strict=True)
    }
    store.add_values(step=minute(5), seconds=STEP_S, values=routes)
    store.add_values(step=minute(4), seconds=STEP_S, values={("route_requests", "GET a"): 5.0})
    found = ranked(name="route_requests", since=minute(6), until=timezone.now(), limit=2)
    assert found == [("GET b", 9.0), ("GET a", 7.0)]
    assert ranked(name="route_requests", since=minute(2), until=timezone.now()) == []


def test_old_minutes_become_quarters_and_go() -> None:
    start = datetime.fromtimestamp((timezone.now().timestamp() - 90_000) // 900 * 900, UTC)
    for number in range(20):
        keep(start + timedelta(minutes=number), embed_texts=3, database_bytes=number)
    keep(minute(1), embed_texts=1)
    keep(minute(31 * 24 * 60), embed_texts=1)
    since, until = start, start + 2 * QUARTER

    def shown() -> list[object]:
        names = ["embed_texts", "database_bytes", "processes"]
        return [
            series(names=names, since=since, until=until, points=4),
            totals(names=names, since=since, until=until),
        ]

    before = shown()
    keep_series()
    rows = MetricPoint.objects.filter(name="embed_texts").order_by("step")
    assert [(row.seconds, row.steps, row.value) for row in rows] == [
        (900, 15, 45.0),
        (900, 5, 15.0),
        (60, 1, 1.0),
    ]
    assert shown() == before
    [found, _] = before
    assert found.values["embed_texts"] == [0.05, 0.05]  # type: ignore[attr-defined]
    assert found.values["database_bytes"] == [7.0, 17.0]  # type: ignore[attr-defined]
    # What comes late joins them.
    keep(start, embed_texts=9)
    tasks.keep_series(timestamp=0)
    row = MetricPoint.objects.get(name="embed_texts", step=start)
    assert (row.value, row.steps) == (54.0, 16)


@pytest.mark.parametrize(
    ("span", "width"),
    [("1h", 60), ("6h", 300), ("24h", 900), ("7d", 7200), ("30d", 21_600)],
)
def test_a_chart_has_a_bounded_number_of_points(span: str, width: int) -> None:
    until = timezone.now()
    since = until - timedelta(hours=int(span[:-1]) * (24 if span.endswith("d") else 1))
    kept = series(names=["requests"], since=since, until=until)
    assert kept.step_s == width
    assert 50 < len(kept.times) <= 122
    assert len(kept.values["requests"]) == len(kept.times)
    steps = {later - earlier for earlier, later in itertools.pairwise(kept.times)}
    assert steps == {timedelta(seconds=width)}


@pytest.fixture
def exercised() -> Iterator[None]:
    """Each metric of ours has counted something."""
    telemetry.embedded(model="m", texts=1, tokens=1, seconds=0.1)
    telemetry.reranked(model="m", texts=1, tokens=1, seconds=0.1)
    telemetry.added(collection="c", added=1, updated=1, unchanged=1, seconds=0.1)
    telemetry.cache_called(operation="get", outcome="hit", seconds=0.1)
    telemetry.cache_holds(entries=1, size=1, evicted=1)
    telemetry.cache_not_written(values=1)
    for path in SearchPath:
        telemetry.searched(collection="c", path=path, mode="m", hits=1, seconds=0.1)
    for level, outcome in itertools.product(("memory", "redis", "flight"), ("hit", "miss")):
        telemetry.cache_looked_up(
            cache="embedding", model="m", level=level, outcomes={outcome: 1}, saved_tokens=1
        )
    for state in (JobState.SUCCEEDED, JobState.FAILED, JobState.PARKED, JobState.CANCELLED):
        telemetry.job_finished(kind=JobKind.IMPORT, state=state, seconds=1)
    yield


def test_each_series_is_kept_of_a_metric_that_is_there(exercised: None) -> None:
    assert Client().get("/v1/me").status_code == 401
    samples = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    assert {info.sample for info in SERIES.values()} - {""} <= samples
    counted = {name for name, _ in series_sampler.counted()}
    gauges = {name for name, info in SERIES.items() if info.kind == SeriesKind.GAUGE}
    # Of these, other tests of this process may have counted some.
    assert set(SERIES) - gauges - counted <= {"requests_2xx", "requests_3xx", "requests_5xx"}


def test_what_machines_ask_is_not_what_people_ask() -> None:
    before = Sampler()
    for url in ("/health/live", "/health", "/metrics", "/v1/me"):
        Client().get(url)
    before.step(minute(1).timestamp())
    since, until = minute(1), timezone.now()
    names = ["requests", "requests_4xx"]
    assert totals(names=names, since=since, until=until) == dict.fromkeys(names, 1.0)
    assert ranked(name="route_errors", since=since, until=until) == [("401 GET v1:me", 1.0)]
    assert percentiles(name="request_seconds", since=since, until=until, points=1).values["p50"][0]
