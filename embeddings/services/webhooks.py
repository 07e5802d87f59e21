"""Events told to the addresses that the operator has configured, signed, until each has heard."""

import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from django.utils import timezone
from procrastinate.contrib.django import app

from embeddings.constants import VERSION
from embeddings.engine.remote_http import HttpClient, Limits, parse_url
from embeddings.telemetry import log

TASK = "send_webhook"
SECONDS = 10.0
CONNECT_S = 3.0
MAX_ANSWER_BYTES = 64 * 1024
"""Nobody reads the answer, but what does not end would hold the worker."""


class NotHeard(Exception):
    """The address answered with another status than 2xx."""


def announce(*, event: str, data: Mapping[str, Any]) -> None:
    """Tell all webhooks, as soon as the surrounding transaction commits, and never without it."""
    for url in settings.EMBED.webhooks:
        body = {"id": str(uuid.uuid4()), "event": event, "at": timezone.now(), "data": data}
        # The address may hold a secret: the queue knows only which one it is.
        app.configure_task(name=TASK, allow_unknown=False).defer(
            address=_name_of(url), body=orjson.dumps(body).decode()
        )


def send(*, address: str, body: str) -> None:
    """Post the body to the webhook, if it is still configured. Raises NotHeard, Unreachable."""
    url = next((url for url in settings.EMBED.webhooks if _name_of(url) == address), None)
    secret = settings.EMBED.webhook_secret
    if url is None or secret is None:
        log.info("webhook_gone", address=address)
        return
    client = HttpClient(parse_url(url))
    headers = _headers(body, secret=secret.get_secret_value())
    try:
        answer = client.request("POST", "", body=body.encode(), headers=headers, limits=_limits())
    finally:
        client.close()
    if not 200 <= answer.status < 300:
        raise NotHeard(f"status {answer.status}")
    log.info("webhook_sent", address=address)


def signature(*, secret: str, at: int, body: str) -> str:
    """`t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>`, by which the receiver knows
    that it is from here, whole, and not an old one sent again.
    """
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _headers(body: str, *, secret: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": f"embedding-service/{VERSION}",
        "X-Embed-Signature": signature(secret=secret, at=int(time.time()), body=body),
    }


def _limits() -> Limits:
    deadline = time.monotonic() + SECONDS
    return Limits(deadline=deadline, connect=CONNECT_S, silence=SECONDS, max_bytes=MAX_ANSWER_BYTES)


def _name_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]
