"""`manage.py benchmark http` and `overload`."""

import itertools
import time
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from embeddings.services import overload_benchmark
from embeddings.services.engine import get_embedder
from embeddings.services.http_benchmark import LOADS
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b"".join(orjson.dumps({"text": f"text {i}"}) + b"\n" for i in range(40)))
    return str(path)


@pytest.fixture
def token() -> str:
    return create_api_token(user=make_user("root", SiteRole.ADMIN), name="test")[1]


@pytest.fixture(autouse=True)
def bare_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hashing embedder has no OpenVINO graph: its own embed is the bare loop here."""
    monkeypatch.setattr("embeddings.engine.bare_loop.BareLoop", lambda name, _: get_embedder(name))


def run(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("benchmark", *arguments, "--json", stdout=out)
    report: dict[str, Any] = orjson.loads(out.getvalue())
    return report


def test_http(corpus: str, token: str, live_server: LiveServer, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    arguments = ["http", corpus, "--url", live_server.url, "--token", token]
    quick = ["--rounds", "2", "--seconds", "0.05"]
    against = ["--against", f"{live_server.url}/v1", "hashing-384", "--against-token", token]
    report = run(*arguments, *quick, *against, "--plot", str(chart))

    for server in ("service", "other"):
        measured = report[server]["texts_per_second"] | report[server]["ms"]
        assert set(measured) == {load.name for load in LOADS}
        assert min(measured.values()) > 0
    assert "repeated_32" in report["service"]["ms"]
    ratio = report["service"]["texts_per_second"]["bulk_32"]
    ratio /= report["bare"]["texts_per_second"]["bulk"]
    assert report["ratios"]["bulk_32, texts/s to the bare loop"] == pytest.approx(ratio, abs=0.001)
    ratio = report["other"]["ms"]["one_text"] / report["service"]["ms"]["one_text"]
    assert report["ratios"]["one_text, times as fast as other"] == pytest.approx(ratio, abs=0.001)
    assert chart.read_text().lstrip().startswith("<?xml")


def test_some_loads(corpus: str, token: str, live_server: LiveServer, tmp_path: Path) -> None:
    chart = tmp_path / "chart.png"
    arguments = ["http", corpus, "--url", live_server.url, "--token", token, "--rounds", "1"]
    chosen = ["--loads", "bulk_32", "one_text"]
    report = run(*arguments, "--seconds", "0.05", *chosen, "--plot", str(chart))
    assert list(report["service"]["texts_per_second"]) == ["bulk_32"]
    assert list(report["service"]["ms"]) == ["one_text"]
    assert chart.read_bytes().startswith(b"\x89PNG")
    report = run(*arguments, "--seconds", "0.05", "--loads", "bulk_32", "--plot", str(chart))
    assert "ms" not in report["service"]


def test_what_is_wrong_is_said(corpus: str, token: str, live_server: LiveServer) -> None:
    arguments = ["http", corpus, "--url", live_server.url, "--rounds", "1", "--seconds", "0.05"]
    with pytest.raises(CommandError, match="answers 401"):
        run(*arguments, "--token", "emb_wrong")
    with pytest.raises(CommandError, match="plot"):
        run(*arguments, "--token", token, "--plot", "chart.gif")
    with pytest.raises(CommandError, match="hold no text"):
        run(*arguments, "--token", token, "--limit", "0")


def test_overload(
    corpus: str, token: str, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overload_benchmark, "CLIENTS", 10)
    # A clock that moves on when it is read: some requests end in time on a slow machine, too.
    ticks = itertools.count()
    clock = {"perf_counter": lambda: next(ticks) / 100, "sleep": lambda _: None}
    monkeypatch.setattr(overload_benchmark, "time", SimpleNamespace(**clock, time_ns=time.time_ns))
    arguments = ["overload", corpus, "--url", live_server.url, "--token", token]
    report = run(*arguments, "--seconds", "0.6", "--factor", "2")
    assert report["peak_texts_per_second"] > 0
    assert report["goodput_to_peak"] > 0
    assert (report["refused"], report["refused_p50_ms"], report["others"]) == (0, None, {})
    with pytest.raises(CommandError, match="answered nothing"):
        run(*arguments[:-1], "emb_wrong", "--seconds", "0.3")
