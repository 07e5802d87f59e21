"""Runs queued jobs until told to stop, and takes over those of workers that died."""

import asyncio
import signal
import time
from argparse import ArgumentParser
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import psycopg
from asgiref.sync import sync_to_async
from django.core.management.base import BaseCommand
from django.db import connection
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import ConnectorException

from embeddings.services.index_repair import repair_indexes
from embeddings.services.keyword_statistics import start_due_refreshes
from embeddings.services.live_following import start_following
from embeddings.services.series_sampler import start_sampler
from embeddings.services.stalled_jobs import HEARTBEAT_S, STALLED_AFTER_S, retry_stalled_jobs
from embeddings.store.index_warming import prewarm_indexes
from embeddings.store.partitions import drop_orphaned_partitions
from embeddings.telemetry import log

CONCURRENCY = 2
"""An index is built by the database while an import keeps the model busy."""

SWEEP_S = 3.0
TIDY_S = 60.0
"""A table that a long transaction kept from being dropped goes soon after that has ended."""

POLL_S = 2.0
"""A new job announces itself; a retried one is found by polling."""

RECONNECT_S = 2.0
CONNECTIONS = 4


class Command(BaseCommand):
    help = "Run background jobs: imports and index builds. SIGTERM lets the running step finish."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--concurrency",
            type=int,
            default=CONCURRENCY,
            help=f"Jobs at a time (default {CONCURRENCY}).",
        )

    def handle(self, *_: Any, concurrency: int, **__: Any) -> None:
        start_sampler(whole=True)
        start_following()
        asyncio.run(work(concurrency=concurrency))


async def work(*, concurrency: int) -> None:
    """Run jobs until SIGTERM or SIGINT; an outage of the database only interrupts that."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    while not stopping.is_set():
        try:
            await run_worker(stopping, concurrency=concurrency)
        except (psycopg.Error, ConnectorException):
            log.warning("worker_lost_database", retry_in_s=RECONNECT_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), RECONNECT_S)


async def run_worker(stopping: asyncio.Event, *, concurrency: int) -> None:
    """One life of procrastinate's worker, which ends itself when it loses its connection."""
    worker_app = make_app()
    async with worker_app.open_async():
        if stopping.is_set():
            return  # it may have taken a while to connect
        worker = asyncio.create_task(
            worker_app.run_worker_async(
                name="worker",
                concurrency=concurrency,
                install_signal_handlers=False,
                # Jobs are told to stop at once, and do so after their running step.
                shutdown_graceful_timeout=0,
                # Our own rows are the history.
                delete_jobs="always",
                fetch_job_polling_interval=POLL_S,
                update_heartbeat_interval=HEARTBEAT_S,
                stalled_worker_timeout=STALLED_AFTER_S,
            )
        )
        housekeeping = asyncio.create_task(keep_house())
        prewarming = asyncio.create_task(sync_to_async(prewarm, thread_sensitive=False)())
        stop = asyncio.create_task(stopping.wait())
        log.info("worker_started", concurrency=concurrency)
        await asyncio.wait({worker, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in (housekeeping, prewarming, stop, worker):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await worker
    log.info("worker_stopped")


def make_app() -> App:
    """The app with connections of its own, one of which listens: Django's can do neither.

    The tasks stay bound to Django's app, so that a job which starts another does so in its own
    transaction.
    """
    connector = PsycopgConnector(
        kwargs={**connector_params(), "application_name": "worker"},
        min_size=1,
        max_size=CONNECTIONS,
        name="worker",
    )
    return app.with_connector(connector)


async def keep_house() -> None:
    """Take over what dead workers left and have changed words counted, every few seconds, and tidy
    up, every minute.
    """
    sweep_in_thread = sync_to_async(sweep, thread_sensitive=False)
    tidy_due = time.monotonic()
    while True:
        tidy = time.monotonic() >= tidy_due
        if tidy:
            tidy_due = time.monotonic() + TIDY_S
        await sweep_in_thread(tidy=tidy)
        await asyncio.sleep(SWEEP_S)


def sweep(*, tidy: bool) -> None:
    """One round of housekeeping; a failure is logged, and the next round tries again."""
    try:
        if retried := retry_stalled_jobs():
            log.info("jobs_taken_over", count=retried)
        if due := start_due_refreshes():
            log.info("keyword_refreshes_started", count=due)
        if tidy:
            repair_indexes()
            if dropped := drop_orphaned_partitions():
                log.info("orphans_dropped", count=dropped)
    except Exception:  # noqa: BLE001  the worker's jobs must go on
        log.warning("housekeeping_failed", exc_info=True)
    finally:
        connection.close()


def prewarm() -> None:
    """Let the first searches after a start find the indexes in memory."""
    try:
        started = time.monotonic()
        if prewarmed := prewarm_indexes():
            took_ms = round((time.monotonic() - started) * 1000)
            log.info("indexes_prewarmed", **asdict(prewarmed), took_ms=took_ms)
    except Exception:  # noqa: BLE001  only the first searches are slower
        log.warning("prewarming_failed", exc_info=True)
    finally:
        connection.close()
