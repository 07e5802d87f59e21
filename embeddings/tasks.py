"""Entry points of the worker: each loads nothing, and calls the service of its kind of job."""

import uuid

from procrastinate import BaseRetryStrategy, JobContext, RetryDecision, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.jobs import Job as QueuedJob

from accounts.services import audit_days
from accounts.services.budgets import forget_old_periods
from accounts.services.credential_upkeep import drop_ended_credentials
from embeddings.constants import JobKind
from embeddings.services import (
    cache_warming,
    document_deletion,
    imports,
    index,
    index_repair,
    keyword_statistics,
    metadata_schema,
    recall,
    series,
    storage_usage,
    vacuum,
    webhooks,
)
from embeddings.services.job_runs import JobRetry

UNRECORDED_RETRY_S = 5
"""After a failure that could not even be recorded, as the database was gone."""

CANARY_CRON = "*/5 * * * *"
"""Looks for collections whose recall is due to be measured, without a job of its own."""


LEDGER_CRON = "7 * * * *"
"""Every hour, as a worker may be down at any given time of the day; the first one counts."""

AUDIT_CRON = "7 * * * *"
"""The days are made a week before they begin, and old ones go within the hour."""


CREDENTIALS_CRON = "37 * * * *"
"""Nobody is let in by what has expired; this is so that it does not pile up."""


SERIES_CRON = "22 * * * *"
"""What is older than a day is shown by quarters of an hour; an hour more of minutes is little."""


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


@app.task(name=JobKind.INDEX_METADATA.value, queue="jobs", pass_context=True, retry=Backoff())
def index_metadata(context: JobContext, *, job_id: str) -> None:
    """Make the indexes of a collection's metadata those that its schema declares."""
    metadata_schema.index_metadata(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.WARM_CACHE.value, queue="jobs", pass_context=True, retry=Backoff())
def warm_cache(context: JobContext, *, job_id: str) -> None:
    """Embed texts before they are asked for."""
    cache_warming.run_warming(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.REFRESH_KEYWORDS.value, queue="jobs", pass_context=True, retry=Backoff())
def refresh_keywords(context: JobContext, *, job_id: str) -> None:
    """Count a collection's words anew."""
    keyword_statistics.run_refresh(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.MEASURE_RECALL.value, queue="jobs", pass_context=True, retry=Backoff())
def measure_recall(context: JobContext, *, job_id: str) -> None:
    """Compare a collection's searches with the exact ones."""
    recall.run_measuring(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.REPAIR_INDEXES.value, queue="jobs", pass_context=True, retry=Backoff())
def repair_indexes(context: JobContext, *, job_id: str) -> None:
    """Put right what crashes and restores have done to indexes."""
    index_repair.run_repair(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.VACUUM.value, queue="jobs", pass_context=True, retry=Backoff())
def vacuum_tables(context: JobContext, *, job_id: str) -> None:
    """Rid a collection's tables of dead rows."""
    vacuum.run_vacuum(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=JobKind.DELETE_DOCUMENTS.value, queue="jobs", pass_context=True, retry=Backoff())
def delete_documents(context: JobContext, *, job_id: str) -> None:
    """Delete what a filter lets through."""
    document_deletion.run_deletion(job_id=uuid.UUID(job_id), should_stop=context.should_abort)


@app.task(name=webhooks.TASK, queue="jobs", retry=RetryStrategy(max_attempts=7, exponential_wait=4))
def send_webhook(*, address: str, body: str) -> None:
    """Tell a webhook; again after 4, 16, 64 seconds and so on, up to 4 hours."""
    webhooks.send(address=address, body=body)


@app.periodic(cron=LEDGER_CRON)
@app.task(name="close_day", queue="jobs", lock="close_day", queueing_lock="close_day")
def close_day(timestamp: int) -> None:  # noqa: ARG001  procrastinate's
    """Put on record what collections weigh today, and forget what limits nothing any more."""
    storage_usage.record_storage()
    forget_old_periods()


@app.periodic(cron=CANARY_CRON)
@app.task(name="recall_canary", queue="jobs", lock="recall_canary", queueing_lock="recall_canary")
def recall_canary(timestamp: int) -> None:  # noqa: ARG001  procrastinate's
    """Measure the collections that are due."""
    recall.measure_due()


@app.periodic(cron=AUDIT_CRON)
@app.task(name="audit_upkeep", queue="jobs", lock="audit_upkeep", queueing_lock="audit_upkeep")
def audit_upkeep(timestamp: int) -> None:  # noqa: ARG001  procrastinate's
    """Make the audit's next days, and drop those that need not be kept any longer."""
    audit_days.keep_audit_days()


@app.periodic(cron=CREDENTIALS_CRON)
@app.task(
    name="credential_upkeep",
    queue="jobs",
    lock="credential_upkeep",
    queueing_lock="credential_upkeep",
)
def credential_upkeep(timestamp: int) -> None:  # noqa: ARG001  procrastinate's
    """Forget credentials that have expired."""
    drop_ended_credentials()


@app.periodic(cron=SERIES_CRON)
@app.task(name="keep_series", queue="jobs", lock="keep_series", queueing_lock="keep_series")
def keep_series(timestamp: int) -> None:  # noqa: ARG001  procrastinate's
    """Make old numbers of the console's charts coarser, and forget the oldest."""
    series.keep_series()
