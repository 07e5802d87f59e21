"""The options that change without a restart, in the groups that the console shows."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic_settings import NoDecode

from embeddings.constants import MAX_EF_SEARCH
from embeddings.types.cache import MAX_TTL_S
from embedsite.config_rules import Names, split_commas

MIB = 1024 * 1024
ALL = "*"


class RequestOptions(BaseModel):
    """How much one request may ask for."""

    max_text_chars: int = Field(
        200_000, ge=1, le=100_000_000, description="Longest text accepted, in characters."
    )
    max_body_bytes: int = Field(
        16 * MIB, ge=1024, le=1024 * MIB, description="Largest request body, imports apart."
    )
    max_json_depth: int = Field(
        32, ge=4, le=512, description="Deepest nesting of a request's JSON."
    )
    max_batch: int = Field(
        1000, ge=1, le=100_000, description="Most documents or texts in one request."
    )
    max_top_k: int = Field(1000, ge=1, le=10_000, description="Most hits that a search returns.")
    max_searches: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Most searches in one request: its queries times its collections.",
    )
    max_chunks: int = Field(
        1_000, ge=1, le=1_000_000, description="Most chunks that one document is cut into."
    )
    max_metadata_bytes: int = Field(
        64 * 1024, ge=2, le=16 * MIB, description="Largest metadata of one document, as JSON."
    )
    import_max_bytes: int = Field(
        4096 * MIB,
        ge=1024,
        le=1024 * 1024 * MIB,
        description="Largest upload of an import, after decompression.",
    )


class CacheOptions(BaseModel):
    """What is remembered, and for how long."""

    cache_memory_mb: int = Field(
        64, ge=0, le=1_048_576, description="Memory of one process's cache, in MiB; 0 keeps none."
    )
    cache_ttl_s: int = Field(
        30 * 86_400,
        ge=1,
        le=MAX_TTL_S,
        description="Seconds that a vector stays cached. It can't be out of date, only unused.",
    )
    cache_search_ttl_s: int = Field(
        60,
        ge=0,
        le=86_400,
        description="Seconds that a search's result stays cached; 0 keeps none.",
    )
    cache_queries: int = Field(
        0,
        ge=0,
        le=100_000,
        description="How many of a collection's most frequent queries are recorded, in plain text,"
        " so that `warm_cache` can embed them beforehand; 0 records none.",
    )


class SearchOptions(BaseModel):
    """How searches use indexes, and how exact they have to be."""

    ef_search: int = Field(
        0,
        ge=0,
        le=MAX_EF_SEARCH,
        description="Candidates that a search through an index keeps where it names no `ef_search`;"
        " 0 lets the service choose.",
    )
    index_threshold: int = Field(
        10_000,
        ge=1,
        le=1_000_000_000,
        description="Chunks from which a generation gets an HNSW index.",
    )
    recall_interval_s: int = Field(
        86_400,
        ge=0,
        le=31_536_000,
        description="Seconds after which a collection's recall is measured again; 0 measures none.",
    )
    recall_min: float = Field(
        0.95,
        ge=0,
        le=1,
        description="Recall under which the service warns: in its log, its metrics, `/stats` and"
        " the console.",
    )


class CostOptions(BaseModel):
    """What use costs, and when its budgets are told of."""

    token_price: float = Field(
        0,
        ge=0,
        le=1_000_000,
        description="What a million tokens cost, of models without a `price_per_million_tokens` of"
        " their own; in a currency of your choice.",
    )
    cached_token_price: float = Field(
        0,
        ge=0,
        le=1_000_000,
        description="What a million tokens cost that no model had to read, as their vectors were"
        " cached.",
    )
    storage_price: float = Field(
        0, ge=0, le=1_000_000, description="What a GiB of collections costs in a month of 30 days."
    )
    budget_alerts: Annotated[list[int], NoDecode] = Field(
        [50, 80, 100],
        description="Percentages of a token budget whose reaching is told, each once in a period,"
        " separated by commas.",
    )

    _commas_of_alerts = field_validator("budget_alerts", mode="before")(split_commas)

    @field_validator("budget_alerts")
    @classmethod
    def alerts_are_shares(cls, value: list[int]) -> list[int]:
        if any(not 1 <= share <= 100 for share in value):
            raise ValueError("must be whole percentages from 1 to 100")
        return sorted(set(value))


class OperationOptions(BaseModel):
    """What the service tells of itself, and how often it tries."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe level that is logged."
    )
    slow_request_ms: int = Field(
        5_000,
        ge=0,
        le=3_600_000,
        description="Milliseconds from which a request is logged as a warning; 0 warns of none.",
    )
    job_max_attempts: int = Field(
        5, ge=1, le=100, description="Attempts before a failing job is parked."
    )


GROUPS: dict[str, type[BaseModel]] = {
    "Requests": RequestOptions,
    "Cache": CacheOptions,
    "Search": SearchOptions,
    "Costs": CostOptions,
    "Operation": OperationOptions,
}


class LiveOptions(
    RequestOptions, CacheOptions, SearchOptions, CostOptions, OperationOptions, BaseModel
):
    """A part of Config, with what is exempt from changing."""

    live_locked: Names = Field(
        [],
        description="Options that stay as they are configured, whatever is set in the console, as"
        " in `log_level,max_batch`; `*` locks all. What `serve` is given as flags stays, too.",
    )

    _commas_of_locked = field_validator("live_locked", mode="before")(split_commas)

    @field_validator("live_locked")
    @classmethod
    def locked_are_live(cls, value: list[str]) -> list[str]:
        known = {ALL, *live_names()}
        if unknown := sorted(set(value) - known):
            raise ValueError(f"must list only options that can change live, unlike {unknown[0]}")
        return value


def live_names() -> list[str]:
    """Of the options that change without a restart."""
    return [name for group in GROUPS.values() for name in group.model_fields]
