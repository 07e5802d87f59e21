"""`manage.py import_documents`."""

import gzip
import signal
import time
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.constants import JobState
from embeddings.models import Collection, Document, Job
from embeddings.services import file_imports
from embeddings.services.imports import import_rows
from tests.commands.processes import TIMEOUT_S, command, held_up, is_waited_for, kill, wait_for
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db

MANY = 2_000


@pytest.fixture(autouse=True)
def admin(db: None) -> User:
    return make_user("root", SiteRole.ADMIN)


def lines(*documents: Any) -> bytes:
    return b"".join(
        (line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in documents
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(
        lines(
            {"_id": "a", "title": "Tea", "text": "How to brew tea", "metadata": {"n": 1}},
            b"not json",
            {"text": "No id"},
            {"_id": "b", "text": ""},
            {"_id": "c", "text": "Coffee"},
        )
    )
    return path


def run(file: Path, *arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(
        "import_documents", str(file), "--collection", "drinks", "--json", *arguments, stdout=out
    )
    report: dict[str, Any] = orjson.loads(out.getvalue())
    return report


def stored() -> dict[str, str]:
    return dict(Document.objects.values_list("external_id", "text"))


def test_it_works(file: Path) -> None:
    report = run(file)
    assert (report["rows"], report["added"], report["refused"]) == (5, 3, 2)
    assert [(row["line"], row["code"]) for row in report["refused_rows"]] == [
        (2, "invalid"),
        (4, "empty_text"),
    ]
    collection = Collection.objects.get(name="drinks")
    assert collection.owner.username == "root"
    assert collection.generation.model == settings.EMBED.default_model
    assert sorted(stored().values()) == ["Coffee", "No id", "Tea\nHow to brew tea"]
    assert Document.objects.get(external_id="a").metadata == {"n": 1}
    assert Job.objects.get().state == JobState.SUCCEEDED


def test_the_report_for_people(file: Path) -> None:
    out, err = StringIO(), StringIO()
    call_command("import_documents", str(file), "--collection", "drinks", stdout=out, stderr=err)
    assert "5 rows: 3 added, 0 updated, 0 unchanged, 0 truncated, 2 refused" in out.getvalue()
    assert "row 4 (text): The text is empty." in err.getvalue()


def test_the_formats(tmp_path: Path) -> None:
    path = tmp_path / "more.csv.gz"
    path.write_bytes(gzip.compress(b"id,title,text,lang\nd,Mate,How to brew mate,es\n"))
    assert run(path)["added"] == 1
    document = Document.objects.get(external_id="d")
    assert (document.text, document.metadata) == ("Mate\nHow to brew mate", {"lang": "es"})


def test_a_repeat_changes_nothing(file: Path) -> None:
    run(file)
    report = run(file)
    assert (report["added"], report["unchanged"], report["refused"]) == (0, 3, 2)
    assert len(stored()) == 3


def test_existing_documents_are_refused_on_request(file: Path, tmp_path: Path) -> None:
    run(file)
    errors = tmp_path / "errors.jsonl"
    with pytest.raises(CommandError, match="No row was imported: all 5 were refused"):
        run(file, "--on-conflict", "error", "--errors", str(errors))
    refused = [orjson.loads(line) for line in errors.read_bytes().splitlines()]
    assert sorted(row["line"] for row in refused) == [1, 2, 3, 4, 5]
    assert Job.objects.latest("created_at").result["refused"] == 5


def test_into_the_collection_of_the_named_owner(file: Path) -> None:
    alice = make_user("alice")
    make_collection("drinks", owner=alice)
    run(file, "--owner", "alice")
    assert Job.objects.get().owner == alice
    with pytest.raises(CommandError, match="exists already"):
        make_user("charlie")
        run(file, "--owner", "charlie")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--owner", "nobody"], "no active user nobody"),
        (["--model", "gpt"], "No model `gpt`"),
        (["--collection", "bad name!"], "A name has 1 to 63 of a-z"),
        (["--collection", ""], "may not be blank"),
        (["--errors", "/nope/errors.jsonl"], "/nope/errors.jsonl: No such file or directory"),
        (["--errors", "/"], "Is a directory"),
    ],
)
def test_what_is_wrong_is_said(file: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(file, *arguments)
    assert not Collection.objects.exists()
    assert not Job.objects.exists()


def test_a_bad_file_is_said(tmp_path: Path, file: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        run(tmp_path / "nothing.jsonl")
    with pytest.raises(CommandError, match="must end in"):
        run(file.rename(tmp_path / "corpus.txt"))
    table = tmp_path / "table.csv"
    table.write_text("id,content\na,Tea\n")
    with pytest.raises(CommandError, match="no column named text"):
        run(table)
    assert not Collection.objects.exists()


def test_another_model_than_the_collections_is_said(file: Path) -> None:
    run(file)
    with pytest.raises(CommandError, match=f"drinks has the model {settings.EMBED.default_model}"):
        run(file, "--model", "all-MiniLM-L6-v2")
    assert run(file, "--model", settings.EMBED.default_model)["unchanged"] == 3


def test_a_new_file_under_an_old_name_starts_at_its_first_row(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_after(monkeypatch, 2)
    with pytest.raises(CommandError, match="Interrupted"):
        run(file, "--batch-size", "1")
    monkeypatch.undo()
    file.write_bytes(lines({"_id": "new", "text": "first"}, *({"text": f"t{i}"} for i in range(9))))
    assert run(file)["rows"] == 10
    assert "new" in stored()


def interrupt_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Ctrl-C once so many batches are stored."""
    run_import = import_rows

    def interrupting(**options: Any) -> None:
        left = iter(range(batches))

        def on_batch(_: int) -> None:
            if next(left, None) == batches - 1:
                raise KeyboardInterrupt

        run_import(**{**options, "on_batch": on_batch})

    monkeypatch.setattr(file_imports, "import_rows", interrupting)
    # The test's transaction would go with its connection.
    monkeypatch.setattr("django.db.backends.postgresql.base.DatabaseWrapper.close", lambda _: None)


def test_it_goes_on_where_it_was_interrupted(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = tmp_path / "errors.jsonl"
    arguments = ["--batch-size", "1", "--errors", str(errors), "--on-conflict", "error"]
    interrupt_after(monkeypatch, 3)
    with pytest.raises(CommandError, match="Interrupted"):
        run(file, *arguments)
    job = Job.objects.get()
    assert (job.state, job.done) == ("parked", 3)
    monkeypatch.undo()
    report = run(file, *arguments)
    assert (report["rows"], report["added"], report["refused"]) == (5, 3, 2)
    assert Job.objects.count() == 1
    assert len(errors.read_bytes().splitlines()) == 2


def test_restart_reads_all_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(monkeypatch, 3)
    with pytest.raises(CommandError, match="Interrupted"):
        run(file, "--batch-size", "1")
    monkeypatch.undo()
    report = run(file, "--restart")
    assert (report["added"], report["unchanged"]) == (1, 2)


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large.jsonl"
    path.write_bytes(lines(*({"_id": f"d{i}", "text": f"text of number {i}"} for i in range(MANY))))
    return path


@pytest.mark.serve
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_as_a_process_it_goes_on_after_its_end(large_file: Path, how: str) -> None:
    arguments = ["import_documents", str(large_file), "--collection", "large", "--json"]
    arguments += ["--on-conflict", "error"]
    collection = make_collection("large", owner=User.objects.get(username="root"))
    with held_up(collection, "d600") as holder, command(*arguments) as process:
        wait_for(lambda: is_waited_for(holder))
        if how == "kill":
            kill(process)
        else:
            process.send_signal(signal.SIGINT)
            assert process.wait(TIMEOUT_S) == 130
    job = Job.objects.get()
    assert 0 < job.done < MANY
    assert job.state == (JobState.RUNNING if how == "kill" else JobState.PARKED)
    assert Document.objects.count() == job.done
    with command(*arguments) as process:
        out, err = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0, err
    assert f"Going on behind row {job.done}." in err
    report = orjson.loads(out)
    assert (report["rows"], report["added"], report["refused"]) == (MANY, MANY, 0)
    assert Document.objects.count() == MANY


@pytest.mark.serve
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_cut_off_while_a_model_embeds_it_says_how_to_go_on(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """A model's threads that outlive Python abort the process."""
    path = tmp_path / "long.jsonl"
    path.write_bytes(lines(*({"text": f"number {i} of many " * 40} for i in range(MANY))))
    arguments = ["import_documents", str(path), "--collection", "long", "--batch-size", "128"]
    with command(*arguments, EMBED_DEFAULT_MODEL="all-MiniLM-L6-v2") as process:
        wait_for(lambda: Job.objects.filter(done__gt=0).exists() or process.poll() is not None)
        time.sleep(0.5)  # the next batch takes seconds, and is in the model's hands by now
        process.send_signal(number)
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == status, err
    assert err.endswith("CommandError: Interrupted; the same command goes on.\n")
    job = Job.objects.get()
    assert (job.state, 0 < job.done < MANY) == (JobState.PARKED, True)
