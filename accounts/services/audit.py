"""Putting acts on record, in the transaction that does them."""

import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection

from accounts.actor import Actor, current_actor
from accounts.models.audit import Outcome
from accounts.store.audit import add_entries

SECRETS_AND_TEXTS = re.compile(
    r"texts?|quer(y|ies)|inputs?|content|metadata|vectors?|embeddings?|documents?|filter"
    r"|(\w+_)?(password|secret|token|digest|plaintext)"
)
"""Fields of which only a hash is kept: the audit can't forget what a person may have erased."""

MAX_CHARS = 1_000
"""A longer value is somebody's text, whatever its field is called."""


def record(
    *,
    event: str,
    object_type: str,
    object_id: str,
    collection_id: uuid.UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    outcome: Outcome = Outcome.SUCCESS,
) -> None:
    """Put what the present actor does on record, in the transaction that does it: it happens with
    its entry, or not at all. Of secrets and texts only hashes are kept.

    An event is `<noun>.<verb>`. Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"{event} is to be recorded in the transaction that does it")
    write_entries(
        [
            entry(
                event=event,
                object_type=object_type,
                object_id=object_id,
                collection_id=collection_id,
                before=before,
                after=after,
                outcome=outcome,
            )
        ]
    )


def entry(
    *,
    event: str,
    object_type: str,
    object_id: str,
    collection_id: uuid.UUID | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    outcome: Outcome = Outcome.SUCCESS,
    actor: Actor | None = None,
    at: str | None = None,
) -> dict[str, Any]:
    """The entry as write_entries takes it: without `actor`, of the present one, and without `at`,
    an ISO 8601 time, of the time when it is written.
    """
    actor = actor or current_actor()
    return {
        "at": at,
        "user_id": actor.user_id,
        "username": _storable(actor.username),
        "token_id": actor.token_id,
        "credential": actor.credential,
        "address": actor.address,
        "request_id": actor.request_id,
        "event": event,
        "object_type": object_type,
        "object_id": _storable(object_id),
        "collection_id": None if collection_id is None else str(collection_id),
        "before": None if before is None else _safe(before),
        "after": None if after is None else _safe(after),
        "outcome": outcome.value,
    }


def write_entries(entries: Sequence[Mapping[str, Any]]) -> None:
    """Add the entries, in one statement."""
    add_entries(entries=json.dumps(entries))


def hash_of(value: Any) -> str:
    """What the audit keeps of a secret or a text: a keyed hash, so that nobody who reads the audit
    can try out what the text may have been.
    """
    spelled = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    key = _key(settings.EMBED.secret_key.get_secret_value())
    return "hmac-sha256:" + hmac.new(key, _encoded(spelled), hashlib.sha256).hexdigest()


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return hashlib.sha256(f"audit {secret}".encode()).digest()


def _safe(value: Any, name: str = "") -> Any:
    """The value as JSON that PostgreSQL takes, without secrets and texts."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if SECRETS_AND_TEXTS.fullmatch(name):
        return hash_of(value)
    if isinstance(value, Mapping):
        return {_storable(str(key)): _safe(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        inner = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_safe(item) for item in inner]
    text = str(value)
    return hash_of(text) if len(text) > MAX_CHARS else _storable(text)


def _storable(text: str) -> str:
    return _encoded(text).decode().replace("\0", "\ufffd")


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")
