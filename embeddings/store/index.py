"""The HNSW index of a generation."""

from django.db import connection
from psycopg import sql

from embeddings.constants import Metric
from embeddings.models import Generation
from embeddings.store.partitions import chunks_table

OPCLASSES = {
    Metric.COSINE: "halfvec_cosine_ops",
    Metric.L2: "halfvec_l2_ops",
    Metric.IP: "halfvec_ip_ops",
    Metric.L1: "halfvec_l1_ops",
}


def build_index(*, generation: Generation) -> None:
    """Build the index on half-precision vectors without blocking writes; replaces a half-built one.

    Must run outside a transaction, as CREATE INDEX CONCURRENTLY does.
    """
    name = sql.Identifier(f"{chunks_table(generation.pk)}_hnsw")
    statement = sql.SQL(
        "CREATE INDEX CONCURRENTLY {name} ON {table}"
        " USING hnsw ((embedding::halfvec({dimensions})) {opclass})"
        " WITH (m = {m}, ef_construction = {ef_construction})"
    ).format(
        name=name,
        table=sql.Identifier(chunks_table(generation.pk)),
        dimensions=sql.Literal(generation.dimensions),
        opclass=sql.Identifier(OPCLASSES[Metric(generation.metric)]),
        m=sql.Literal(generation.m),
        ef_construction=sql.Literal(generation.ef_construction),
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
        cursor.execute(statement)
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(chunks_table(generation.pk))))
