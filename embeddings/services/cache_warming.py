"""Embedding texts before they are asked for: given ones, or what a collection is searched for most.

Cached vectors are their owner's, so each text is warmed for somebody.
"""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from operator import itemgetter

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.services.audit import record
from embeddings.cache import the_cache
from embeddings.constants import JobKind
from embeddings.exceptions import InvalidRequest
from embeddings.exceptions_cache import CacheUnavailable
from embeddings.models import Collection, Job, JobPart
from embeddings.services.embed import check_text, embed_cached
from embeddings.services.engine import get_embedder, model_info
from embeddings.services.frequent_queries import most_frequent
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import enqueue, make_job
from embeddings.services.usage import record_usage
from embeddings.types.cache import WarmResult
from embeddings.types.embed import InputType

BATCH_TEXTS = 64
"""So many are warmed while their caller waits, and more by a job, so many at a time."""


@dataclass(frozen=True, slots=True)
class Warming:
    """What is to be embedded: ids of owners, each with a text."""

    model: str
    input_type: InputType
    items: Sequence[tuple[int, str]]

    def batches(self, *, after: int = 0) -> Iterator["Warming"]:
        """In pieces, behind the first `after` items."""
        for start in range(after, len(self.items), BATCH_TEXTS):
            yield replace(self, items=self.items[start : start + BATCH_TEXTS])


def of_texts(
    *, owner_id: int, texts: Sequence[str], model: str | None = None, input_type: InputType
) -> Warming:
    """The texts for the owner, by the default model unless another is named. Raises EmptyText,
    InvalidRequest, UnknownModel.
    """
    for index, text in enumerate(texts):
        check_text(text, param=f"texts.{index}")
    info = model_info(model or settings.EMBED.default_model)
    return Warming(info.name, input_type, [(owner_id, text) for text in texts])


def owner_named(username: str) -> int:
    """The id of the user. Raises InvalidRequest."""
    owner = User.objects.filter(username=username, is_active=True).first()
    if owner is None:
        raise InvalidRequest(param="owner", detail="There is no active user of that name.")
    return owner.pk


def of_queries(*, collection: Collection, limit: int) -> Warming:
    """The `limit` most frequent queries of the collection, each for who asks it. Raises
    InvalidRequest where queries are not recorded.
    """
    if settings.EMBED.cache_queries == 0:
        raise InvalidRequest(
            param="collection",
            detail="No queries are recorded here. The operator may set EMBED_CACHE_QUERIES.",
        )
    items = most_frequent(collection=collection, limit=limit)
    return Warming(collection.generation.model, "query", items)


def warm(*, wanted: Warming) -> WarmResult:
    """Embed what is not cached yet. Raises UnknownModel, EngineUnavailable."""
    embedder = get_embedder(wanted.model)
    cached = tokens = 0
    for owner_id, items in groupby(sorted(wanted.items), key=itemgetter(0)):
        result = embed_cached(
            embedder=embedder,
            owner_id=owner_id,
            texts=[text for _, text in items],
            input_type=wanted.input_type,
        )
        record_usage(
            model=result.model, tokens=int(result.tokens.sum()), cached_tokens=result.cached_tokens
        )
        cached += int(result.cached.sum())
        tokens += int(result.tokens.sum())
    return WarmResult(texts=len(wanted.items), cached=cached, tokens=tokens)


def warm_for_all(*, wanted: Warming) -> WarmResult:
    """As `warm`, for every process. Raises CacheUnavailable too: before any work, or after what
    may not have been kept.
    """
    _require_shared()
    result = warm(wanted=wanted)
    _require_shared()
    return result


def start_warming(
    *, owner_id: int, wanted: Warming, collection: Collection | None = None
) -> WarmResult | Job:
    """Warm a few texts at once, and many as a job of the owner's. Without a Redis that answers it
    is always at once, and for this process alone: a worker would keep what it embeds to itself.

    Raises UnknownModel, EngineUnavailable.
    """
    if len(wanted.items) <= BATCH_TEXTS or not _is_shared():
        with transaction.atomic():
            record(
                event="cache.warm",
                object_type="cache",
                object_id=f"model:{wanted.model}",
                collection_id=None if collection is None else collection.pk,
                after={"count": len(wanted.items)},
            )
        return warm(wanted=wanted)
    with transaction.atomic():
        job = make_job(
            owner_id=owner_id,
            kind=JobKind.WARM_CACHE,
            collection=collection,
            params={"model": wanted.model, "input_type": wanted.input_type},
            total=len(wanted.items),
        )
        # Not among the parameters, which stay: parts go when the job ends.
        content = gzip.compress(json.dumps(wanted.items).encode())
        JobPart.objects.create(job=job, ordinal=0, first_line=1, content=content)
        enqueue(job=job)
    return job


def run_warming(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run the job. Raises JobRetry."""
    run_job(job_id=job_id, work=_warm_parts, should_stop=should_stop)


def _warm_parts(run: JobRun) -> None:
    job = run.job
    items = json.loads(gzip.decompress(job.parts.get(ordinal=0).content))
    wanted = Warming(
        job.params["model"], job.params["input_type"], [(owner, text) for owner, text in items]
    )
    done, total = job.done, WarmResult(**job.result)
    for batch in wanted.batches(after=job.done):
        check_run(run=run)
        total = total.plus(warm_for_all(wanted=batch))
        done += len(batch.items)
        record_progress(run=run, done=done, result=asdict(total))


def _require_shared() -> None:
    if not _is_shared():
        raise CacheUnavailable


def _is_shared() -> bool:
    shared = the_cache().shared
    return shared is not None and shared.server() is not None
