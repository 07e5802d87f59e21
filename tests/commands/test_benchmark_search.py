"""`manage.py benchmark search`: a collection for it, its matrix and its calibration."""

import statistics
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from embeddings.constants import IndexState
from embeddings.models import Collection
from embeddings.services import search_calibration
from embeddings.services.search_benchmark_data import SELECTIVITIES, marks
from embeddings.store.index import build_index
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin() -> User:
    return make_user("root", SiteRole.ADMIN)


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "texts.jsonl"
    rows = [{"_id": f"d{i}", "text": f"text of number {i}"} for i in range(400)]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in [*rows, {"text": ""}]))
    return str(path)


@pytest.fixture
def prepared(admin: User, corpus: str) -> Collection:
    report = run("--prepare", corpus)
    assert report == {"collection": "bench", "documents": 400}
    collection = Collection.objects.select_related("active").get(name="bench")
    build_index(generation=collection.generation)
    collection.generation.index_state = IndexState.READY.value
    collection.generation.save(update_fields=["index_state"])
    return collection


def run(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("benchmark", "search", "--collection", "bench", *arguments, "--json", stdout=out)
    report: dict[str, Any] = orjson.loads(out.getvalue())
    return report


def test_matrix(
    prepared: Collection, admin: User, live_server: LiveServer, corpus: str, tmp_path: Path
) -> None:
    _, token = create_api_token(user=admin, name="test")
    chart = tmp_path / "chart.svg"
    quick = ["--queries", "3", "--seconds", "0.02", "--clients", "1", "2", "--plot", str(chart)]
    report = run(
        "--matrix",
        "--url",
        live_server.url,
        "--token",
        token,
        *quick,
        "--filters",
        '{"bucket": -1}',
    )
    assert (report["documents"], report["queries"]) == (400, 3)
    shares = [f"{share:g} %" for share in SELECTIVITIES]
    names = [f"{name}, top {k}" for name in ("all", *shares, "{'bucket': -1}") for k in (10, 100)]
    assert list(report["cells"]) == names
    for cell in report["cells"].values():
        assert cell["rows_right"] == 1
        assert cell["recall"] is None or cell["recall"] > 0.5
        assert cell["sql_ms"]["p50"] > 0
        assert 0 < cell["http_ms"]["p50"] <= cell["http_ms"]["p95"]
        assert min(cell["2 clients"][name] for name in ("http_per_s", "sql_per_s")) > 0
    sql, http = (
        statistics.median(cell[name]["p50"] for cell in report["cells"].values())
        for name in ("sql_ms", "http_ms")
    )
    assert sql < http  # a machine that stops for a moment may turn that round in a cell
    assert report["cells"]["all, top 10"]["paths"] == {"hnsw": 3}
    assert report["cells"]["1 %, top 10"]["paths"] == {"exact": 3}
    assert report["cells"]["{'bucket': -1}, top 10"]["recall"] is None  # nothing to be found
    assert report["cells"]["1 %, top 10"]["p50_to_unfiltered"] > 0
    assert chart.read_text().lstrip().startswith("<?xml")
    texts = ["--texts", corpus, "--queries", "2", "--clients", "1", "--seconds", "0.01"]
    report = run("--matrix", "--url", live_server.url, "--token", token, *texts)
    assert report["queries"] == 2
    with pytest.raises(CommandError, match="answers 401"):
        run("--matrix", "--url", live_server.url, "--token", "emb_wrong", *quick)


def test_calibrate(prepared: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_calibration, "ROUNDS", 2)
    report = run("--calibrate", "--queries", "3")
    assert set(report) == {"FIND_MS", "CHECK_MS", "LOOK_UP_MS", "READ_MS", "VISIT_MS"}
    assert report["READ_MS"] > 0
    assert report["CHECK_MS"] > 0


def test_what_is_wrong_is_said(admin: User, corpus: str) -> None:
    with pytest.raises(CommandError, match="nothing here"):
        run("--calibrate")
    assert run("--prepare", corpus, "--limit", "1")["documents"] == 1
    with pytest.raises(CommandError, match="bench"):
        run("--prepare", corpus)
    with pytest.raises(CommandError, match="is empty"):
        run("--calibrate")


def test_marks_are_known_shares_that_lie_within_each_other() -> None:
    marked = [marks(f"document {i}") for i in range(20_000)]
    for share in SELECTIVITIES[:4]:
        found = [each for each in marked if share in each["within"]]
        assert len(found) / len(marked) == pytest.approx(share / 100, rel=0.15)
        assert all(each["bucket"] < share * 100 for each in found)
    assert marks("a") == marks("a")
