"""Who is logged in to the console, and putting an end to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from accounts.exceptions import NotFound
from accounts.models import User
from accounts.services.audit import hash_of, record

LOOKED_AT = 1_000
"""The newest; whose a session is stands inside of what it stores only."""

ID_CHARS = 32


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """A login to the console. Its id is a hash: by the key itself one could come as the user."""

    id: str
    user_id: int
    username: str
    began_at: datetime
    expires_at: datetime

    def __str__(self) -> str:
        return f"{self.username}, since {self.began_at:%Y-%m-%d %H:%M} UTC"


def session_id(session_key: str) -> str:
    """What stands for the session of this key."""
    return hash_of(f"session {session_key}")[-ID_CHARS:]


def list_sessions() -> list[ConsoleSession]:
    """Those that have not expired, the newest first, of the LOOKED_AT newest."""
    began = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    found = []
    for row in _rows():
        user_id = row.get_decoded().get(SESSION_KEY)
        if user_id is not None:
            found.append((row, int(user_id)))
    names = User.objects.in_bulk([user_id for _, user_id in found])
    return [
        ConsoleSession(
            session_id(row.session_key),
            user_id,
            names[user_id].username,
            row.expire_date - began,
            row.expire_date,
        )
        for row, user_id in found
        if user_id in names
    ]


def get_session(*, wanted: str) -> ConsoleSession:
    """By its id. Raises NotFound."""
    for session in list_sessions():
        if session.id == wanted:
            return session
    raise NotFound


def end_session(*, wanted: str) -> None:
    """Its next request is sent to the login. Raises NotFound."""
    session = get_session(wanted=wanted)
    with transaction.atomic():
        record(event="session.delete", object_type="user", object_id=str(session.user_id))
        keys = [row.pk for row in _rows() if session_id(row.session_key) == wanted]
        Session.objects.filter(pk__in=keys).delete()


def _rows() -> list[Session]:
    live = Session.objects.filter(expire_date__gt=timezone.now())
    return list(live.order_by("-expire_date", "session_key")[:LOOKED_AT])
