"""Entry points of the worker: each loads nothing, and calls the service of its kind of job."""

import uuid

from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job as QueuedJob

from embeddings.constants import JobKind
from embeddings.services import cache_warming, imports, index
from embeddings.services.job_runs import JobRetry

UNRECORDED_RETRY_S = 5
"""After a failure that could not even be recorded, as the database was gone."""


class Backoff(BaseRetryStrategy):
    """Tries again when the service says; how often is for the service to count."""

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision:  # noqa: ARG002  the interface is procrastinate's
        """The time of the next attempt."""
        delay = exception.delay if isinstance(exception, JobRetry) else UNRECORDED_RETRY_S
        return RetryDecision(retry_in={"milliseconds": int(delay * 1000)})


@app.task(name=JobKind.IMPORT.value, queue="jobs", pass_context=True, retry=Backoff())
def import_documents(context: JobContext, *, job_id: str) -> None:
    """Add the lines of an upload to a collection."""
    imports.run_import(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.BUILD_INDEX.value, queue="jobs", pass_context=True, retry=Backoff())
def build_index(context: JobContext, *, job_id: str) -> None:
    """Build the HNSW index of a generation."""
    index.build_index(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.REINDEX.value, queue="jobs", pass_context=True, retry=Backoff())
def reindex(context: JobContext, *, job_id: str) -> None:
    """Build the HNSW index of a generation anew."""
    index.build_index(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.WARM_CACHE.value, queue="jobs", pass_context=True, retry=Backoff())
def warm_cache(context: JobContext, *, job_id: str) -> None:
    """Embed texts before they are asked for."""
    cache_warming.run_warming(job_id=uuid.UUID(job_id), should_stop=context.should_abort)
