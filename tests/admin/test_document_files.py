"""Imports and exports in the console."""

import gzip
import hashlib
import io
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from embeddings.models import Collection, Document, Job
from embeddings.services.imports import run_import
from tests.factories import make_document

IMPORT = reverse("admin:documents_import")
PREVIEW = reverse("admin:documents_import_preview")
EXPORT = reverse("admin:documents_export")
TABLE = b"key,body,lang\nmate,How to brew <b>mate</b>,es\nshort\n"
NOISE = hashlib.shake_256(b"noise").hexdigest(4_000).encode()
COLUMNS = '{"text": "body", "id": "key", "metadata": ["lang"]}'


def send(client: Client, url: str, body: bytes, **query: Any) -> Any:
    asked = urlencode({"collection": "drinks", **query})
    return client.post(f"{url}?{asked}", body, content_type="application/octet-stream")


def imported(answer: Any) -> Job:
    assert answer.status_code == 201, answer.content
    job = Job.objects.get()
    assert answer.json()["location"] == reverse("admin:embeddings_job_change", args=[job.pk])
    run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    return job


def test_it_works(as_admin: Client, collection: Collection) -> None:
    assert b'type="file"' in as_admin.get(IMPORT, {"collection": str(collection.pk)}).content

    job = imported(send(as_admin, IMPORT, TABLE, name="Table.CSV", columns=COLUMNS))

    assert (job.owner.username, job.result["added"], job.result["refused"]) == ("root", 1, 1)
    stored = Document.objects.get(external_id="mate")
    assert (stored.text, stored.metadata) == ("How to brew <b>mate</b>", {"lang": "es"})
    assert AuditEntry.objects.get(event="job.create").username == "root"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.ndjson", b'{"_id": "a", "title": "A", "text": "A"}\n{"id": "b", "text": "B"}'),
        (
            "a.jsonl.gz",
            gzip.compress(b'{"id": "a", "text": "A"}\n{"id": "b", "text": "B"}', mtime=0),
        ),
        ("a.json", b'[{"_id": "a", "title": "A", "text": "A"},\n {"id": "b", "text": "B"}]'),
        ("a.csv.gz", gzip.compress(b"id,text\na,A\nb,B\n", mtime=0)),
    ],
)
def test_the_kinds_of_files(
    as_admin: Client, collection: Collection, name: str, body: bytes
) -> None:
    shown = send(as_admin, PREVIEW, body, name=name, whole=1).context["preview"].rows
    assert [row.document.external_id for row in shown] == ["a", "b"]

    assert imported(send(as_admin, IMPORT, body, name=name)).result["added"] == 2


@pytest.mark.parametrize("conflict", ["skip", "upsert"])
def test_documents_that_are_there(as_admin: Client, collection: Collection, conflict: str) -> None:
    body = b'{"id": "tea", "text": "New"}'
    imported(send(as_admin, IMPORT, body, name="a.ndjson", on_conflict=conflict))
    assert (Document.objects.get().text == "New") is (conflict == "upsert")


@pytest.mark.parametrize(
    ("query", "body", "told"),
    [
        ({"name": "a.txt"}, b"x", "Choose a file that ends in"),
        ({"name": "a.csv", "collection": "gone"}, TABLE, "nothing here by that name"),
        ({"name": "a.csv", "columns": "{"}, TABLE, "not valid JSON"),
        ({"name": "a.csv"}, TABLE, "no column named text"),
        ({"name": "a.csv", "on_conflict": "x"}, TABLE, "not a valid choice"),
        ({"name": "a.csv"}, b"", "it is empty"),
        ({"name": "a.json"}, b"{}", "no array"),
        ({"name": "a.json"}, b"[\n1", "see line 2"),
        ({"name": "a.json.gz"}, b"[]", "but it is not"),
    ],
    ids=str,
)
def test_what_can_not_be_imported_is_told(
    as_admin: Client, collection: Collection, query: dict[str, str], body: bytes, told: str
) -> None:
    answer = send(as_admin, IMPORT, body, **query)
    assert answer.status_code == 400
    assert told in answer.json()["detail"]
    assert not Job.objects.exists()


def test_a_preview_shows_what_would_be_stored(as_admin: Client, collection: Collection) -> None:
    answer = send(as_admin, PREVIEW, TABLE, name="a.csv", whole=1)

    preview = answer.context["preview"]
    assert list(preview.header) == ["key", "body", "lang"]
    assert (preview.columns.text, preview.columns.id) == ("body", "key")
    assert [row.fault for row in preview.rows] == [
        "",
        "The row has not as many cells as the header.",
    ]
    assert preview.rows[0].document.metadata == {"lang": "es"}
    page = answer.content.decode()
    assert "&lt;b&gt;mate" in page
    assert "<b>mate" not in page
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("header", "chosen", "metadata"),
    [
        ("body,lang", ("body", None), ["lang"]),
        ("id,lang,text", ("text", "id"), ["lang"]),
        ("title,text,lang", None, ["lang"]),
        ("id,text,metadata", None, []),
    ],
)
def test_what_columns_are_taken_for(
    as_admin: Client,
    collection: Collection,
    header: str,
    chosen: tuple[str, str | None] | None,
    metadata: list[str],
) -> None:
    body = f"{header}\n{'{},' * header.count(',')}{{}}\n".encode()
    preview = send(as_admin, PREVIEW, body, name="a.csv", whole=1).context["preview"]
    columns = preview.columns and (preview.columns.text, preview.columns.id)
    assert (columns, list(preview.metadata_columns)) == (chosen, metadata)


