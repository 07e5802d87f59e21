"""Words and limits that several layers share."""

from enum import StrEnum

VERSION = "0.1.0"
"""Of this service, as in pyproject.toml."""


class Metric(StrEnum):
    """How two vectors are compared; spelled as in the API."""

    COSINE = "cosine"
    L2 = "l2"
    IP = "ip"
    L1 = "l1"


class GenerationState(StrEnum):
    """Life of one embedding of a whole collection."""

    BUILDING = "building"
    ACTIVE = "active"
    RETIRED = "retired"


class IndexState(StrEnum):
    """Life of a generation's HNSW index."""

    NONE = "none"
    BUILDING = "building"
    READY = "ready"


class IndexStorage(StrEnum):
    """What an HNSW index holds of a vector; the table holds it in full precision."""

    HALFVEC = "halfvec"
    VECTOR = "vector"
    BIT = "bit"


class FieldType(StrEnum):
    """What a declared field of the metadata holds."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    STRINGS = "string[]"


class JobKind(StrEnum):
    """What a job does; each kind has one task."""

    IMPORT = "import"
    BUILD_INDEX = "build_index"
    WARM_CACHE = "warm_cache"
    REINDEX = "reindex"
    INDEX_METADATA = "index_metadata"
    REFRESH_KEYWORDS = "refresh_keywords"
    MEASURE_RECALL = "measure_recall"
    REPAIR_INDEXES = "repair_indexes"
    VACUUM = "vacuum"
    DELETE_DOCUMENTS = "delete_documents"


class JobState(StrEnum):
    """Life of a job. `parked`: it waits for a person, and keeps its input."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARKED = "parked"
    CANCELLED = "cancelled"


FINISHED_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
UNFINISHED_STATES = (JobState.QUEUED, JobState.RUNNING)
"""What a worker may take; a parked job is in neither, it waits for a person."""


class OnConflict(StrEnum):
    """What adding does with a document that is there already."""

    UPSERT = "upsert"
    SKIP = "skip"
    ERROR = "error"


class ChunkingMethod(StrEnum):
    """Where a text that is longer than a chunk may be is cut; with `none`, nowhere."""

    NONE = "none"
    TOKENS = "tokens"
    SENTENCES = "sentences"
    MARKDOWN = "markdown"
    CODE = "code"


class SearchMode(StrEnum):
    """What a search compares: meanings, words, or both."""

    SEMANTIC = "semantic"
    KEYWORD = "keyword"
    HYBRID = "hybrid"


class SearchPath(StrEnum):
    """How a search found its hits."""

    EXACT = "exact"
    HNSW = "hnsw"
    KEYWORD = "keyword"
    HYBRID = "hybrid"


COLLECTION_NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
"""Collection names are lower case, so that they stay unambiguous in URLs, files and SQL."""

MAX_EXTERNAL_ID_CHARS = 512
MAX_DIMENSIONS = 16_000
"""pgvector's limit for a stored `vector`."""

MAX_FILTER_DEPTH = 8
MAX_FILTER_CONDITIONS = 256
MAX_FILTER_KEY_CHARS = 256
MAX_FILTER_LIST = 256
MAX_FILTER_BYTES = 64 * 1024
DEFAULT_TOP_K = 10
MAX_EF_SEARCH = 1_000
"""pgvector's limit of `hnsw.ef_search`."""
MAX_CANDIDATES = 1_000_000
"""Of `hnsw.max_scan_tuples`, for one search."""
MAX_EXAMPLES = 100
MAX_GROUPED_HITS = 10_000
MAX_CURSOR_CHARS = 300_000
"""That of a keyword search's 10,000th hit has 160,000, and a vector of 16,000 numbers 85,000."""

STORAGE_MAX_DIMENSIONS = {
    IndexStorage.HALFVEC: 4_000,
    IndexStorage.VECTOR: 2_000,
    IndexStorage.BIT: 64_000,
}
"""pgvector's limits for an HNSW index."""

DEFAULT_LANGUAGE = "english"
"""PostgreSQL's text search configuration of a collection that names none."""

TERM_DIMENSIONS = 1_000_000_000
"""pgvector's limit for a `sparsevec`: words are hashed to so many dimensions."""

HNSW_M = 16
"""pgvector's own default."""

HNSW_EF_CONSTRUCTION = 128
"""Twice pgvector's default. Of the exact ten for queries unlike all 60,000 texts, searches as
long as before found 0.948 instead of 0.923; a build took 15 s instead of 10.
"""

HNSW_M_RANGE = (2, 100)
HNSW_EF_CONSTRUCTION_RANGE = (4, 1_000)
"""pgvector's limits."""
