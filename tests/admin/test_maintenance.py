"""The page of what operators should look after, and what is started for collections."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from embeddings.constants import IndexState, JobKind
from embeddings.models import Collection, Generation, Job, KeywordStatistics
from tests.admin.conftest import queries_of
from tests.factories import make_collection, make_measurement

URL = reverse("admin:maintenance")
LIST = reverse("admin:embeddings_collection_changelist")
KINDS = {
    "reindex": JobKind.REINDEX,
    "measure": JobKind.MEASURE_RECALL,
    "refresh": JobKind.REFRESH_KEYWORDS,
    "fields": JobKind.INDEX_METADATA,
    "vacuum": JobKind.VACUUM,
}


def post(client: Client, url: str, **values: Any) -> str:
    response: Any = client.post(url, values, follow=True)
    page: str = response.content.decode()
    return page


def test_it_works(as_operator: Client, collection: Collection) -> None:
    page = as_operator.get(URL).content.decode()
    assert "All indexes are there and valid." in page
    assert "No measurement is below" in page
    assert "No collection wants VACUUM" in page

    Generation.objects.update(index_state=IndexState.READY.value)
    KeywordStatistics.objects.update(changes=2_000)
    Collection.objects.update(
        metadata_schema={
            "year": {"type": "number", "index": True, "required": False, "state": "none"},
            "lang": {"type": "string", "index": False, "required": False, "state": "none"},
        }
    )
    make_measurement(collection, 0.5)
    page = as_operator.get(URL).content.decode()
    assert "Build field indexes: year." in page
    assert "Missing, as after a restore" in page
    assert "0.500" in page
    assert "2000 documents changed" in page
    assert page.count(f'name="collection" value="{collection.pk}"') == 2


def test_recall_is_shown_over_time(as_operator: Client, collection: Collection) -> None:
    for recall in (0.9, 0.8):
        make_measurement(collection, recall)
        make_measurement(collection, recall / 2, filtered=True)

    page = as_operator.get(URL, {"collection": str(collection.pk)})

    lines = page.context["recall"].data["lines"]
    assert [line["values"] for line in lines] == [[0.9, 0.8], [0.45, 0.4]]
    assert as_operator.get(URL, {"collection": "x"}).context["recall"] is None


@pytest.mark.parametrize("name", KINDS)
def test_it_asks_once_and_starts_jobs(
    as_operator: Client, collection: Collection, name: str
) -> None:
    other = make_collection("other")
    chosen = {"do": name, "collection": [collection.pk, other.pk, "x"]}

    page = post(as_operator, URL, **chosen)
    assert "<li>drinks</li><li>other</li>" in page
    assert f'name="collection" value="{other.pk}"' in page
    assert not Job.objects.exists()

    page = post(as_operator, URL, **chosen, confirmed="yes")
    jobs = Job.objects.filter(kind=KINDS[name].value)
    assert {job.collection for job in jobs} == {collection, other}
    assert {job.owner for job in jobs} == {collection.owner, other.owner}
    for job in jobs:
        assert reverse("admin:embeddings_job_change", args=[job.pk]) in page
    made = AuditEntry.objects.filter(event="job.create")
    assert {entry.username for entry in made} == {"bob"}


def test_indexes_are_repaired_by_a_job_of_whom_asks(as_operator: Client) -> None:
    assert "Repair indexes?" in post(as_operator, URL, do="repair")
    assert not Job.objects.exists()

    post(as_operator, URL, do="repair", confirmed="yes")

    job = Job.objects.get()
    assert (job.kind, job.owner.username, job.collection) == (JobKind.REPAIR_INDEXES, "bob", None)


@pytest.mark.parametrize("wrong", [{}, {"do": "x"}, {"do": "reindex"}], ids=str)
def test_nothing_is_started_without_a_choice(as_operator: Client, wrong: dict[str, str]) -> None:
    assert "Choose a collection" in post(as_operator, URL, **wrong, confirmed="yes")
    assert not Job.objects.exists()


def test_what_is_not_possible_is_said(as_operator: Client, collection: Collection) -> None:
    chosen = {"do": "reindex", "collection": [collection.pk], "confirmed": "yes"}
    post(as_operator, URL, **chosen)
    assert "is building this collection" in post(as_operator, URL, **chosen)
    assert Job.objects.count() == 1


def test_the_list_of_collections_asks_once_too(as_operator: Client, collection: Collection) -> None:
    make_collection("other")
    chosen = {"action": "measure", "_selected_action": [collection.pk]}

    page = post(as_operator, LIST, **chosen)
    assert "Measure recall?" in page
    assert '<input type="hidden" name="action" value="measure">' in page
    assert not Job.objects.exists()

    assert "Started 1 job:" in post(as_operator, LIST, **chosen, confirmed="yes")
    assert Job.objects.get().collection == collection


def test_a_member_stays_outside(as_member: Client, collection: Collection) -> None:
    assert as_member.get(URL).status_code == 403
    chosen = {"do": "reindex", "collection": [collection.pk], "confirmed": "yes"}
    assert as_member.post(URL, chosen).status_code == 403
    post(as_member, LIST, action="reindex", _selected_action=[collection.pk], confirmed="yes")
    assert not Job.objects.exists()


def test_it_asks_as_much_for_many_as_for_one(as_operator: Client, collection: Collection) -> None:
    make_measurement(collection, 0.5)
    as_operator.get(URL)
    before = len(queries_of(as_operator, URL))
    for _ in range(4):
        make_measurement(make_collection(), 0.5)
    assert len(queries_of(as_operator, URL)) == before <= 14