def test_a_preview_by_chosen_columns(as_admin: Client, collection: Collection) -> None:
    columns = '{"text": "lang", "metadata": []}'
    answer = send(as_admin, PREVIEW, TABLE, name="a.csv", whole=1, columns=columns)
    document = answer.context["preview"].rows[0].document
    assert (document.text, document.metadata) == ("es", {})


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.csv", b'id,text\na,A\nb,"cut'),
        ("a.csv", b'id,text\na,A\nb,"cut\noff'),
        ("a.ndjson", b'{"id": "a", "text": "A"}\n{"id": "b", "te'),
        ("a.json", b'[{"id": "a", "text": "A"}, {"id": "b", "te'),
        ("a.ndjson.gz", gzip.compress(b'{"id": "a", "text": "A"}\n' + NOISE)[:-999]),
    ],
    ids=["csv", "csv in a cell", "ndjson", "json", "gzip"],
)
def test_the_preview_of_a_part_shows_what_is_whole(
    as_admin: Client, collection: Collection, name: str, head: bytes
) -> None:
    rows = send(as_admin, PREVIEW, head, name=name).context["preview"].rows
    assert rows[0].document.external_id == "a"
    assert len(rows) == 1


def test_what_begins_with_a_huge_row_can_be_imported(
    as_admin: Client, collection: Collection
) -> None:
    # As an export with the vectors of a text of many chunks may.
    answer = send(as_admin, PREVIEW, b'\xef\xbb\xbf{"chunks": [' + b"1," * 1_000, name="a.ndjson")
    assert answer.context["preview"].rows == []
    page = answer.content.decode()
    assert "<table" in page  # without one, documents.js does not let it be imported
    assert "longer than what is looked at" in page


def test_a_preview_unpacks_no_more_than_it_shows(as_admin: Client, collection: Collection) -> None:
    bomb = gzip.compress(b'{"id": "a", "text": "A"}\n' * 2_000_000)
    rows = send(as_admin, PREVIEW, bomb, name="a.ndjson.gz", whole=1).context["preview"].rows
    assert len(rows) == 8


@pytest.mark.parametrize(
    ("name", "body"),
    [("a.csv", b""), ("a.csv", b'id,text\n"'), ("a.json", b"{}"), ("a.gz", b""), ("a.csv.gz", b"")],
)
def test_a_preview_tells_what_is_wrong(
    as_admin: Client, collection: Collection, name: str, body: bytes
) -> None:
    assert b"console-error" in send(as_admin, PREVIEW, body, name=name, whole=1).content


def test_an_upload_that_is_cut_off_is_no_import(as_admin: Client, collection: Collection) -> None:
    body = b'{"text": "A"}\n'
    url = f"{IMPORT}?collection=drinks&name=a.ndjson"
    longer: dict[str, Any] = {
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body) + 5),
    }
    answer: Any = as_admin.generic("POST", url, "", "application/octet-stream", **longer)
    assert answer.status_code == 400
    assert not Job.objects.exists()


def test_an_upload_may_be_larger_than_other_bodies(
    as_admin: Client, collection: Collection, settings: Any
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"max_body_bytes": 1_024})
    body = b'{"text": "A"}\n' * 100
    assert send(as_admin, IMPORT, body, name="a.ndjson").status_code == 201
    assert send(as_admin, PREVIEW, body, name="a.ndjson").status_code == 413


def test_an_export(as_operator: Client, collection: Collection) -> None:
    make_document(collection, "=HYPERLINK(1)", external_id="formula", year=2024)
    form = {"collection": "drinks", "format": "ndjson", "filter": '{"year": 2024}'}

    lines: Any = as_operator.post(EXPORT, form)
    table: Any = as_operator.post(EXPORT, {**form, "format": "csv", "vectors": "on"})

    assert lines["Content-Disposition"] == 'attachment; filename="drinks.ndjson"'
    assert orjson.loads(lines.getvalue()) == {
        "id": "formula",
        "text": "=HYPERLINK(1)",
        "metadata": {"year": 2024},
    }
    assert table["Content-Type"] == "text/csv"
    assert table.getvalue().startswith(b"id,text,metadata,embedding\r\nformula,'=HYPERLINK(1),")
    assert AuditEntry.objects.filter(event="documents.export", username="bob").count() == 2


def test_the_form_of_an_export(as_admin: Client, collection: Collection) -> None:
    page = as_admin.get(EXPORT, {"collection": str(collection.pk), "filter": '{"a": 1}'})
    assert page.context["form"]["collection"].value() == "drinks"
    assert page.context["form"]["filter"].value() == '{"a": 1}'
    for wrong in ({"collection": ""}, {"format": "x"}, {"filter": "{"}):
        sent = {"collection": "drinks", "format": "csv", **wrong}
        response = as_admin.post(EXPORT, sent)
        assert set(response.context["form"].errors) == set(wrong)
    assert not AuditEntry.objects.filter(event="documents.export").exists()


def test_who_may(as_operator: Client, as_member: Client, collection: Collection) -> None:
    body = b'{"text": "A"}\n'
    for client in (as_operator, as_member):
        assert client.get(IMPORT).status_code == 403
        assert send(client, IMPORT, body, name="a.ndjson").status_code == 403
        assert send(client, PREVIEW, body, name="a.ndjson").status_code == 403
    assert as_member.post(EXPORT, {"collection": "drinks", "format": "csv"}).status_code == 403
    assert as_operator.get(EXPORT).status_code == 200
    assert not Job.objects.exists()
