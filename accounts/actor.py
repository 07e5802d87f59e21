"""On whose behalf the present code runs, as the audit tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, by which kind of credential, and from where; what is not known is None or empty.

    `credential` is `api_token`, `jwt`, `oauth`, `mtls` or `session`, empty for a stranger, `job`
    for a job, which acts for its owner, `command` for who runs one, and `system` for the service
    itself.
    """

    user_id: int | None = None
    username: str = ""
    token_id: int | None = None
    credential: str = "system"
    address: str = ""
    request_id: str = ""


SYSTEM = Actor()

_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def current_actor() -> Actor:
    """Who acts here and now: the service itself where nobody is named."""
    return _actor.get()


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Inside, the actor acts, or whoever `identify` says that it is."""
    before = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(before)


def identify(*, user_id: int, username: str, credential: str, token_id: int | None = None) -> None:
    """Say who the present actor is, once a credential has proven it; `acting` ends that."""
    _actor.set(
        replace(
            _actor.get(),
            user_id=user_id,
            username=username,
            token_id=token_id,
            credential=credential,
        )
    )
