"""`/v1/collection/{name}/stats`."""

from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.constants import IndexState
from embeddings.models import Collection, Generation
from embeddings.services.stats import advice
from embeddings.types.stats import TableStats
from tests.api.assertions import assert_problem, assert_unseen
from tests.factories import make_collection, make_measurement
from tests.statements import recorded_statements

URL = "/v1/collection/drinks/stats"


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    stats = as_alice.get(URL).json()

    assert (stats["collection"], stats["documents"]) == ("drinks", 3)
    assert stats["index"] == {
        "state": "none",
        "m": 16,
        "ef_construction": 128,
        "storage": "halfvec",
        "bytes": 0,
        "job": None,
    }
    sizes = stats["bytes"]
    assert sizes["documents"] > 0 < sizes["chunks"]
    assert sizes["total"] == sizes["documents"] + sizes["chunks"] + sizes["index"]
    assert stats["recall"] == {"unfiltered": None, "filtered": None, "warning": ""}
    assert set(stats["maintenance"]["chunks"]) == {
        *("rows", "dead_rows", "changed", "last_vacuum", "last_analyze")
    }
    assert stats["maintenance"]["advice"] == []


def test_the_job_that_builds_the_index_is_named(
    collection: Collection, as_alice: APIClient
) -> None:
    job = as_alice.post("/v1/collection/drinks/reindex", {}).json()
    index = as_alice.get(URL).json()["index"]
    assert (index["state"], index["job"]) == ("building", job["id"])


def test_recall_is_the_newest_and_warned_of_when_low(
    collection: Collection, as_alice: APIClient
) -> None:
    make_measurement(collection, 0.2, worst=0.5)
    make_measurement(collection, 0.99, worst=0.5)
    recall = as_alice.get(URL).json()["recall"]
    assert (recall["unfiltered"]["recall"], recall["filtered"]) == (0.99, None)
    assert recall["warning"] == ""
    make_measurement(collection, 0.7, filtered=True, worst=0.5)
    make_measurement(make_collection(), 0.1, worst=0.5)
    recall = as_alice.get(URL).json()["recall"]
    assert recall["filtered"]["recall"] == 0.7
    assert "70.0% of the exact answers" in recall["warning"]


def test_who_may_see_it(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    assert as_bob.get(URL).status_code == 200
    assert_unseen(as_charlie, "GET", URL, "/v1/collection/nothing/stats")
    assert_problem(stranger.get(URL), 401)


def test_it_asks_little(collection: Collection, as_alice: APIClient) -> None:
    as_alice.get(URL)
    with recorded_statements() as statements:
        as_alice.get(URL)
    assert len(statements) <= 6


def table(**changes: Any) -> TableStats:
    values = {
        "bytes": 0,
        "index_bytes": 0,
        "rows": 10_000,
        "dead_rows": 0,
        "changed": 0,
        "last_vacuum": None,
        "last_analyze": datetime.now(UTC),
    }
    return TableStats(**(values | changes))


@pytest.mark.parametrize(
    ("documents", "chunks", "indexed", "said"),
    [
        (table(), table(), True, []),
        (
            table(),
            table(dead_rows=2_988),
            True,
            ["REINDEX then VACUUM: 23% of the index's rows are dead."],
        ),
        (
            table(),
            table(dead_rows=2_988),
            False,
            ["VACUUM: 23% of the vectors' rows are dead."],
        ),
        (
            table(dead_rows=10_000),
            table(),
            True,
            ["VACUUM: 50% of the documents' rows are dead."],
        ),
        (
            table(last_analyze=None),
            table(changed=2_000),
            True,
            [
                "ANALYZE: 2000 vectors were written since the last one.",
                "ANALYZE: PostgreSQL has no statistics of the documents.",
            ],
        ),
        (table(rows=10, dead_rows=500), table(rows=0, last_analyze=None), True, []),
    ],
)
def test_advice(documents: TableStats, chunks: TableStats, indexed: bool, said: list[str]) -> None:
    assert advice(documents=documents, chunks=chunks, indexed=indexed) == said


def test_prometheus_sees_the_lowest_recall_and_no_names(
    collection: Collection, as_bob: APIClient
) -> None:
    other = make_collection("teapot")
    for each, recall in ((collection, 0.97), (other, 0.6)):
        make_measurement(each, recall, worst=0.5)
    Generation.objects.filter(pk=collection.generation.pk).update(
        index_state=IndexState.READY.value
    )
    lines = as_bob.get("/metrics").content.decode().splitlines()
    assert 'recall_lowest{filtered="false"} 0.97' in lines  # the other one has no index
    assert 'recall_low{filtered="false"} 0.0' in lines
    assert 'indexes{state="ready"} 1.0' in lines
    assert 'indexes{state="none"} 1.0' in lines
    Generation.objects.update(index_state=IndexState.READY.value)
    text = as_bob.get("/metrics").content.decode()
    assert 'recall_lowest{filtered="false"} 0.6' in text
    assert 'recall_low{filtered="false"} 1.0' in text
    assert "teapot" not in text
