"""Recall is measured against the exact answers, kept, and warned of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.db.models.functions import Now
from procrastinate.contrib.django import app

from embeddings.constants import IndexState, JobState, SearchPath
from embeddings.models import Collection, Job, RecallMeasurement
from embeddings.services import recall as service
from embeddings.services.add import add_documents
from embeddings.services.recall import (
    measure_due,
    measure_recall,
    newest_recall,
    recall_warning,
    run_measuring,
    start_measuring,
)
from embeddings.services.search_path import find_semantic
from embeddings.store.index import build_index
from embeddings.types.document import DocumentInput
from embeddings.types.search import Found, Plan
from tests.factories import make_collection
from tests.log_capture import capture_logs

pytestmark = pytest.mark.django_db

random = np.random.default_rng(5)


def fill(collection: Collection, count: int = 40) -> Collection:
    points = random.normal(size=(count, 384)).astype(np.float32)
    documents = [
        DocumentInput(f"d{i}", f"text {i}", {"n": i, "half": i % 2, "all": True}, points[i])
        for i in range(count)
    ]
    add_documents(collection=collection, documents=documents)
    return Collection.objects.select_related("active").get(pk=collection.pk)


@pytest.fixture
def collection() -> Collection:
    return fill(make_collection())


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Approximate searches find every second of the exact answers; returns the filters seen."""
    seen: list[Any] = []

    def lossy(**values: Any) -> Found:
        params = values["params"]
        found = find_semantic(**(values | {"params": replace(params, exact=True)}))
        seen.append(params.metadata_filter)
        if params.exact:
            return found
        own = [hit for hit in found.hits if hit.distance == 0]
        others = [hit for hit in found.hits if hit.distance != 0]
        plan = Plan(path=SearchPath.HNSW, exact=False)
        return Found(hits=[*own, *others[::2]], plan=plan)

    monkeypatch.setattr(service, "find_semantic", lossy)
    return seen


def make_ready(collection: Collection) -> None:
    collection.generation.index_state = IndexState.READY.value
    collection.generation.save(update_fields=["index_state"])


def test_exact_searches_find_all(collection: Collection) -> None:
    measured = measure_recall(collection=collection, filtered=False, queries=10)
    assert measured is not None
    assert (measured.recall, measured.worst, measured.approximate) == (1.0, 1.0, 0)
    assert measured.top_k == 10
    assert 1 <= measured.queries <= 10


@pytest.mark.django_db(transaction=True)
def test_of_a_real_index() -> None:
    collection = fill(make_collection(), 300)
    build_index(generation=collection.generation)
    make_ready(collection)
    measured = measure_recall(collection=collection, filtered=False, queries=10)
    assert measured is not None
    assert measured.approximate == measured.queries
    assert measured.recall > 0.5


def test_what_is_lost_is_counted_and_the_document_itself_is_not(
    collection: Collection, losing: list[Any]
) -> None:
    measured = measure_recall(collection=collection, filtered=False, queries=10)
    assert measured is not None
    assert (measured.recall, measured.worst) == (0.5, 0.5)
    assert measured.approximate == measured.queries


def test_the_filter_is_what_most_have_in_common(collection: Collection, losing: list[Any]) -> None:
    measured = measure_recall(collection=collection, filtered=True, queries=10)
    assert measured is not None
    assert measured.recall == 0.5
    assert {(each.path, each.operator, each.value) for each in losing} == {(("all",), "$eq", True)}


def test_nothing_is_measured_without_documents_or_metadata() -> None:
    empty = make_collection()
    assert measure_recall(collection=empty, filtered=False) is None
    add_documents(collection=empty, documents=[DocumentInput("a", "tea"), DocumentInput("b", "x")])
    assert measure_recall(collection=empty, filtered=True) is None
    assert not RecallMeasurement.objects.exists()


def test_a_measurement_is_bounded_in_time(collection: Collection) -> None:
    measured = measure_recall(collection=collection, filtered=False, queries=10, seconds=0)
    assert measured is not None
    assert measured.queries == 1


def test_the_newest_counts_and_old_ones_go(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "KEPT", 2)
    for top_k in (1, 2, 3):
        measure_recall(collection=collection, filtered=False, queries=2, top_k=top_k)
    unfiltered, filtered = newest_recall(collection=collection)
    assert unfiltered is not None
    assert (unfiltered.top_k, filtered) == (3, None)
    assert sorted(RecallMeasurement.objects.values_list("top_k", flat=True)) == [2, 3]


def test_low_recall_is_warned_of(collection: Collection, losing: list[Any]) -> None:
    with capture_logs() as logs:
        measured = measure_recall(collection=collection, filtered=False, queries=5)
    assert "50.0% of the exact answers, fewer than 95.0%" in recall_warning(measured, None)
    assert [line["level"] for line in logs.named("recall_low")] == ["warning"]
    assert recall_warning(None, None) == ""
    assert measured is not None
    assert recall_warning(replace(measured, recall=0.95)) == ""


def test_the_canary_measures_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "QUERIES", 2)
    due, unindexed, recent, old = (fill(make_collection(), 20) for _ in range(4))
    for each in (due, recent, old):
        make_ready(each)
    # With an index state but no index: searches are right all the same.
    for each, age in ((recent, 1), (old, 30)):
        measure_recall(collection=each, filtered=False, queries=2)
        RecallMeasurement.objects.filter(collection=each).update(
            created_at=Now() - timedelta(hours=age)
        )
    assert measure_due() == 2
    counts = [
        RecallMeasurement.objects.filter(collection=each).count()
        for each in (due, unindexed, recent, old)
    ]
    assert counts == [2, 0, 1, 3]
    assert measure_due() == 0


def test_the_canary_can_be_turned_off(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ready(collection)
    off = settings.EMBED.model_copy(update={"recall_interval_s": 0})
    monkeypatch.setattr(settings, "EMBED", off)
    assert measure_due() == 0


def test_the_canary_stops_in_time(collection: Collection) -> None:
    make_ready(collection)
    assert measure_due(seconds=-1) == 0


def test_the_canary_is_a_periodic_task() -> None:
    assert ("recall_canary", "") in app.periodic_registry.periodic_tasks


def test_as_a_job(collection: Collection) -> None:
    job = start_measuring(collection=collection)
    run_measuring(job_id=job.pk, should_stop=lambda: False)
    job = Job.objects.get()
    assert (job.state, job.owner) == (JobState.SUCCEEDED, collection.owner)
    assert job.result == {"unfiltered": 1.0, "filtered": 1.0}
    Collection.objects.filter(pk=collection.pk).update(active=None)
    Job.objects.update(collection=None, state=JobState.QUEUED.value)
    run_measuring(job_id=job.pk, should_stop=lambda: False)
    assert Job.objects.get().state == JobState.FAILED
