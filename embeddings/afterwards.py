"""Work that belongs to an answer and need not come before it: counting, recording, remembering."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial, wraps
from typing import ParamSpec

import structlog

P = ParamSpec("P")
Work = Callable[[], object]

log = structlog.stdlib.get_logger("embeddings")

_put_off: ContextVar[list[Work] | None] = ContextVar("put_off", default=None)


def afterwards(work: Work) -> None:
    """Do the work when the caller has its answer, on whose account it was asked for; here and now
    where nobody waits for one, as in a job, in a command, or while an answer is streamed.
    """
    put_off = _put_off.get()
    if put_off is None:
        work()
    else:
        put_off.append(partial(copy_context().run, _try, work))


def put_off(function: Callable[P, None]) -> Callable[P, None]:
    """The function is always called so."""

    @wraps(function)
    def later(*args: P.args, **kwargs: P.kwargs) -> None:
        afterwards(partial(function, *args, **kwargs))

    return later


@contextmanager
def answering() -> Iterator[Callable[[], None]]:
    """Inside, work is put off; yields what does it, piece by piece, once the answer is sent. A
    failure is logged: nobody is there any more to be told.
    """
    work: list[Work] = []
    token = _put_off.set(work)
    try:
        yield partial(_do, work)
    finally:
        _put_off.reset(token)


def _do(work: list[Work]) -> None:
    for piece in work:  # with what a piece itself puts off
        piece()


def _try(work: Work) -> None:
    try:
        work()
    except Exception:
        log.exception("afterwards_failed")
