"""Models that are loaded when first used, and unloaded when idle or when memory is short."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

import structlog

from embeddings.engine.memory import give_memory_back
from embeddings.exceptions import ModelUnusable

RETRY_AFTER_S = 5
"""What a request of another model takes at most, as a rule."""

log = structlog.stdlib.get_logger("embeddings.engine")


class Closable(Protocol):
    """What can give its memory back."""

    def close(self) -> None: ...


Model = TypeVar("Model", bound=Closable)


class Resident(Generic[Model]):
    """One model: whoever borrows it first loads it, and while borrowed it is not unloaded.

    `load` runs in one thread at a time and holds up nobody who uses another model. `size` is the
    bytes it is expected to take. A `pinned` model is never unloaded and always finds room.
    """

    def __init__(
        self,
        name: str,
        *,
        load: Callable[[], Model],
        size: Callable[[], int],
        room: "Room",
        pinned: bool = False,
    ) -> None:
        self.name = name
        self.size = size
        self.pinned = pinned
        self._load = load
        self._room = room
        self._loading = threading.Lock()
        # The room's lock guards what follows.
        self.model: Model | None = None
        self.borrowers = 0
        self.used_at = 0.0

    @property
    def is_loaded(self) -> bool:
        """Whether it answers without loading first."""
        return self.model is not None

    def unload(self) -> None:
        """Give its memory back, unless it is in use or pinned."""
        self._room.unload(self, reason="closed")

    @contextmanager
    def borrow(self) -> Iterator[Model]:
        """The model, loaded if need be. Raises ModelUnusable, and what `load` raises."""
        model = self._taken()
        if model is None:
            with self._loading:
                model = self._taken()
                if model is None:
                    model = self._loaded()
        try:
            yield model
        finally:
            self._room.give_back(self)

    def _taken(self) -> Model | None:
        with self._room.lock:
            if self.model is not None:
                self.borrowers += 1
            return self.model

    def _loaded(self) -> Model:
        self._room.enter(self)
        try:
            model = self._load()
        except BaseException:
            self._room.leave(self)
            raise
        with self._room.lock:
            self.model = model
            self.borrowers = 1
        return model


class Room:
    """The memory that models share: `budget` in bytes and `idle_s`, either 0 for no limit."""

    def __init__(
        self, *, budget: int, idle_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.lock = threading.Lock()
        self._budget = budget
        self._idle_s = idle_s
        self._clock = clock
        self._sizes: dict[Resident[Any], int] = {}
        self._watch: threading.Thread | None = None
        self._closed = threading.Event()

    def enter(self, resident: Resident[Any]) -> None:
        """Set memory aside, unloading what was not used for longest. Raises ModelUnusable where
        those in use leave too little.
        """
        size = resident.size()
        with self.lock:
            victims = [] if resident.pinned else self._victims(resident.name, size)
            models = [(each.name, self._detached(each)) for each in victims]
            self._sizes[resident] = size
            self._start_watch()
        self._close(models, reason="memory")

    def leave(self, resident: Resident[Any]) -> None:
        """It could not be loaded after all."""
        with self.lock:
            del self._sizes[resident]

    def give_back(self, resident: Resident[Any]) -> None:
        """One borrower less."""
        with self.lock:
            resident.borrowers -= 1
            resident.used_at = self._clock()

    def unload(self, *residents: Resident[Any], reason: str) -> None:
        """Unload those of them that are loaded, not in use and not pinned."""
        with self.lock:
            models = [(r.name, self._detached(r)) for r in self._idle() if r in residents]
        self._close(models, reason=reason)

    def unload_idle(self) -> None:
        """Unload what nobody has used for `idle_s`."""
        with self.lock:
            since = self._clock() - self._idle_s
            stale = [resident for resident in self._idle() if resident.used_at <= since]
            models = [(each.name, self._detached(each)) for each in stale]
        self._close(models, reason="idle")

    def close(self) -> None:
        """Stop watching, and close all models, those in use or pinned too.

        Due before the process ends: a thread that comes back from a model's native code while
        Python is taken down aborts the process.
        """
        self._closed.set()
        with self.lock:
            loaded = [each for each in self._sizes if each.model is not None]
            models = [self._detached(each) for each in loaded]
        for model in models:
            model.close()

    def _idle(self) -> list[Resident[Any]]:
        """Those that may be unloaded, the one not used for longest first."""
        idle = [r for r in self._sizes if r.model is not None and not r.borrowers and not r.pinned]
        return sorted(idle, key=lambda resident: resident.used_at)

    def _victims(self, name: str, size: int) -> list[Resident[Any]]:
        excess = sum(self._sizes.values()) + size - self._budget
        if not self._budget or excess <= 0:
            return []
        victims = []
        for resident in self._idle():
            victims.append(resident)
            excess -= self._sizes[resident]
            if excess <= 0:
                return victims
        log.warning("model_memory_short", model=name, needed=size, missing=excess)
        reason = "there is no memory for it beside those in use."
        raise ModelUnusable(model=name, reason=reason, retry_after=RETRY_AFTER_S)

    def _detached(self, resident: Resident[Any]) -> Any:
        model: Any = resident.model
        resident.model = None
        del self._sizes[resident]
        return model

    def _close(self, models: list[tuple[str, Closable]], *, reason: str) -> None:
        for name, model in models:
            model.close()
            log.info("model_unloaded", model=name, reason=reason)
        if models:
            models.clear()
            give_memory_back()

    def _start_watch(self) -> None:
        if self._idle_s and self._watch is None:
            self._watch = threading.Thread(target=self._run_watch, name="idle-models", daemon=True)
            self._watch.start()

    def _run_watch(self) -> None:
        while not self._closed.wait(self._idle_s / 4):
            try:
                self.unload_idle()
            except Exception:
                log.exception("model_not_unloaded")
