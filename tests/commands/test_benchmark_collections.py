"""`manage.py benchmark collections` and `benchmark updates`."""

import threading
from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from accounts.policy import SiteRole
from embeddings.models import Collection
from embeddings.services import collections_benchmark
from embeddings.services.search import search_visible
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def admin(transactional_db: None) -> None:
    make_user("root", SiteRole.ADMIN)


def run(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("benchmark", *arguments, "--json", stdout=out)
    report: dict[str, Any] = orjson.loads(out.getvalue())
    return report


def collections(**changes: Any) -> dict[str, Any]:
    values = {"collections": 3, "documents": 20, "queries": 5, "seconds": 0.2} | changes
    flags = [word for name, value in values.items() for word in (f"--{name}", str(value))]
    return run("collections", *flags)


def test_a_search_among_many_collections() -> None:
    report = collections()
    assert report["ratio"] == pytest.approx(
        report["among_many_ms"]["p50"] / report["alone_ms"]["p50"], rel=0.05
    )
    assert report["p10_ratio"] > 0
    load = report["while_others_come_and_go"]
    assert load["made_and_dropped"] >= 1
    assert load["searches"] >= 1
    assert (load["failed"], load["failures"]) == (0, [])
    assert not Collection.objects.exists()


def test_failures_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(**values: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            raise TimeoutError
        return search_visible(**values)

    monkeypatch.setattr(collections_benchmark, "search_visible", failing)
    load = collections()["while_others_come_and_go"]
    assert (load["searches"], load["ms"]) == (0, None)
    assert load["failed"] > 0
    assert load["failures"] == ["TimeoutError"]


def test_an_update_with_and_without_vectors() -> None:
    report = run("updates", "--documents", "50", "--rounds", "2")
    assert report["ratio"] == pytest.approx(report["bare_s"] / report["indexed_s"], rel=0.1)
    assert not Collection.objects.exists()


def test_faults_are_told() -> None:
    with pytest.raises(CommandError, match="invalid"):
        run("updates", "--documents", "0")
