"""How the service behaves when it is asked for many times what it can do."""

import itertools
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from embeddings.exceptions import InvalidRequest
from embeddings.services.load_client import LoadClient

TEXTS = 32
"""Of one request: as clients send that embed in bulk."""

PEAK_CLIENTS = 4
"""More than one, so that the model never waits for a client; the service refuses none of them."""

CLIENTS = 200
"""Enough that the load does not depend on how fast the service answers."""


@dataclass
class Tally:
    """What became of the requests; milliseconds of the refused ones."""

    answered: int = 0
    refused_ms: list[float] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)


def measure_overload(
    *, url: str, token: str, model: str, texts: Sequence[str], factor: float, seconds: float
) -> dict[str, Any]:
    """Texts per second answered under `factor` times the capacity, as a share of the peak; how many
    requests were refused with 503, and how soon.

    Requests are sent at fixed times, whether or not earlier ones were answered. Raises
    InvalidRequest when the service does not answer at all.
    """
    load = _Load(url, token, model, texts)
    peak = load.run(clients=PEAK_CLIENTS, requests_per_second=None, seconds=seconds / 3)
    capacity = peak.answered / (seconds / 3)
    if not capacity:
        raise InvalidRequest(detail="The service answered nothing.")
    over = load.run(clients=CLIENTS, requests_per_second=capacity * factor, seconds=seconds)
    return {
        "peak_texts_per_second": round(capacity * TEXTS, 1),
        "goodput_texts_per_second": round(over.answered / seconds * TEXTS, 1),
        "goodput_to_peak": round(over.answered / seconds / capacity, 3),
        "refused": len(over.refused_ms),
        "refused_p50_ms": round(statistics.median(over.refused_ms), 2) if over.refused_ms else None,
        "others": over.others,
    }


class _Load:
    def __init__(self, url: str, token: str, model: str, texts: Sequence[str]) -> None:
        self.url, self.token, self.model, self.texts = url, token, model, texts
        self.numbers = itertools.count()

    def run(self, *, clients: int, requests_per_second: float | None, seconds: float) -> Tally:
        tally, lock = Tally(), threading.Lock()
        turns = itertools.count()
        started = time.perf_counter()

        def work() -> None:
            client = LoadClient(self.url, token=self.token)
            while (now := time.perf_counter() - started) < seconds:
                if requests_per_second is not None:
                    due = next(turns) / requests_per_second
                    if due >= seconds:
                        break
                    time.sleep(max(0.0, due - now))
                self._send(client, tally, lock, until=started + seconds)
            client.close()

        threads = [threading.Thread(target=work) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tally

    def _send(self, client: LoadClient, tally: Tally, lock: threading.Lock, until: float) -> None:
        body = self._body()
        sent = time.perf_counter()
        try:
            status = str(client.ask("POST", "/embeddings", body)[0])
        except InvalidRequest:
            status = "no answer"
        now = time.perf_counter()
        with lock:
            if status == "503":
                tally.refused_ms.append((now - sent) * 1000)
            elif status != "200":
                tally.others[status] = tally.others.get(status, 0) + 1
            elif now <= until:  # what is answered later is not this span's
                tally.answered += 1

    def _body(self) -> bytes:
        numbers = [next(self.numbers) for _ in range(TEXTS)]
        texts = [f"{self.texts[n % len(self.texts)]} {time.time_ns()}" for n in numbers]
        request = {"model": self.model, "input": texts, "encoding_format": "base64"}
        return orjson.dumps(request)
