"""Stored vectors to ask with, and their documents' metadata to filter by."""

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from embeddings.models import Generation
from embeddings.store.cursors import binary_cursor, read_vector
from embeddings.store.partitions import chunks_table, documents_table

# Ids are hashes, so that those which follow random ones are random too, and found without a scan;
# behind the last one comes the first.
_SAMPLE = """
    SELECT c.document_id, vector_send(c.embedding), d.metadata
    FROM unnest(%s::uuid[]) AS random (id)
    CROSS JOIN LATERAL (
        (SELECT document_id, embedding FROM {chunks}
            WHERE document_id >= random.id ORDER BY document_id, ordinal LIMIT 1)
        UNION ALL
        (SELECT document_id, embedding FROM {chunks} ORDER BY document_id, ordinal LIMIT 1)
        LIMIT 1
    ) c
    JOIN {documents} d ON d.id = c.document_id"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A document, the float32 `(dimensions,)` vector of its first chunk, and its metadata."""

    document_id: uuid.UUID
    vector: NDArray[np.float32]
    metadata: dict[str, Any]


def sample_documents(*, generation: Generation, count: int) -> list[Sample]:
    """Up to `count` random documents, each once; fewer where chance met some twice."""
    statement = sql.SQL(_SAMPLE).format(
        chunks=sql.Identifier(chunks_table(generation.pk)),
        documents=sql.Identifier(documents_table(generation.collection_id)),
    )
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [[uuid.uuid4() for _ in range(count)]]).fetchall()
    samples = {pk: Sample(pk, read_vector(vector), metadata) for pk, vector, metadata in rows}
    return list(samples.values())
