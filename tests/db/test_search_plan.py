"""In which order PostgreSQL does the parts of a search."""

from typing import Any

import numpy as np
import pytest
from django.db import connection

from accounts.store.batch import numbered
from embeddings.models import Collection
from embeddings.services.add import add_documents
from embeddings.store.index import build_index
from embeddings.store.search_sql import Shape, Target, hnsw_statement
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from tests.factories import make_collection

DOCUMENTS = 2_000


@pytest.fixture
def indexed(transactional_db: None) -> Collection:
    collection = make_collection()
    points = np.random.default_rng(7).normal(size=(DOCUMENTS, 384)).astype(np.float32)
    documents = [
        DocumentInput(f"d{i}", f"text {i}", {"even": i % 2 == 0}, point)
        for i, point in enumerate(points)
    ]
    add_documents(collection=collection, documents=documents)
    build_index(generation=collection.generation)
    return collection


@pytest.mark.parametrize("condition", [{"even": True}, {"even": {"$ne": True}}])
def test_documents_are_looked_up_in_the_order_of_the_index(
    indexed: Collection, condition: dict[str, Any]
) -> None:
    """So that a scan which stops with enough candidates has the nearest: of a plain join the
    planner may begin with the documents.
    """
    statement, _ = hnsw_statement(
        target=Target.of(indexed.generation),
        metadata_filter=parse_filter(condition),
        shape=Shape(include=frozenset()),
    )
    with connection.cursor() as cursor:
        for way in ("hashjoin", "mergejoin", "seqscan", "sort"):  # as SETTINGS has them
            cursor.execute(f"SET enable_{way} = off")
        cursor.execute("EXPLAIN (GENERIC_PLAN) " + numbered(statement).decode())
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("RESET ALL")

    assert "Materialize" not in plan, plan
    assert plan.index("_hnsw on chunks") < plan.index("_pkey on documents"), plan
