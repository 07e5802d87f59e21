"""The command that erases, and rewrites the files in which erased rows stand."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.models import Collection, Document
from embeddings.store.partitions import documents_table
from tests.factories import make_collection, make_document, make_user


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("erase", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def collection(db: None) -> Collection:
    make_user("root", SiteRole.ADMIN)
    made = make_collection("letters", owner=make_user("alice"))
    make_document(made, "Jane drinks gin", external_id="gin", customer=42)
    make_document(made, "Joan drinks rum", external_id="rum", customer=7)
    return made


def test_it_works(collection: Collection) -> None:
    shown = run("--collection", "letters", "--id", "gin", "--id", "absent")
    assert shown.startswith("Erased: 1 documents, 1 chunks")
    assert "Remains: Backups" in shown
    assert "manage.py erase --vacuum --collection letters" in shown
    assert Document.objects.get(collection=collection).external_id == "rum"


def test_by_filter_as_json(collection: Collection) -> None:
    shown = run("--collection", "letters", "--filter", '{"customer": 42}', "--json")
    report = json.loads(shown)
    assert (report["documents"], report["rewritten"]) == (1, [])
    assert report["remains"]


def test_a_user(collection: Collection) -> None:
    with pytest.raises(CommandError, match="transfer_to"):
        run("--user", "alice")
    assert run("--user", "alice", "--transfer-to", "root").startswith("Erased: 1 collections")
    assert not User.objects.filter(username="alice").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say what"),
        (["--id", "gin"], "Say where"),
        (["--collection", "letters", "--filter", "{"], "takes JSON"),
        (["--collection", "letters", "--filter", '{"$no": 1}'], "not well formed"),
        (["--collection", "absent", "--id", "gin"], "nothing here"),
        (["--collection", "absent", "--vacuum"], "no collection 'absent'"),
        (["--user", "nobody"], "nothing here"),
    ],
)
def test_what_it_refuses(collection: Collection, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert Document.objects.filter(collection=collection).count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_tables_files_are_written_anew() -> None:
    make_user("root", SiteRole.ADMIN)
    made = make_collection("letters")
    make_document(made, "Jane drinks gin", external_id="gin")
    make_document(made, "Joan drinks rum", external_id="rum")
    run("--collection", "letters", "--id", "gin")
    file, place = where_it_is(made)
    assert place == "(0,2)"  # the erased row is in its file, before it
    assert documents_table(made.pk) in run("--vacuum", "--collection", "letters")
    assert where_it_is(made) != (file, place)
    assert where_it_is(made)[1] == "(0,1)"


def where_it_is(collection: Collection) -> tuple[str, str]:
    """The file of the collection's documents, and the place of the only one in it."""
    table = documents_table(collection.pk)
    with connection.cursor() as cursor:
        statement = sql.SQL("SELECT pg_relation_filepath(%s), ctid::text FROM {}")
        cursor.execute(statement.format(sql.Identifier(table)), [table])
        [(file, place)] = cursor.fetchall()
    return file, place


@pytest.mark.django_db(transaction=True)
def test_the_files_of_users_are_written_anew() -> None:
    make_user("root", SiteRole.ADMIN)
    make_user("alice")
    run("--user", "alice")
    tables = ("accounts_user", "accounts_apitoken", "axes_accesslog", "django_session")
    before = [file_of(table) for table in tables]
    run("--vacuum")
    after = [file_of(table) for table in tables]
    assert all(one != other for one, other in zip(before, after, strict=True))


def file_of(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filepath(%s)", [table])
        return str(cursor.fetchone()[0])
