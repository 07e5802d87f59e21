"""What of a collection is changed in the console, and what its page shows."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.policy import SiteRole
from embeddings.constants import FieldType, IndexState, JobKind, JobState
from embeddings.models import Collection, FrequentQuery, Generation, Grant, Job
from embeddings.services.jobs import start_job
from embeddings.services.metadata_schema import declare_fields
from embeddings.types.metadata_schema import SchemaField
from tests.admin.conftest import client_of, make_staff, queries_of
from tests.factories import make_document, make_measurement, make_user

LANG = {
    "metadata_schema-0-was": "lang",
    "metadata_schema-0-name": "lang",
    "metadata_schema-0-type": "string",
}


def change(collection: Collection) -> str:
    return reverse("admin:embeddings_collection_change", args=[collection.pk])


def transfer(collection: Collection) -> str:
    return reverse("admin:embeddings_collection_transfer", args=[collection.pk])


@pytest.fixture
def declared(collection: Collection) -> Collection:
    """With a field."""
    lang = SchemaField("lang", FieldType.STRING)
    declare_fields(collection=collection, fields={"lang": lang})
    return collection


def send(client: Client, collection: Collection, **values: Any) -> Any:
    """The page as it is, with these values changed."""
    unchanged = {
        "name": collection.name,
        "description": collection.description,
        "index__m": 16,
        "index__ef_construction": 128,
        "index__storage": "halfvec",
        "grants-TOTAL_FORMS": 0,
        "grants-INITIAL_FORMS": 0,
        **(LANG if collection.metadata_schema else {}),
    }
    return client.post(change(collection), unchanged | values, follow=True)


def errors_of(response: Any) -> dict[str, list[str]]:
    return dict(response.context["adminform"].form.errors)


def newest_change() -> AuditEntry:
    return AuditEntry.objects.filter(event="collection.update").latest("id")


def test_it_works(as_admin: Client, declared: Collection) -> None:
    send(as_admin, declared, name="beverages", description="Hot", owner="5", metric="l2")

    after = Collection.objects.select_related("active").get(pk=declared.pk)
    assert (after.name, after.description) == ("beverages", "Hot")
    assert (after.owner, after.generation.metric) == (declared.owner, "cosine")
    assert after.metadata_schema == declared.metadata_schema
    assert after.document_count == 1
    entry = newest_change()
    assert entry.before == {"name": "drinks", "description": ""}
    assert entry.after == {"name": "beverages", "description": "Hot"}


def test_what_is_unchanged_is_not_asked_for(as_admin: Client, declared: Collection) -> None:
    assert "changed successfully" in send(as_admin, declared).content.decode()

    assert not AuditEntry.objects.filter(event="collection.update").exists()
    assert not Job.objects.exists()


def test_a_description_can_be_emptied(as_admin: Client, collection: Collection) -> None:
    Collection.objects.update(description="Hot")
    send(as_admin, collection, description="")
    assert Collection.objects.get().description == ""


def test_fields_are_declared_changed_and_removed(as_admin: Client, declared: Collection) -> None:
    meanwhile = SchemaField("colour", FieldType.STRING)
    year = {
        "metadata_schema-1-name": " year ",
        "metadata_schema-1-type": "number",
        "metadata_schema-1-index": "1",
    }
    send(as_admin, declared, **year)
    schema = Collection.objects.get().metadata_schema
    assert {name: field["type"] for name, field in schema.items()} == {
        "lang": "string",
        "year": "number",
    }
    assert Job.objects.get().kind == JobKind.INDEX_METADATA

    lang = SchemaField("lang", FieldType.STRING)
    declare_fields(collection=declared, fields={"lang": lang, "colour": meanwhile})
    renamed = {"metadata_schema-0-name": "language", "metadata_schema-0-required": ""}
    send(as_admin, declared, **renamed)
    assert set(Collection.objects.get().metadata_schema) == {"language", "colour"}

    removed = {
        "metadata_schema-0-was": "language",
        "metadata_schema-0-name": "language",
        "metadata_schema-0-remove": "1",
    }
    send(as_admin, declared, **removed)
    assert set(Collection.objects.get().metadata_schema) == {"colour"}


def test_what_documents_break_is_told_at_the_fields(as_admin: Client, declared: Collection) -> None:
    make_document(declared.show_whole(), external_id="milk", lang="en", fat="<b>3</b>")
    fat = {"metadata_schema-1-name": "fat", "metadata_schema-1-type": "number"}

    response = send(as_admin, declared, description="Not kept", **fat)

    [told] = errors_of(response)["metadata_schema"]
    assert "milk" in told
    page = response.content.decode()
    assert 'value="fat"' in page  # what was typed is still there
    after = Collection.objects.get()
    assert (set(after.metadata_schema), after.description) == ({"lang"}, "")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", {"name": "taken"}),
        ("name", {"name": ""}),
        ("index__ef_construction", {"index__ef_construction": "20"}),
        ("index__m", {"index__m": "x"}),
        ("metadata_schema", {"metadata_schema-0-name": ""}),
        ("metadata_schema", {"metadata_schema-1-name": "a", "metadata_schema-1-type": "x"}),
        ("redaction__entities", {"redaction__metadata": "on"}),
    ],
    ids=str,
)
def test_what_the_service_refuses_is_told_at_its_field(
    as_admin: Client, declared: Collection, field: str, wrong: dict[str, str]
) -> None:
    Collection.objects.filter(pk=declared.pk).update(description="before")
    other = Collection.objects.get()
    other.pk, other.name, other.active = None, "taken", None
    other.save(force_insert=True)

    response = send(as_admin, declared, description="after", **wrong)

    assert list(errors_of(response)) == [field]
    assert Collection.objects.get(pk=declared.pk).description == "before"


def test_another_index_is_built_by_a_job(as_admin: Client, collection: Collection) -> None:
    Generation.objects.update(index_state=IndexState.READY.value)

    page = send(as_admin, collection, index__m="24").content.decode()

    job = Job.objects.get()
    assert (job.kind, job.params["m"], job.owner) == (JobKind.REINDEX, 24, collection.owner)
    assert reverse("admin:embeddings_job_change", args=[job.pk]) in page
    page = send(as_admin, collection, index__m="32").content.decode()
    assert "is building this collection" in page
    assert Job.objects.count() == 1


def test_redaction_is_chosen_and_ended(as_admin: Client, collection: Collection) -> None:
    send(as_admin, collection, redaction__entities=["email"])
    assert Collection.objects.get().redaction == {"entities": ["email"], "metadata": False}
    send(as_admin, collection, redaction__entities=[])
    assert Collection.objects.get().redaction == {}


def test_grants_are_given_beside_it(as_admin: Client, admin: User, collection: Collection) -> None:
    bob = make_user("bobby")
    grant = {"grants-TOTAL_FORMS": 1, "grants-0-user": bob.pk, "grants-0-role": "viewer"}

    send(as_admin, collection, **grant)

    made = Grant.objects.get()
    assert (made.user, made.role, made.created_by) == (bob, "viewer", admin)


def test_a_member_and_an_operator_change_nothing(
    as_operator: Client, as_member: Client, collection: Collection
) -> None:
    for client in (as_operator, as_member):
        assert send(client, collection, name="mine").status_code == 403
        assert client.get(transfer(collection)).status_code == 403
        assert client.post(transfer(collection)).status_code == 403
    page = as_operator.get(change(collection)).content.decode()
    assert 'id="danger"' not in page
    assert 'name="index__m"' not in page


def test_its_page_says_what_it_is(as_operator: Client, declared: Collection) -> None:
    make_measurement(declared, 0.8, worst=0.3)
    job = start_job(owner_id=declared.owner_id, kind=JobKind.VACUUM, collection=declared)
    done = start_job(owner_id=declared.owner_id, kind=JobKind.VACUUM, collection=declared)
    Job.objects.filter(pk=done.pk).update(state=JobState.SUCCEEDED.value)

    page = as_operator.get(change(declared)).content.decode()

    for shown in (
        "<dt>Documents</dt><dd>1</dd>",
        "<dt>Recall</dt><dd>80 %</dd>",
        "none: halfvec, m 16, ef_construction 128",
        "Searches find 80.0% of the exact answers",
        '<th scope="row">lang</th><td>string</td>',
        reverse("admin:embeddings_job_change", args=[job.pk]),
        'id="recall-data"',
    ):
        assert shown in page
    assert str(done.pk) not in page


def test_what_is_searched_for_is_shown_escaped(
    as_operator: Client, collection: Collection, settings: Any
) -> None:
    url = change(collection)
    assert "EMBED_CACHE_QUERIES" in as_operator.get(url).content.decode()
    FrequentQuery.objects.create(
        collection=collection,
        owner=collection.owner,
        text="<script>x</script>",
        count=7,
        digest=b"",
    )
    page = as_operator.get(url).content.decode()
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x</script>" not in page

    member = make_staff("dora", SiteRole.MEMBER)
    member.user_permissions.add(Permission.objects.get(codename="view_collection"))
    page = client_of(member).get(url).content.decode()
    assert "Fingerprint" in page
    assert "script&gt;x" not in page
    assert 'name="do"' not in page


def test_its_page_asks_a_bounded_number_of_queries(
    as_admin: Client, collection: Collection
) -> None:
    as_admin.get(change(collection))
    before = len(queries_of(as_admin, change(collection)))
    for number in range(3):
        make_document(collection.show_whole(), external_id=str(number))
        Grant.objects.create(collection=collection, user=make_user(), role="viewer")
    after = len(queries_of(as_admin, change(collection)))
    # Each grant's two autocompletes ask for the name that they show.
    assert after - before <= 3 * 2
    assert before <= 22


def test_it_is_given_away(as_admin: Client, collection: Collection) -> None:
    heir = make_user("heir")
    assert as_admin.get(transfer(collection)).status_code == 200

    page = as_admin.post(transfer(collection), {"owner": heir.pk}, follow=True).content.decode()

    assert Collection.objects.get().owner == heir
    assert "drinks belongs to heir now." in page
    assert AuditEntry.objects.filter(event="collection.transfer").count() == 1


def test_it_is_given_to_nobody_who_is_gone(as_admin: Client, collection: Collection) -> None:
    gone = make_user("gone")
    gone.is_active = False
    gone.save(update_fields=["is_active"])
    for owner in ("", str(gone.pk)):
        response = as_admin.post(transfer(collection), {"owner": owner})
        assert response.status_code == 200
        assert response.context["form"].errors["owner"]
    assert Collection.objects.get().owner == collection.owner
