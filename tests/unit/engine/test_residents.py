"""Loading when first used; unloading what is idle or in the way, never what is in use."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from embeddings.engine.residents import Resident, Room
from embeddings.exceptions import ModelUnusable


class Loaded:
    """A model that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Models:
    """Makes residents of one room and counts how often each was loaded."""

    def __init__(self, *, budget: int = 100, idle_s: float = 0) -> None:
        self.now = 100.0
        self.room = Room(budget=budget, idle_s=idle_s, clock=lambda: self.now)
        self.loads: list[str] = []

    def make(
        self,
        name: str,
        size: int = 40,
        *,
        pinned: bool = False,
        load: Callable[[], Loaded] = Loaded,
    ) -> Resident[Loaded]:
        def counted() -> Loaded:
            self.loads.append(name)
            return load()

        return Resident(name, load=counted, size=lambda: size, room=self.room, pinned=pinned)

    def use(self, *residents: Resident[Loaded]) -> None:
        """One after the other, a second apart."""
        for resident in residents:
            with resident.borrow() as model:
                assert not model.closed
            self.now += 1


@pytest.fixture
def models() -> Iterator[Models]:
    made = Models()
    yield made
    made.room.close()


def loaded(*residents: Resident[Loaded]) -> list[str]:
    return [resident.name for resident in residents if resident.is_loaded]


def test_it_works(models: Models) -> None:
    one = models.make("one")
    assert loaded(one) == []

    models.use(one, one)

    assert loaded(one) == ["one"]
    assert models.loads == ["one"]


def test_the_one_not_used_for_longest_makes_way(models: Models) -> None:
    one, two, three = models.make("one"), models.make("two"), models.make("three")
    models.use(one, two, one)
    unloaded = two.model

    models.use(three)

    assert loaded(one, two, three) == ["one", "three"]
    assert unloaded is not None
    assert unloaded.closed
    models.use(two)
    assert loaded(one, two, three) == ["two", "three"]
    assert models.loads == ["one", "two", "three", "two"]


def test_what_is_in_use_or_pinned_never_makes_way(models: Models) -> None:
    pinned, busy, third = models.make("pinned", pinned=True), models.make("busy"), models.make("x")
    models.use(pinned)

    with busy.borrow() as model, pytest.raises(ModelUnusable) as refused:
        models.use(third)

    assert not model.closed
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
    assert loaded(pinned, busy, third) == ["pinned", "busy"]
    models.use(third)
    assert loaded(pinned, busy, third) == ["pinned", "x"]


def test_what_can_not_fit_unloads_nobody(models: Models) -> None:
    one, huge = models.make("one"), models.make("huge", size=101)
    models.use(one)

    with pytest.raises(ModelUnusable):
        models.use(huge)

    assert loaded(one, huge) == ["one"]


def test_a_pinned_model_is_loaded_however_large(models: Models) -> None:
    huge = models.make("huge", size=1000, pinned=True)
    models.use(huge)
    models.room.unload(huge, reason="test")
    assert huge.is_loaded


def test_without_a_budget_all_stay() -> None:
    models = Models(budget=0)
    residents = [models.make(str(number), size=10**12) for number in range(3)]

    models.use(*residents)

    assert len(loaded(*residents)) == 3


def test_the_idle_are_unloaded_and_come_back() -> None:
    models = Models(budget=0, idle_s=60)
    idle, fresh, busy = models.make("idle"), models.make("fresh"), models.make("busy")
    pinned = models.make("pinned", pinned=True)
    models.use(pinned, idle)

    with busy.borrow():
        models.now += 60
        models.use(fresh)
        models.room.unload_idle()

    assert loaded(idle, fresh, busy, pinned) == ["fresh", "busy", "pinned"]
    models.use(idle)
    assert idle.is_loaded
    models.room.close()


def test_the_watch_unloads_by_itself() -> None:
    models = Models()
    models.room = Room(budget=0, idle_s=0.05)
    one = models.make("one")
    models.use(one)

    deadline = time.monotonic() + 60
    while one.is_loaded and time.monotonic() < deadline:
        time.sleep(0.01)

    assert not one.is_loaded
    models.room.close()


def test_those_who_come_together_load_once(models: Models) -> None:
    def slow() -> Loaded:
        time.sleep(0.1)
        return Loaded()

    one = models.make("one", load=slow)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: models.use(one), range(8)))

    assert models.loads == ["one"]


def test_a_load_holds_up_nobody_who_uses_another_model(models: Models) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def slow() -> Loaded:
        begun.set()
        assert go_on.wait(60)
        return Loaded()

    slow_one, other = models.make("slow", load=slow), models.make("other")
    models.use(other)
    with ThreadPoolExecutor(1) as threads:
        loading = threads.submit(models.use, slow_one)
        assert begun.wait(60)

        models.use(other)

        assert not loading.done()
        go_on.set()
        loading.result(60)


def test_a_load_that_fails_takes_no_room_and_is_tried_again(models: Models) -> None:
    attempts = iter([OSError("disk"), None])

    def failing() -> Loaded:
        if error := next(attempts):
            raise error
        return Loaded()

    first, second = models.make("first", size=100, load=failing), models.make("second", size=100)

    with pytest.raises(OSError, match="disk"):
        models.use(first)
    models.use(second, first)

    assert loaded(first, second) == ["first"]


def test_closing_the_room_closes_all_models() -> None:
    models = Models()
    pinned, busy, idle = models.make("pinned", pinned=True), models.make("busy"), models.make("x")
    models.use(pinned, idle)
    given = [pinned.model, idle.model]

    with busy.borrow() as model:
        models.room.close()

    assert [each is not None and each.closed for each in [*given, model]] == [True] * 3
    assert loaded(pinned, busy, idle) == []
