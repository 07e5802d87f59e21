"""A collection's index in the console."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from embeddings.constants import JobKind
from embeddings.models import Collection, Job, RecallMeasurement
from tests.factories import make_collection

LIST = reverse("admin:embeddings_collection_changelist")


def change(collection: Collection) -> str:
    return reverse("admin:embeddings_collection_change", args=[collection.pk])


def act(client: Client, action: str, *collections: Collection) -> str:
    chosen = [collection.pk for collection in collections]
    response: Any = client.post(LIST, {"action": action, "_selected_action": chosen}, follow=True)
    page: str = response.content.decode()
    return page


def test_it_works(as_operator: Client, collection: Collection) -> None:
    page = as_operator.get(change(collection)).content.decode()
    assert "none: halfvec, m 16, ef_construction 128, 0.0 MiB" in page
    assert "recall@" not in page

    RecallMeasurement.objects.create(
        collection=collection,
        filtered=True,
        recall=0.8,
        worst=0.3,
        top_k=10,
        queries=50,
        approximate=50,
    )
    page = as_operator.get(change(collection)).content.decode()
    assert "recall@10 0.8000 with filters, worst 0.30, 50 searches" in page
    assert "Warning: Searches find 80.0% of the exact answers" in page


@pytest.mark.parametrize(
    ("action", "kind"), [("reindex", JobKind.REINDEX), ("measure", JobKind.MEASURE_RECALL)]
)
def test_jobs_are_started(
    as_operator: Client, collection: Collection, action: str, kind: JobKind
) -> None:
    other = make_collection("other")
    assert "Started 2 jobs." in act(as_operator, action, collection, other)
    jobs = Job.objects.filter(kind=kind.value)
    assert {job.collection for job in jobs} == {collection, other}
    assert jobs.get(collection=collection).owner == collection.owner


def test_one_build_at_a_time(as_admin: Client, collection: Collection) -> None:
    act(as_admin, "reindex", collection)
    page = act(as_admin, "reindex", collection)
    assert "is building this collection" in page
    assert "Started 0 jobs." in page
    assert Job.objects.count() == 1
    assert "builds it." in as_admin.get(change(collection)).content.decode()


def test_a_member_stays_outside(as_member: Client, collection: Collection) -> None:
    act(as_member, "reindex", collection)
    assert not Job.objects.exists()
