"""`manage.py reindex` and `manage.py measure_recall`."""

from io import StringIO
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.constants import IndexState, JobState
from embeddings.models import Collection, Generation, Job, RecallMeasurement
from embeddings.services import reindex as service
from embeddings.services.index import build, start_reindex
from tests.factories import make_collection, make_document, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def admin(transactional_db: None) -> User:
    return make_user("root", SiteRole.ADMIN)


@pytest.fixture
def three() -> list[Collection]:
    """Of which two have an index."""
    made = [make_collection(name) for name in ("apples", "bananas", "cherries")]
    for collection in made:
        make_document(collection, "one", kind="fruit")
        make_document(collection, "two", kind="fruit")
    for collection in made[:2]:
        run("reindex", collection.name)
    Job.objects.all().delete()
    return made


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def names(report: str) -> list[str]:
    return [row["collection"] for row in orjson.loads(report)["collections"]]


def test_it_works() -> None:
    collection = make_collection("drinks")
    make_document(collection)
    assert run("reindex", "drinks").startswith("drinks: 1 chunks in ")
    assert Generation.objects.get().index_state == IndexState.READY
    (row,) = orjson.loads(run("reindex", "drinks", "--m", "8", "--json"))["collections"]
    assert (row["collection"], row["chunks"], row["error"]) == ("drinks", 1, "")
    assert (row["index"]["state"], row["index"]["m"]) == ("ready", 8)
    assert row["index"]["bytes"] > 0
    assert {job.state for job in Job.objects.all()} == {JobState.SUCCEEDED}


def test_all_are_those_that_have_an_index_or_are_due(
    three: list[Collection], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(run("reindex", "--all", "--json")) == ["apples", "bananas"]
    lower = settings.EMBED.model_copy(update={"index_threshold": 2})
    monkeypatch.setattr(settings, "EMBED", lower)
    assert names(run("reindex", "--all", "--json")) == ["apples", "bananas", "cherries"]


def test_an_interrupted_round_goes_on(
    three: list[Collection], monkeypatch: pytest.MonkeyPatch
) -> None:

    def interrupted(run: Any, on_progress: Any) -> None:
        if run.job.collection.name == "bananas":
            raise KeyboardInterrupt
        build(run, on_progress)

    with monkeypatch.context() as patch:
        patch.setattr(service, "build", interrupted)
        with pytest.raises(CommandError, match="Interrupted") as stopped:
            run("reindex", "--all")
    assert stopped.value.returncode == 130
    assert Job.objects.get(collection__name="bananas").state == JobState.PARKED
    assert Generation.objects.filter(index_state=IndexState.READY.value).count() == 2
    assert names(run("reindex", "--all", "--json")) == ["bananas"]
    assert names(run("reindex", "--all", "--json")) == ["apples", "bananas"]


def test_a_round_can_start_over(three: list[Collection], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(service, "build", interrupt)
        with pytest.raises(CommandError, match="Interrupted"):
            run("reindex", "--all")
    assert names(run("reindex", "--all", "--restart", "--json")) == ["apples", "bananas"]


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_first_build_can_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection = make_collection("drinks")
    with monkeypatch.context() as patch:
        patch.setattr(service, "build", interrupt)
        with pytest.raises(CommandError):
            run("reindex", "drinks")
    collection.generation.refresh_from_db()
    assert collection.generation.index_state == IndexState.NONE
    run("reindex", "drinks")


def test_what_fails_is_told_and_the_others_are_built(three: list[Collection]) -> None:
    job = start_reindex(collection=three[0])
    out = StringIO()
    with pytest.raises(CommandError, match="Not every index"):
        call_command("reindex", "--all", stdout=out, stderr=StringIO())
    assert f"apples: Job {job.pk} is building" in out.getvalue()
    assert "bananas: 2 chunks" in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reindex", "absent"], "no collection absent"),
        (["reindex"], "required"),
        (["reindex", "drinks", "--all"], "not allowed"),
        (["reindex", "drinks", "--m", "1"], "Not every"),
        (["measure_recall", "absent"], "no collection absent"),
        (["measure_recall", "drinks", "--queries", "0"], "--queries"),
        (["measure_recall", "drinks", "--top-k", "501"], "--top-k"),
    ],
)
def test_faults_are_told(arguments: list[str], message: str) -> None:
    make_collection("drinks")
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_recall_is_measured(three: list[Collection]) -> None:
    for _ in range(20):
        make_document(three[0], kind="fruit")
    report = orjson.loads(run("measure_recall", "--all", "--queries", "5", "--json"))
    first, second = report["collections"]
    assert (first["collection"], second["collection"]) == ("apples", "bananas")
    assert first["unfiltered"]["recall"] == 1.0
    assert first["unfiltered"]["approximate"] == first["unfiltered"]["queries"] > 0
    assert first["filtered"]["top_k"] == 10
    assert first["warning"] == ""
    assert RecallMeasurement.objects.filter(collection=three[0]).count() == 2
    said = run("measure_recall", "cherries", "--queries", "2", "--top-k", "3")
    assert "cherries, unfiltered: recall@3 1.0000" in said
    assert "cherries, filtered: recall@3 1.0000" in said


def test_low_recall_is_told(three: list[Collection], monkeypatch: pytest.MonkeyPatch) -> None:
    strict = settings.EMBED.model_copy(update={"recall_min": 1.1})
    monkeypatch.setattr(settings, "EMBED", strict)
    assert "Build the index anew" in run("measure_recall", "apples", "--queries", "2")
    assert "nothing to measure" in run("measure_recall", make_collection("empty").name)
