"""How a process that `serve` starts gets its application, and its model beside it."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from embeddings.services.engine import preload

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def load() -> "WSGIApplication":
    """The application, while the default model loads on another core."""
    threading.Thread(target=preload, name="preload", daemon=True).start()
    with nothing_collected():
        from embedsite.wsgi import application
    return application


@contextmanager
def nothing_collected() -> Iterator[None]:
    """For imports: what they make stays for good, and is searched for garbage nevertheless, again
    and again, in a tenth of their time. From then on no search includes it.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
