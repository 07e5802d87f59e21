"""Webhooks: signed, told until they have heard, and told of nothing else."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job as QueuedJob
from pydantic import SecretStr

from accounts.allowance import Allowance
from accounts.payer import Payer, paying
from embeddings.engine.remote_http import Unreachable, parse_url
from embeddings.services import webhooks
from embeddings.services.budgets import charged
from embeddings.services.webhooks import NotHeard, announce, send, signature
from embeddings.tasks import send_webhook

pytestmark = pytest.mark.django_db

SECRET = "s" * 32
URL = "https://hooks.example.org/a/secret-path"


class Receiver(HTTPServer):
    """Keeps what it is sent, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 204
        self.heard: list[tuple[dict[str, str], str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/a/secret-path"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.heard.append((dict(self.headers), self.path, body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    update = {"webhooks": [URL], "webhook_secret": SecretStr(SECRET)}
    settings.EMBED = settings.EMBED.model_copy(update=update)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """In the place of the address, which would need a certificate."""
    with Receiver() as running:
        monkeypatch.setattr(webhooks, "parse_url", lambda _: parse_url(running.url))
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def queued() -> list[dict[str, Any]]:
    jobs = ProcrastinateJob.objects.filter(task_name=webhooks.TASK).order_by("id")
    return list(jobs.values_list("args", flat=True))


def seconds_after(attempts: int) -> float | None:
    """Until the next attempt."""
    now = timezone.now()
    assert send_webhook.retry_strategy is not None
    job = QueuedJob(
        id=1, queue="jobs", lock=None, queueing_lock=None, task_name="x", attempts=attempts
    )
    with patch("procrastinate.utils.utcnow", return_value=now):
        decision = send_webhook.retry_strategy.get_retry_decision(exception=NotHeard(), job=job)
    if decision is None or decision.retry_at is None:
        return None
    return (decision.retry_at - now).total_seconds()


def test_it_works(receiver: Receiver) -> None:
    announce(event="budget.reach", data={"account": "user:7", "percent": 80})
    [arguments] = queued()
    send_webhook(**arguments)

    [(headers, path, body)] = receiver.heard
    assert path == "/a/secret-path"
    told = json.loads(body)
    assert told.keys() == {"id", "event", "at", "data"}
    assert (told["event"], told["data"]) == ("budget.reach", {"account": "user:7", "percent": 80})
    at = headers["X-Embed-Signature"].partition(",")[0].removeprefix("t=")
    expected = hmac.new(SECRET.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    assert headers["X-Embed-Signature"] == f"t={at},v1={expected}"


def test_a_signature_is_of_this_secret_time_and_body() -> None:
    one = signature(secret=SECRET, at=1, body="{}")
    assert one != signature(secret=SECRET + "x", at=1, body="{}")
    assert one.partition(",")[2] != signature(secret=SECRET, at=2, body="{}").partition(",")[2]
    assert one != signature(secret=SECRET, at=1, body="{ }")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_who_does_not_hear_is_told_again(receiver: Receiver, status: int) -> None:
    announce(event="budget.reach", data={})
    receiver.status = status
    with pytest.raises(NotHeard, match=f"status {status}"):
        send_webhook(**queued()[0])
    assert len(receiver.heard) == 1  # nobody followed the redirect
    assert [seconds_after(attempts) for attempts in range(8)] == [
        *(4, 16, 64, 256, 1024, 4096, 16_384, None)
    ]


def test_nobody_there(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    announce(event="budget.reach", data={})
    monkeypatch.setattr(webhooks, "parse_url", lambda _: parse_url("http://127.0.0.1:1/x"))
    with pytest.raises(Unreachable):
        send_webhook(**queued()[0])


def test_an_address_that_is_configured_no_more_is_told_nothing(
    receiver: Receiver, settings: Any
) -> None:
    announce(event="budget.reach", data={})
    settings.EMBED = settings.EMBED.model_copy(update={"webhooks": ["https://other.example.org/"]})
    send(**queued()[0])
    assert receiver.heard == []


def test_the_queue_knows_no_address() -> None:
    announce(event="budget.reach", data={})
    assert "secret-path" not in json.dumps(queued())


def test_a_budget_that_runs_out_is_told() -> None:
    payer = Payer(7, allowances=(Allowance("team:8", tokens_per_month=10),))
    with paying(payer):
        charged(count=lambda: 9, work=lambda: 9, tokens=lambda done: done)
    [arguments] = queued()
    told = json.loads(arguments["body"])["data"]
    assert told.pop("start").endswith("-01")
    assert told == {
        "account": "team:8",
        "period": "month",
        "percent": 80,
        "spent": 9,
        "limit": 10,
    }
