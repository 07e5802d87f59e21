"""What HTTP, authentication and JSON add to a search: `/v1/search` against its own SQL run bare."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from embeddings.exceptions import InvalidRequest
from embeddings.models import Collection
from embeddings.services.load_client import LoadClient
from embeddings.services.search_path import prospect_of
from embeddings.store.bare_search import EXTERNAL_ID, bare_search, sample_vectors
from embeddings.store.search import Target
from embeddings.types.search import SearchParams

WARM_UP = 20


def measure_search(
    *, collection: Collection, url: str, token: str, queries: int, top_k: int
) -> dict[str, Any]:
    """Milliseconds of both, interleaved on the same vectors, who begins alternating; p50, p95, and
    the difference of the p50s. `same_hits` is the share of searches where both agree.

    Raises InvalidRequest when the service does not answer as it should.
    """
    vectors = sample_vectors(generation_id=collection.generation.pk, count=queries)
    if not vectors:
        raise InvalidRequest(detail="The collection is empty.")
    with closing(_Client(url, token, collection.name, top_k)) as client:
        return _measured(collection, vectors, client, top_k)


def _measured(
    collection: Collection, vectors: list[NDArray[np.float32]], client: "_Client", top_k: int
) -> dict[str, Any]:
    plan = client.search(vectors[0])["plan"]
    with bare_search_of(collection=collection, params=SearchParams(top_k=top_k)) as bare:
        for turn in range(WARM_UP):
            client.search(vectors[turn % len(vectors)])
            bare(vectors[turn % len(vectors)])
        over_http: list[float] = []
        in_sql: list[float] = []
        same = 0
        for turn, vector in enumerate(vectors):
            body = client.body(vector)  # the caller's work, not the service's
            calls: list[Callable[[], Any]] = [partial(client.post, body), partial(bare, vector)]
            took, answers = take_turns(calls, first=turn % 2)
            over_http.append(took[0])
            in_sql.append(took[1])
            same += _agree(answers[0], answers[1])
    report = {
        "collection": collection.name,
        "documents": collection.document_count,
        "path": plan["path"],
        "top_k": top_k,
        "queries": len(vectors),
        "http_ms": spread(over_http),
        "sql_ms": spread(in_sql),
        "same_hits": same / len(vectors),
    }
    report["p50_difference_ms"] = round(report["http_ms"]["p50"] - report["sql_ms"]["p50"], 3)
    return report


def take_turns(calls: Sequence[Callable[[], Any]], *, first: int) -> tuple[list[float], list[Any]]:
    """Milliseconds and answer of each call, begun with the one at `first`, which reads from memory
    what the others then find in the processor's caches.
    """
    took, answers = [0.0] * len(calls), [None] * len(calls)
    for index in (*range(first, len(calls)), *range(first)):
        started = time.perf_counter()
        answers[index] = calls[index]()
        took[index] = (time.perf_counter() - started) * 1000
    return took, answers


def bare_search_of(
    *, collection: Collection, params: SearchParams
) -> AbstractContextManager[Callable[[NDArray[np.float32]], list[tuple[Any, ...]]]]:
    """The SQL of a search of the service's, on a connection of its own, for any vector."""
    prospect = prospect_of(collection=collection, params=params, depth=params.top_k)
    return bare_search(
        target=Target.of(collection.generation),
        metadata_filter=params.metadata_filter,
        depth=params.top_k,
        scan=prospect.scan(),
        read_all=prospect.reads_all,
    )


def _agree(answer: bytes, rows: list[tuple[Any, ...]]) -> bool:
    found = [hit["id"] for hit in orjson.loads(answer)["hits"]]
    return found == [row[EXTERNAL_ID] for row in rows]


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50 and p95 of the milliseconds."""
    return {
        "p50": round(statistics.median(values), 3),
        "p95": round(float(np.percentile(values, 95)), 3),
    }


class _Client:
    """Searches over one kept connection."""

    def __init__(self, url: str, token: str, collection: str, top_k: int) -> None:
        self.client = LoadClient(url, token=token)
        self.request = {"collection": collection, "top_k": top_k}

    def close(self) -> None:
        self.client.close()

    def body(self, vector: NDArray[np.float32]) -> bytes:
        request = {**self.request, "vector": vector}
        return orjson.dumps(request, option=orjson.OPT_SERIALIZE_NUMPY)

    def post(self, body: bytes) -> bytes:
        return self.client.post("/v1/search", body)

    def search(self, vector: NDArray[np.float32]) -> Any:
        return orjson.loads(self.post(self.body(vector)))
