"""The same vectors, filters and load for this service and for Chroma's server, by turns.

    .venv/bin/python -m tests.benchmarks.side_by_side VECTORS.npy QUERIES.npy --token emb_…

Both servers run beforehand. The arrays are float32 `(n, dimensions)`, with the dimensions of the
service's default model, which need not have made them. Collections are left behind, to be measured
again with --loaded.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
from numpy.typing import NDArray

NAME = "side-by-side"
BATCH = 500
SHARES = {"unfiltered": 1.0, "in_30": 0.3, "in_1": 0.01}
TOP_K = 10
CHROMA = "/api/v2/tenants/default_tenant/databases/default_database/collections"

Vectors = NDArray[np.float32]
Ask = Callable[[str, Any], Any]


def connect(url: str, token: str = "") -> Ask:
    """Posts JSON over one kept connection; GETs without a body."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=300)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}

    def ask(path: str, body: Any) -> Any:
        data = body if isinstance(body, bytes | None) else to_json(body)
        connection.request("GET" if body is None else "POST", path, data, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise SystemExit(f"{path}: {response.status} {answer[:300]!r}")
        return orjson.loads(answer)

    return ask


def to_json(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


class Service:
    """This service."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.path = "/v1/search"

    def connect(self) -> Ask:
        return connect(self.url, self.token)

    def load(self, rows: Iterator[dict[str, Any]]) -> None:
        ask = self.connect()
        ask("/v1/collection", {"name": NAME})
        documents = [{**row, "embedding": row["embedding"]} for row in rows]
        for start in range(0, len(documents), BATCH):
            ask("/v1/add", {"collection": NAME, "documents": documents[start : start + BATCH]})
        probe = self.body(documents[0]["embedding"], "unfiltered")
        while ask(self.path, probe)["plan"]["path"] != "hnsw":
            time.sleep(1)

    def find(self) -> None:
        """Nothing to be looked up."""

    def body(self, vector: Vectors, share: str) -> bytes:
        body: dict[str, Any] = {"collection": NAME, "vector": vector, "top_k": TOP_K}
        return to_json(body if share == "unfiltered" else {**body, "filter": {share: True}})

    def ids(self, answer: Any) -> list[str]:
        return [hit["id"] for hit in answer["hits"]]


class Chroma:
    """Chroma's server."""

    def __init__(self, url: str) -> None:
        self.url, self.path = url, ""

    def connect(self) -> Ask:
        return connect(self.url)

    def load(self, rows: Iterator[dict[str, Any]]) -> None:
        ask = self.connect()
        ask(CHROMA, {"name": NAME, "configuration": {"hnsw": {"space": "cosine"}}})
        self.find()
        every = list(rows)
        for start in range(0, len(every), BATCH):
            batch = every[start : start + BATCH]
            names = {"ids": "id", "documents": "text", "metadatas": "metadata"}
            columns = {name: [row[key] for row in batch] for name, key in names.items()}
            vectors = [row["embedding"] for row in batch]
            ask(self.path.replace("query", "add"), {**columns, "embeddings": vectors})

    def find(self) -> None:
        self.path = f"{CHROMA}/{self.connect()(f'{CHROMA}/{NAME}', None)['id']}/query"

    def body(self, vector: Vectors, share: str) -> bytes:
        include = ["documents", "metadatas", "distances"]
        body = {"query_embeddings": [vector], "n_results": TOP_K, "include": include}
        return to_json(body if share == "unfiltered" else {**body, "where": {share: True}})

    def ids(self, answer: Any) -> list[str]:
        return list(answer["ids"][0])


Server = Service | Chroma


def rows(vectors: Vectors, marks: dict[str, NDArray[np.bool_]]) -> Iterator[dict[str, Any]]:
    for number, vector in enumerate(vectors):
        metadata = {name: bool(mark[number]) for name, mark in marks.items()}
        text = f"Document number {number} of a side-by-side measurement."
        yield {"id": str(number), "text": text, "metadata": metadata, "embedding": vector}


def per_second(server: Server, bodies: list[bytes], *, clients: int, seconds: float) -> float:
    deadline = time.perf_counter() + seconds

    def run(place: int) -> int:
        ask, done = server.connect(), 0
        while time.perf_counter() < deadline:
            ask(server.path, bodies[(place + done) % len(bodies)])
            done += 1
        return done

    with ThreadPoolExecutor(clients) as threads:
        return sum(threads.map(run, range(clients))) / seconds


def measure(
    servers: dict[str, Server], queries: Vectors, truth: dict[str, Any], options: Any
) -> Any:
    """Milliseconds and searches per second are medians over the rounds; one server after the other
    in each.
    """
    report: dict[str, Any] = {}
    for share in SHARES:
        taken: dict[str, Any] = {name: {"ms": [], "per_s": [], "recall": []} for name in servers}
        for _ in range(options.rounds):
            for name, server in servers.items():
                ask, found = server.connect(), taken[name]
                bodies = [server.body(vector, share) for vector in queries]
                for body, expected in zip(bodies, truth[share], strict=True):
                    started = time.perf_counter()
                    answer = ask(server.path, body)
                    found["ms"].append((time.perf_counter() - started) * 1000)
                    found["recall"].append(len(expected & set(server.ids(answer))) / TOP_K)
                rate = per_second(server, bodies, clients=options.clients, seconds=options.seconds)
                found["per_s"].append(rate)
        report[share] = {
            name: {
                "p50_ms": round(statistics.median(found["ms"]), 2),
                f"per_s, {options.clients} clients": round(statistics.median(found["per_s"]), 1),
                "recall": round(statistics.fmean(found["recall"]), 4),
            }
            for name, found in taken.items()
        }
    return report


def nearest(vectors: Vectors, queries: Vectors, allowed: NDArray[np.bool_]) -> list[set[str]]:
    units = vectors[allowed] / np.linalg.norm(vectors[allowed], axis=1, keepdims=True)
    order = np.argsort(-(queries @ units.T), axis=1)[:, :TOP_K]
    names = np.flatnonzero(allowed)
    return [{str(names[place]) for place in row} for row in order]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors")
    parser.add_argument("queries")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--token", required=True)
    parser.add_argument("--chroma", default="http://127.0.0.1:8100")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--loaded", action="store_true", help="Both hold the vectors already.")
    options = parser.parse_args()
    vectors = np.load(options.vectors)[: options.limit]
    queries = np.load(options.queries)[:100]
    draw = np.random.default_rng(0).random(len(vectors))
    marks = {name: draw < share for name, share in SHARES.items()}
    servers: dict[str, Server] = {
        "service": Service(options.url, options.token),
        "chroma": Chroma(options.chroma),
    }
    for name, server in servers.items():
        if options.loaded:
            server.find()
        else:
            started = time.perf_counter()
            server.load(rows(vectors, marks))
            print(f"{name}: loaded in {time.perf_counter() - started:.0f} s", flush=True)  # noqa: T201
    truth = {share: nearest(vectors, queries, mark) for share, mark in marks.items()}
    print(json.dumps(measure(servers, queries, truth, options), indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
