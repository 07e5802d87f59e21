"""`manage.py export_documents`."""

import csv
import gzip
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry, User
from accounts.policy import Role, SiteRole
from embeddings.models import Collection, Grant
from embeddings.services import export, file_exports
from embeddings.services.collection import delete_collection
from tests.factories import make_collection, make_document, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def admin(db: None) -> User:
    return make_user("root", SiteRole.ADMIN)


@pytest.fixture
def collection(monkeypatch: pytest.MonkeyPatch) -> Collection:
    """Of five documents, in three batches."""
    monkeypatch.setattr(export, "BATCH_DOCUMENTS", 2)
    made = make_collection("drinks")
    for number in range(5):
        make_document(made, "=A text.", external_id=str(number), n=number)
    return made


def run(file: Path, *arguments: str) -> int:
    out = StringIO()
    call_command(
        "export_documents", str(file), "--collection", "drinks", "--json", *arguments, stdout=out
    )
    documents: int = orjson.loads(out.getvalue())["documents"]
    return documents


def ids_in(content: bytes) -> list[str]:
    return sorted(orjson.loads(line)["id"] for line in content.splitlines())


def interrupt(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Ctrl-C while the batch after so many is read."""
    whole = export.export_documents

    def cut_off(**options: Any) -> Any:
        batches = whole(**options)
        for _ in range(after):
            yield next(batches)
        raise KeyboardInterrupt

    monkeypatch.setattr(file_exports, "export_documents", cut_off)


def test_it_works(collection: Collection, tmp_path: Path) -> None:
    file = tmp_path / "drinks.ndjson"
    assert run(file) == 5
    assert ids_in(file.read_bytes()) == ["0", "1", "2", "3", "4"]
    assert list(tmp_path.iterdir()) == [file]
    assert AuditEntry.objects.filter(event="documents.export").exists()


def test_csv_with_vectors_in_gzip(collection: Collection, tmp_path: Path) -> None:
    file = tmp_path / "drinks.csv.gz"
    assert run(file, "--vectors", "--filter", '{"n": {"$lt": 2}}') == 2
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert {(row["id"], row["text"], row["metadata"]) for row in rows} == {
        ("0", "'=A text.", '{"n":0}'),
        ("1", "'=A text.", '{"n":1}'),
    }
    assert all(len(orjson.loads(row["embedding"])) == 384 for row in rows)


@pytest.mark.parametrize("name", ["drinks.ndjson", "drinks.ndjson.gz"])
def test_it_goes_on_where_it_was_interrupted(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = tmp_path / name
    with monkeypatch.context() as patch:
        interrupt(patch, after=2)
        with pytest.raises(CommandError, match="the same command goes on"):
            run(file)
    assert not file.exists()
    partial = tmp_path / f"{name}.partial"
    with partial.open("ab") as cut_off:
        cut_off.write(b"half a batch" * 1_000)

    assert run(file) == 5

    content = file.read_bytes()
    plain = gzip.decompress(content) if name.endswith(".gz") else content
    assert ids_in(plain) == ["0", "1", "2", "3", "4"]
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("other", [["--vectors"], ["--restart"], ["--filter", '{"n": 0}']])
def test_another_export_starts_over(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: list[str]
) -> None:
    file = tmp_path / "drinks.ndjson"
    with monkeypatch.context() as patch:
        interrupt(patch, after=1)
        with pytest.raises(CommandError):
            run(file)

    run(file, *other)

    expected = ["0"] if "--filter" in other else ["0", "1", "2", "3", "4"]
    assert ids_in(file.read_bytes()) == expected


def test_another_user_starts_over(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant_third(make_user("alice"), collection)
    file = tmp_path / "drinks.ndjson"
    with monkeypatch.context() as patch:
        interrupt(patch, after=1)
        with pytest.raises(CommandError):
            run(file)

    assert run(file, "--user", "alice") == 1
    assert ids_in(file.read_bytes()) == ["3"]


def test_vectors_of_another_generation_start_over(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "drinks.ndjson"
    with monkeypatch.context() as patch:
        interrupt(patch, after=1)
        with pytest.raises(CommandError):
            run(file, "--vectors")
    progress = tmp_path / "drinks.ndjson.progress"
    known = orjson.loads(progress.read_bytes())
    assert known["what"]["vectors"] == collection.generation.pk
    known["what"]["vectors"] -= 1
    progress.write_bytes(orjson.dumps(known))
    (tmp_path / "drinks.ndjson.partial").write_bytes(b"another model's".ljust(known["bytes"]))

    assert run(file, "--vectors") == 5
    assert ids_in(file.read_bytes()) == ["0", "1", "2", "3", "4"]


def grant_third(user: User, collection: Collection) -> None:
    row_filter = {"n": 3}
    Grant.objects.create(collection=collection, user=user, role=Role.VIEWER, row_filter=row_filter)


def test_what_a_user_sees(collection: Collection, tmp_path: Path) -> None:
    grant_third(make_user("alice"), collection)
    file = tmp_path / "drinks.jsonl"
    assert run(file, "--user", "alice") == 1
    assert ids_in(file.read_bytes()) == ["3"]


def test_an_empty_collection(tmp_path: Path) -> None:
    make_collection("drinks")
    assert run(tmp_path / "drinks.csv") == 0
    assert (tmp_path / "drinks.csv").read_bytes() == b"id,text,metadata\r\n"
    assert run(tmp_path / "drinks.ndjson") == 0


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("drinks.txt", [], "must end in"),
        ("drinks.csv", ["--filter", "{"], "not valid JSON"),
        ("drinks.csv", ["--filter", '{"$no": 1}'], "no operator"),
        ("drinks.csv", ["--user", "nobody"], "no active user"),
        ("no/folder/drinks.csv", [], "No such file"),
    ],
)
def test_what_is_wrong_is_told(
    collection: Collection, tmp_path: Path, name: str, arguments: list[str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        run(tmp_path / name, *arguments)
    assert not any(tmp_path.iterdir())


def test_a_collection_that_is_not_there(collection: Collection, tmp_path: Path) -> None:
    delete_collection(collection=Collection.objects.get())
    with pytest.raises(CommandError, match="nothing here by that name"):
        run(tmp_path / "drinks.csv")
