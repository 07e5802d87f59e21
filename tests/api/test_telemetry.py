"""GET /metrics."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, Job
from embeddings.models.job import JobQuerySet
from embeddings.telemetry import job_finished

URL = "/metrics"


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(client: APIClient) -> Samples:
    families = text_string_to_metric_families(client.get(URL).content.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(client: APIClient, name: str, **labels: str) -> float:
    return value_of(samples(client), name, **labels)


def value_of(seen: Samples, name: str, **labels: str) -> float:
    return seen.get((name, frozenset(labels.items())), 0.0)


def test_it_works(as_bob: APIClient) -> None:
    response = as_bob.get(URL)

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert b"# TYPE django_http_requests_before_middlewares_total counter" in response.content


def test_strangers_and_members_are_refused(stranger: APIClient, as_charlie: APIClient) -> None:
    assert stranger.get(URL).status_code == 401
    assert as_charlie.get(URL).status_code == 403


def test_it_is_open_where_the_configuration_says_so(stranger: APIClient, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"metrics_public": True})

    assert stranger.get(URL).status_code == 200


@pytest.mark.parametrize(
    "accept",
    ["text/plain", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.2"],
)
def test_any_scraper_is_served(as_bob: APIClient, stranger: APIClient, accept: str) -> None:
    assert as_bob.get(URL, headers={"Accept": accept}).status_code == 200
    assert stranger.get(URL, headers={"Accept": accept}).status_code == 401


def test_searches_are_counted(
    as_alice: APIClient, as_bob: APIClient, collection: Collection
) -> None:
    def counts() -> tuple[list[float], float]:
        seen = samples(as_bob)
        return [
            value_of(seen, "search_requests_total", path="exact", mode="semantic"),
            value_of(seen, "search_duration_seconds_count", path="exact"),
            value_of(seen, "embed_texts_total"),
            value_of(seen, "embed_duration_seconds_count"),
        ], value_of(seen, "embed_tokens_total")

    before, tokens = counts()

    body = {"collection": collection.name, "query": "tea"}
    assert as_alice.post("/v1/search", body).status_code == 200

    after, tokens_after = counts()
    assert after == [count + 1 for count in before]
    assert tokens_after > tokens


def test_documents_are_counted_by_what_became_of_them(
    as_alice: APIClient, as_bob: APIClient, collection: Collection
) -> None:
    def counts() -> list[float]:
        seen = samples(as_bob)
        outcomes = ("added", "updated", "unchanged")
        added = [value_of(seen, "documents_added_total", outcome=each) for each in outcomes]
        return [*added, value_of(seen, "add_duration_seconds_count")]

    before = counts()

    documents = [
        {"id": "new", "text": "New"},
        {"id": "tea", "text": "Another text"},
        {"id": "guides/coffee", "text": "Black"},
    ]
    assert as_alice.post(
        "/v1/add", {"collection": collection.name, "documents": documents}
    ).status_code in (200, 201)

    assert [after - count for after, count in zip(counts(), before, strict=True)] == [1, 2, 0, 1]


def test_jobs_are_counted(as_bob: APIClient, alice: User) -> None:
    assert value(as_bob, "jobs_queued") == 0
    before = value(as_bob, "jobs_finished_total", kind="import", state="failed")

    Job.objects.create(owner=alice, kind=JobKind.IMPORT.value)
    Job.objects.create(owner=alice, kind=JobKind.IMPORT.value, state=JobState.RUNNING.value)
    job_finished(kind=JobKind.IMPORT, state=JobState.FAILED, seconds=2.0)

    assert value(as_bob, "jobs_queued") == 1
    assert value(as_bob, "jobs_finished_total", kind="import", state="failed") == before + 1
    assert value(as_bob, "job_duration_seconds_count", kind="import") >= 1


def test_it_answers_without_a_queue(as_bob: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: JobQuerySet) -> int:
        raise OperationalError("gone")

    monkeypatch.setattr(JobQuerySet, "count", gone)

    content = as_bob.get(URL).content

    assert b"jobs_queued" not in content
    assert b"django_http_requests_before_middlewares_total" in content


def test_no_label_holds_a_name_of_a_caller(
    as_alice: APIClient, as_bob: APIClient, collection: Collection
) -> None:
    as_alice.get(f"/v1/collection/{collection.name}/documents/tea")
    as_alice.get("/v1/collection/canary")
    as_alice.get("/canary")

    labels = {item for _, pairs in samples(as_bob) for _, item in pairs}

    assert {"v1:document", "v1:collection", "unmatched"} <= labels
    assert not labels & {"alice", "bob", collection.name, "canary", "tea"}


def test_names_follow_the_rules_of_prometheus(as_bob: APIClient) -> None:
    families = list(text_string_to_metric_families(as_bob.get(URL).content.decode()))

    assert len(families) > 10
    for family in families:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name), family.name
        assert family.documentation, family.name
        if family.type == "histogram" and not family.name.startswith("django_"):
            assert family.name.endswith("_seconds"), family.name


def test_the_counts_of_several_processes_are_summed(
    as_bob: APIClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = "from embeddings.telemetry import EMBED_TEXTS; EMBED_TEXTS.inc(21)"
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-c", count],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
            check=True,
        )
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    assert value(as_bob, "embed_texts_total") == 42
    assert value(as_bob, "jobs_queued") == 0
