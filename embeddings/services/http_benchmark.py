"""What HTTP leaves of the model's speed: `/v1/embeddings` under load, against the bare model loop
and against another server.
"""

import base64
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import orjson

from embeddings.exceptions import InvalidRequest
from embeddings.services.load_client import LoadClient

Embed = Callable[[list[str]], Any]
SERVICE = "service"
RATE, MS = "texts_per_second", "ms"
BARE_TEXTS = 256
"""So many texts at once for the bare loop: enough to sort, as a bulk request has."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of `texts` texts each from `clients` clients at once, all with new texts unless
    `repeated`. Measured in texts per second, or with `latency` as the median of a request.
    """

    name: str
    texts: int = 1
    clients: int = 1
    latency: bool = False
    repeated: bool = False

    @property
    def unit(self) -> str:
        """What it is measured in."""
        return MS if self.latency else RATE


LOADS = (
    Load("bulk_32", texts=32),
    Load("bulk_256", texts=256),
    Load("clients_16", clients=16),
    Load("clients_64", clients=64),
    Load("one_text", latency=True),
    Load("repeated_text", latency=True, repeated=True),
    Load("repeated_32", texts=32, latency=True, repeated=True),
)


@dataclass(frozen=True, slots=True)
class Server:
    """An OpenAI-compatible server: where, as whom, and what it calls the model."""

    url: str
    token: str
    model: str

    def connect(self, stack: ExitStack) -> Embed:
        """A function that embeds over a connection of its own."""
        client = LoadClient(self.url, token=self.token)
        stack.callback(client.close)

        def embed(texts: list[str]) -> None:
            request = {"model": self.model, "input": texts, "encoding_format": "base64"}
            answer = orjson.loads(client.post("/embeddings", orjson.dumps(request)))
            if len(answer["data"]) != len(texts):
                raise InvalidRequest(detail=f"{self.url} answers with too few vectors.")
            base64.b64decode(answer["data"][0]["embedding"], validate=True)

        return embed


def measure_http(
    *,
    texts: Sequence[str],
    servers: dict[str, Server],
    bare: Embed,
    floor: Callable[[], Any],
    rounds: int,
    seconds: float,
    loads: Sequence[Load] = LOADS,
    step: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:
    """Medians of `rounds`: of each server under each load, of the bare loop (texts per second, and
    milliseconds of one text), and of `floor`, an endpoint that only answers.

    All take turns, who begins alternating, so that other load on the machine meets all alike.
    Raises InvalidRequest when a server does not answer as it should.
    """
    fresh = _new_texts(texts)
    measured: dict[tuple[str, str, str], list[float]] = {}

    def note(name: str, what: str, unit: str, value: float) -> None:
        measured.setdefault((name, unit, what), []).append(value)
        step(f"{name} {what}")

    for turn in range(rounds):
        note("bare", "bulk", RATE, _rate([bare], fresh, BARE_TEXTS, seconds))
        note("floor", "an endpoint that only answers", MS, _latency(lambda _: floor(), [], seconds))
        names = list(servers) if turn % 2 == 0 else list(reversed(servers))
        for load in loads:
            if load.latency and not load.repeated:
                for name, value in _side_by_side(servers, bare, fresh, seconds).items():
                    note(name, load.name, load.unit, value)
                continue
            for name in names:
                note(name, load.name, load.unit, _under_load(servers[name], load, fresh, seconds))
    report: dict[str, Any] = {}
    for (name, unit, what), values in measured.items():
        report.setdefault(name, {}).setdefault(unit, {})[what] = round(statistics.median(values), 3)
    return report | {"ratios": _ratios(report, servers, loads)}


def _ratios(report: dict[str, Any], names: Iterable[str], loads: Sequence[Load]) -> dict[str, Any]:
    """The service to the bare loop and to every other server; above 1 is better."""
    ratios: dict[str, float] = {}
    (floor,) = report["floor"][MS].values()
    for load in loads:
        mine = report[SERVICE][load.unit][load.name]
        if not load.latency:
            ratios[f"{load.name}, texts/s to the bare loop"] = mine / report["bare"][RATE]["bulk"]
        elif load.repeated:
            ratios[f"{load.name}, ms to only answering"] = mine / floor
        else:
            ratios[f"{load.name}, ms above the bare loop"] = mine - report["bare"][MS][load.name]
        for name in names:
            if name != SERVICE:
                theirs = report[name][load.unit][load.name]
                better = theirs / mine if load.latency else mine / theirs
                ratios[f"{load.name}, times as fast as {name}"] = better
    return {name: round(value, 3) for name, value in ratios.items()}


def _under_load(server: Server, load: Load, fresh: Iterator[str], seconds: float) -> float:
    with ExitStack() as stack:
        clients = [server.connect(stack) for _ in range(load.clients)]
        for client in clients:
            client(_take(fresh, 1))  # a connection is made once and kept
        if not load.latency:
            return _rate(clients, fresh, load.texts, seconds)
        repeated = _take(fresh, load.texts)
        clients[0](repeated)
        return _latency(clients[0], repeated, seconds)


def _side_by_side(
    servers: dict[str, Server], bare: Embed, fresh: Iterator[str], seconds: float
) -> dict[str, float]:
    """Milliseconds of one text, the median, of the bare loop and of each server: all of the same
    texts, as the length of a text decides its time.
    """
    took: dict[str, list[float]] = {}
    until = time.perf_counter() + seconds * (1 + len(servers))
    with ExitStack() as stack:
        embeds = [("bare", bare), *((name, each.connect(stack)) for name, each in servers.items())]
        for _, embed in embeds:
            embed(_take(fresh, 1))
        while time.perf_counter() < until or not took:
            text = _take(fresh, 1)
            for name, embed in embeds:
                took.setdefault(name, []).append(_milliseconds(embed, text))
            embeds.append(embeds.pop(0))
    return {name: statistics.median(each) for name, each in took.items()}


def _rate(embeds: Sequence[Embed], fresh: Iterator[str], size: int, seconds: float) -> float:
    """Texts per second of all callers together, of one call at least."""
    lock = threading.Lock()
    ends: list[float] = []
    faults: list[Exception] = []
    started = time.perf_counter()

    def work(embed: Embed) -> None:
        try:
            while time.perf_counter() - started < seconds or not ends:
                with lock:
                    batch = _take(fresh, size)
                embed(batch)
                ends.append(time.perf_counter())
        except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
            faults.append(error)

    threads = [threading.Thread(target=work, args=(embed,)) for embed in embeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
    return len(ends) * size / (max(ends) - started)


def _latency(embed: Embed, texts: list[str], seconds: float) -> float:
    """Milliseconds of one call, the median."""
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or not took:
        took.append(_milliseconds(embed, texts))
    return statistics.median(took)


def _milliseconds(embed: Embed, texts: list[str]) -> float:
    started = time.perf_counter()
    embed(texts)
    return (time.perf_counter() - started) * 1000


def _new_texts(texts: Sequence[str]) -> Iterator[str]:
    """The texts for ever, each time with another word at its end, so that no cache knows them."""
    run = time.time_ns() % 1_000_000
    for number in itertools.count():
        yield f"{texts[number % len(texts)]} {run}{number}"


def _take(fresh: Iterator[str], count: int) -> list[str]:
    return list(itertools.islice(fresh, count))
