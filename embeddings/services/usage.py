"""Putting on record what is done for whom: with a write in its transaction, of what only reads
within a second.
"""

import atexit
import threading
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.conf import settings
from django.db import Error, connections
from django.utils import timezone

from accounts.payer import current_payer
from embeddings.afterwards import put_off
from embeddings.engine.interface import ModelKind
from embeddings.exceptions import EngineUnavailable, UnknownModel, WrongModelKind
from embeddings.models import Collection
from embeddings.services.engine import model_info
from embeddings.store import usage as store
from embeddings.telemetry import log
from embeddings.types.search import SearchResult
from embeddings.types.usage import Amounts, UsageKey

FLUSH_S = 0.9
"""So that what is done is on record within a second."""

MAX_WAITING = 10_000
"""Rows; beyond, with a database that does not take them, the newest are lost."""

MILLION = 1_000_000


class _Waiting:
    """What this process has counted and the database does not know yet."""

    def __init__(self) -> None:
        self.amounts: dict[UsageKey, Amounts] = {}
        self.timer: threading.Timer | None = None
        self.lock = threading.Lock()

    def add(self, more: Mapping[UsageKey, Amounts]) -> None:
        with self.lock:
            for key, amounts in more.items():
                if key in self.amounts:
                    self.amounts[key].add(amounts)
                elif len(self.amounts) < MAX_WAITING:
                    self.amounts[key] = amounts
            if self.timer is None:
                self.timer = start_timer()

    def take(self) -> dict[UsageKey, Amounts]:
        with self.lock:
            taken, self.amounts, self.timer = self.amounts, {}, None
        return taken


def start_timer() -> threading.Timer:
    """Writes what waits, in a moment, on a thread and a connection of its own."""
    timer = threading.Timer(FLUSH_S, _flush_and_leave)
    timer.daemon = True
    timer.start()
    return timer


_waiting = _Waiting()


@put_off
def record_usage(
    *,
    model: str,
    tokens: int = 0,
    cached_tokens: int = 0,
    collection_id: uuid.UUID | None = None,
) -> None:
    """Count one thing done for the present payer, with the time that models have worked for it
    since the last one; what the service does for itself is not counted. `tokens` are those of all
    texts. It is written within FLUSH_S.
    """
    if use := _use(model, tokens, cached_tokens, collection_id):
        _waiting.add(use)


def record_write(
    *, model: str, tokens: int, cached_tokens: int, documents: int, collection_id: uuid.UUID
) -> None:
    """The same for a write, in its transaction."""
    if use := _use(model, tokens, cached_tokens, collection_id, documents):
        store.add_usage(use)


def _use(
    model: str,
    tokens: int,
    cached_tokens: int,
    collection_id: uuid.UUID | None,
    documents: int = 0,
) -> dict[UsageKey, Amounts]:
    payer = current_payer()
    if payer is None:
        return {}
    key = UsageKey(
        day=timezone.now().date(),
        user_id=payer.user_id,
        team_id=payer.team_id,
        token_id=payer.token_id,
        collection_id=collection_id,
        model=model,
    )
    amounts = Amounts(
        requests=1,
        tokens=tokens,
        cached_tokens=cached_tokens,
        compute_ms=payer.take_compute(),
        documents=documents,
        cost=cost_of(model=model, tokens=tokens, cached_tokens=cached_tokens),
    )
    return {key: amounts}


@put_off
def record_search(*, collections: Sequence[Collection], result: SearchResult) -> None:
    """Count a search in each of the collections; its tokens, but for a reranker's, in the first."""
    tokens = result.tokens - result.rerank_tokens
    cached = min(result.cached_tokens, tokens)
    for collection in collections:
        record_usage(
            model=collection.generation.model,
            tokens=tokens,
            cached_tokens=cached,
            collection_id=collection.pk,
        )
        tokens = cached = 0


def flush_usage() -> None:
    """Write what this process has counted; what can't be written waits for the next time."""
    amounts = _waiting.take()
    if not amounts:
        return
    try:
        store.add_usage(amounts)
    except Error as error:
        log.warning("usage_not_written", rows=len(amounts), error=type(error).__name__)
        _waiting.add(amounts)


def cost_of(*, model: str, tokens: int, cached_tokens: int) -> Decimal:
    """What the tokens cost by the present prices."""
    if not tokens:
        return Decimal()
    cached = Decimal(str(settings.EMBED.cached_token_price)) * cached_tokens
    return (_price_of(model) * (tokens - cached_tokens) + cached) / MILLION


def _price_of(model: str) -> Decimal:
    kinds: tuple[ModelKind, ...] = ("embedding", "reranker")
    for kind in kinds:
        try:
            price = model_info(model, kind).price_per_million_tokens
        except (WrongModelKind, UnknownModel, EngineUnavailable):
            continue
        if price is not None:
            return price
    return Decimal(str(settings.EMBED.token_price))


def _flush_and_leave() -> None:
    try:
        flush_usage()
    finally:
        connections.close_all()


atexit.register(flush_usage)
