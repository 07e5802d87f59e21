"""The engine's door: where a process finds the local models that another one holds, and the key."""

import hashlib
import hmac
from functools import cache

from django.conf import settings

from embeddings.engine.door import Door, SharedEngine


@cache
def shared_engine() -> SharedEngine | None:
    """Whom to ask for local models; None where this process holds them itself."""
    socket = settings.EMBED.engine_socket
    return None if socket is None else SharedEngine(Door(socket=socket, key=door_key()))


@cache
def door_key() -> str:
    """What the processes of one service know, and nobody else."""
    secret = settings.EMBED.secret_key.get_secret_value()
    return hmac.new(secret.encode(), b"engine door", hashlib.sha256).hexdigest()


def is_admitted(key: str) -> bool:
    """Whether the door opens to the key."""
    return hmac.compare_digest(key.encode(), door_key().encode())
