"""What changes nothing, searches and refusals, goes on record a moment later and many at a time.

A search waits for no write of ours. What a process notes in its last half second before it is
killed is lost, and so is what comes while the database is away for long; how much, is recorded.
"""

import atexit
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from accounts.actor import SYSTEM, Actor, current_actor
from accounts.models.audit import Outcome
from accounts.services.audit import entry, write_entries

FLUSH_S = 0.5
RETRY_S = 5.0
MOST_WAITING = 20_000
BATCH = 500
"""So many entries in one transaction: every other writer's commit waits for its end."""

STRANGERS = 60
STRANGERS_WINDOW_S = 60.0
"""A process records so many refusals of strangers in this time: they cost them nothing."""

log = structlog.stdlib.get_logger("accounts.audit")

CollectionId = uuid.UUID | Callable[[], uuid.UUID | None] | None


@dataclass(slots=True)
class _Noted:
    actor: Actor
    at: float
    event: str
    object_type: str
    object_id: str
    collection_id: CollectionId
    after: Mapping[str, Any] | None
    outcome: Outcome


class _Waiting:
    """What is noted and not yet written."""

    def __init__(self) -> None:
        self.notes: deque[_Noted] = deque()
        self.lost = 0
        self.strangers = 0
        self.strangers_until = 0.0
        self.wake = threading.Event()
        self.lock = threading.RLock()
        self.turn = threading.Lock()
        self.flusher: threading.Thread | None = None


_waiting = _Waiting()


def note(
    *,
    event: str,
    object_type: str,
    object_id: str,
    collection_id: CollectionId = None,
    after: Mapping[str, Any] | None = None,
    outcome: Outcome = Outcome.SUCCESS,
) -> None:
    """Record within a second what the present actor has done; never fails. A callable for the
    collection's id is called then.
    """
    if len(_waiting.notes) >= MOST_WAITING:
        with _waiting.lock:
            _waiting.lost += 1
        return
    _waiting.notes.append(
        _Noted(
            current_actor(),
            time.time(),
            event,
            object_type,
            object_id,
            collection_id,
            after,
            outcome,
        )
    )
    if not _waiting.wake.is_set():
        _waiting.wake.set()
        start_flusher()


def may_note_stranger() -> bool:
    """Whether one more refusal of a stranger is to be recorded by itself; the others are counted
    together.
    """
    with _waiting.lock:
        now = time.monotonic()
        if now >= _waiting.strangers_until:
            _count_strangers()
            _waiting.strangers_until = now + STRANGERS_WINDOW_S
        _waiting.strangers += 1
        return _waiting.strangers <= STRANGERS


def _count_strangers() -> None:
    unrecorded, _waiting.strangers = _waiting.strangers - STRANGERS, 0
    if unrecorded > 0:
        note(
            event="request.deny",
            object_type="route",
            object_id="*",
            after={"status": 401, "unrecorded": unrecorded},
            outcome=Outcome.DENIED,
        )


def flush_notes() -> None:
    """Write what is noted, now. What the database is not there to take waits for the next time;
    what else can't be written is counted as lost. Raises what the writing does.
    """
    with _waiting.turn:
        while _waiting.notes:
            batch = [_waiting.notes.popleft() for _ in range(min(BATCH, len(_waiting.notes)))]
            try:
                _write(batch)
            except (OperationalError, InterfaceError):
                _waiting.notes.extendleft(reversed(batch))
                raise
            except Exception:  # what can't be written now never can
                with _waiting.lock:
                    _waiting.lost += len(batch)
                raise


def forget_notes() -> None:
    """Drop what is noted: for tests, whose database it would not be in."""
    with _waiting.lock, _waiting.turn:
        _waiting.notes.clear()
        _waiting.lost = _waiting.strangers = 0
        _waiting.strangers_until = 0.0
        _waiting.wake.clear()


def _write(batch: list[_Noted]) -> None:
    entries = [_entry(noted) for noted in batch]
    lost = _waiting.lost
    if lost:
        entries.append(
            entry(
                event="audit.lose",
                object_type="audit",
                object_id="",
                after={"entries": lost},
                outcome=Outcome.FAILURE,
                actor=SYSTEM,
            )
        )
    with transaction.atomic():
        write_entries(entries)
    with _waiting.lock:
        _waiting.lost -= lost


def _entry(noted: _Noted) -> dict[str, Any]:
    found = noted.collection_id
    return entry(
        event=noted.event,
        object_type=noted.object_type,
        object_id=noted.object_id,
        collection_id=found() if callable(found) else found,
        after=noted.after,
        outcome=noted.outcome,
        actor=noted.actor,
        at=datetime.fromtimestamp(noted.at, UTC).isoformat(),
    )


def start_flusher() -> None:
    """One thread of each process writes; it is started again where a fork has left it behind."""
    with _waiting.lock:
        if _waiting.flusher is None or not _waiting.flusher.is_alive():
            _waiting.flusher = threading.Thread(target=_flush_on, name="audit", daemon=True)
            _waiting.flusher.start()
            atexit.unregister(_flush_at_exit)
            atexit.register(_flush_at_exit)


def _flush_on() -> None:
    while True:
        _waiting.wake.wait()
        time.sleep(FLUSH_S)
        _waiting.wake.clear()
        try:
            flush_notes()
        except Exception:  # the next entries may be writable
            log.warning("audit_not_written", entries=len(_waiting.notes), exc_info=True)
            time.sleep(RETRY_S)
        finally:
            connection.close()
        if _waiting.notes:
            _waiting.wake.set()


def _flush_at_exit() -> None:
    try:
        flush_notes()
    except Exception:  # nothing may keep the process from its end
        log.warning("audit_not_written", exc_info=True)
    finally:
        connection.close()
