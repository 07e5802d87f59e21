"""A search under every filter, for few hits and many, by one client and several: which rows come
back, and how soon, over HTTP and as bare SQL.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from embeddings.models import Collection
from embeddings.services.load_client import LoadClient
from embeddings.services.quality import Step
from embeddings.services.search import search_collection
from embeddings.services.search_benchmark import bare_search_of, spread, take_turns
from embeddings.types.filter import parse_filter
from embeddings.types.search import SearchParams

UNFILTERED = "all"
SAME_DISTANCE = 1e-6
"""Distances within this of each other are equal: their documents may take each other's place."""

Vector = NDArray[np.float32]
Filters = Mapping[str, dict[str, Any] | None]
"""Filters as JSON, by the names they have in the report; None filters nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """Who asks how much: every vector once, and then by so many clients for so many seconds."""

    url: str
    token: str
    vectors: Sequence[Vector]
    clients: Sequence[int]
    seconds: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One filter and one number of hits; `truth` has for each vector the distances of the exact
    answer.
    """

    collection: Collection
    metadata_filter: dict[str, Any] | None
    top_k: int
    truth: Sequence[Sequence[float]]

    @property
    def params(self) -> SearchParams:
        """Of the search, all but its vector."""
        parsed = self.metadata_filter and parse_filter(self.metadata_filter)
        return SearchParams(top_k=self.top_k, metadata_filter=parsed or None)

    def body(self, vector: Vector) -> bytes:
        """Of the request."""
        request = {"collection": self.collection.name, "top_k": self.top_k, "vector": vector}
        if self.metadata_filter is not None:
            request["filter"] = self.metadata_filter
        return orjson.dumps(request, option=orjson.OPT_SERIALIZE_NUMPY)


def measure_matrix(
    *,
    collection: Collection,
    load: Load,
    filters: Filters,
    top_ks: Sequence[int],
    step: Step = lambda *_: None,
) -> dict[str, Any]:
    """For every filter and number of hits: the share of searches with as many rows as there are,
    the mean recall against an exact search, milliseconds, and searches per second by clients.

    Raises InvalidRequest when the service does not answer as it should.
    """
    report: dict[str, Any] = {}
    for name, metadata_filter in filters.items():
        cell = Cell(collection, metadata_filter, max(top_ks), [])
        truth = [_distances(cell, vector) for vector in load.vectors]
        for top_k in top_ks:
            measured = _measure(replace(cell, top_k=top_k, truth=truth), load)
            report[f"{name}, top {top_k}"] = measured
            step("cells", 1)
    return report


def _distances(cell: Cell, vector: Vector) -> list[float]:
    params = replace(cell.params, vector=vector, exact=True, include=frozenset())
    hits = search_collection(collection=cell.collection, params=params).hits
    return [hit.distance for hit in hits if hit.distance is not None]


def _measure(cell: Cell, load: Load) -> dict[str, Any]:
    bodies = [cell.body(vector) for vector in load.vectors]
    most = max(load.clients)
    with ExitStack() as stack:
        clients = [LoadClient(load.url, token=load.token) for _ in range(most)]
        for client in clients:
            stack.callback(client.close)
        posts = [partial(client.post, "/v1/search") for client in clients]
        bare = [
            stack.enter_context(bare_search_of(collection=cell.collection, params=cell.params))
            for _ in range(most)
        ]
        measured = _answers(cell, posts[0], bare[0], bodies, load.vectors)
        for count in load.clients:
            over_http = _per_second(posts[:count], bodies, load.seconds)
            in_sql = _per_second(bare[:count], load.vectors, load.seconds)
            measured[f"{count} clients"] = {
                "http_per_s": round(over_http, 1),
                "sql_per_s": round(in_sql, 1),
                "http_to_sql": round(over_http / in_sql, 3),
            }
    return measured


def _answers(
    cell: Cell,
    post: Callable[[bytes], bytes],
    bare: Callable[[Vector], object],
    bodies: Sequence[bytes],
    vectors: Sequence[Vector],
) -> dict[str, Any]:
    """Of one client, who asks over HTTP, in SQL and without the filter by turns, another one first
    each time; the first two once for all vectors beforehand.
    """
    plain = replace(cell, metadata_filter=None)
    for body, vector in zip(bodies, vectors, strict=True):
        post(body)
        bare(vector)
    times, answers = [], []
    for turn, (body, vector) in enumerate(zip(bodies, vectors, strict=True)):
        calls: list[Callable[[], Any]] = [
            partial(post, body),
            partial(bare, vector),
            partial(post, plain.body(vector)),
        ]
        took, (answer, _, _) = take_turns(calls, first=turn % len(calls))
        times.append(took)
        answers.append(orjson.loads(answer))
    over_http, in_sql, unfiltered = zip(*times, strict=True)
    found = [[hit["distance"] for hit in answer["hits"]] for answer in answers]
    expected = [distances[: cell.top_k] for distances in cell.truth]
    recalls = [_recall(*pair) for pair in zip(found, expected, strict=True) if pair[1]]
    right = [len(rows) == len(wanted) for rows, wanted in zip(found, expected, strict=True)]
    return {
        "paths": dict(Counter(answer["plan"]["path"] for answer in answers)),
        "rows_right": statistics.fmean(right),
        "recall": round(statistics.fmean(recalls), 4) if recalls else None,
        "http_ms": spread(over_http),
        "sql_ms": spread(in_sql),
        "p50_to_unfiltered": round(statistics.median(over_http) / statistics.median(unfiltered), 2),
        "p50_difference_ms": round(statistics.median(over_http) - statistics.median(in_sql), 3),
    }


def _recall(found: Sequence[float], expected: Sequence[float]) -> float:
    near_enough = sum(distance <= expected[-1] + SAME_DISTANCE for distance in found)
    return min(near_enough, len(expected)) / len(expected)


def _per_second(
    calls: Sequence[Callable[[Any], object]], arguments: Sequence[Any], seconds: float
) -> float:
    """How often all of the calls together are done in a second, each in a thread of its own and at
    least once.
    """
    deadline = time.perf_counter() + seconds

    def run(place: int) -> int:
        done = 0
        while not done or time.perf_counter() < deadline:
            calls[place](arguments[(place + done) % len(arguments)])
            done += 1
        return done

    with ThreadPoolExecutor(len(calls)) as threads:
        started = time.perf_counter()
        done = sum(threads.map(run, range(len(calls))))
        return done / (time.perf_counter() - started)
