"""What an HNSW index holds of a vector, spelled once: the planner uses an index only for the very
expression that it was built on.
"""

from psycopg import sql

from embeddings.constants import IndexStorage, Metric

OPERATORS = {Metric.COSINE: "<=>", Metric.L2: "<->", Metric.IP: "<#>", Metric.L1: "<+>"}
"""pgvector's, of distances in full and in half precision."""

OPCLASS_SUFFIXES = {Metric.COSINE: "cosine", Metric.L2: "l2", Metric.IP: "ip", Metric.L1: "l1"}

HAMMING = "<~>"

EXPRESSIONS = {
    IndexStorage.HALFVEC: sql.SQL("({vector}::halfvec({dimensions}))"),
    IndexStorage.VECTOR: sql.SQL("({vector}::vector({dimensions}))"),
    IndexStorage.BIT: sql.SQL("(binary_quantize({vector})::bit({dimensions}))"),
}


def index_expression(
    *, storage: IndexStorage, dimensions: int, vector: sql.Composable
) -> sql.Composed:
    """The indexed form of `vector`, which is the column or a bound value cast to `vector`."""
    return EXPRESSIONS[storage].format(vector=vector, dimensions=sql.Literal(dimensions))


def index_operator(*, storage: IndexStorage, metric: Metric) -> sql.SQL:
    """Orders by nearness in the index. Signs alone have only the Hamming distance, which orders
    as the angle does, whatever the metric.
    """
    return sql.SQL(HAMMING if storage == IndexStorage.BIT else OPERATORS[metric])


def index_opclass(*, storage: IndexStorage, metric: Metric) -> sql.Identifier:
    """The operator class under which that operator uses the index."""
    if storage == IndexStorage.BIT:
        return sql.Identifier("bit_hamming_ops")
    return sql.Identifier(f"{storage.value}_{OPCLASS_SUFFIXES[metric]}_ops")
