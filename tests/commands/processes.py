"""The project's commands as processes beside the test, on the test's database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.store.partitions import documents_table
from embedsite.config import BASE_DIR

TIMEOUT_S = 300.0


def environment(**changes: str) -> dict[str, str]:
    """Leads a command to the test's database and folder."""
    place = connection.settings_dict
    query = urlencode({"host": place["HOST"], "port": place["PORT"]})
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "embedsite.settings",
        "DATABASE_URL": f"postgresql://{place['USER']}@/{place['NAME']}?{query}",
        "EMBED_DATA_DIR": str(settings.EMBED.data_dir),
        "EMBED_DEFAULT_MODEL": "hashing-384",
        # An index that is still being built would stand in the way of the next test's clean-up.
        "EMBED_INDEX_THRESHOLD": "1000000",
        **changes,
    }


@contextmanager
def command(*arguments: str, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """`manage.py` with the arguments, in a process group of its own, killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment(**changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        # A test run in the background ignores SIGINT, and its children would inherit that.
        preexec_fn=heed_interrupts,
    )
    try:
        yield process
    finally:
        kill(process)
        _, errors = process.communicate()
        print(errors[-5000:])  # noqa: T201  pytest shows it when the test fails


def heed_interrupts() -> None:
    """Runs in the new process."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def kill(process: subprocess.Popen[str]) -> None:
    """kill -9 of the process and all it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(TIMEOUT_S)


@contextmanager
def held_up(collection: Collection, external_id: str) -> Iterator[psycopg.Connection[Any]]:
    """A session that has stored the document in a transaction which it takes back: whoever comes to
    store it waits until then.
    """
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        parameters.pop(name)
    with closing(psycopg.connect(**parameters)) as session:
        statement = sql.SQL(
            "INSERT INTO {} (id, collection_id, external_id, text, content_hash)"
            " VALUES (%s, %s, %s, 'text', sha256(''))"
        ).format(sql.Identifier(documents_table(collection.pk)))
        pk = document_id(collection_id=collection.pk, external_id=external_id)
        session.execute(statement, [pk, collection.pk, external_id])
        yield session


def is_waited_for(session: psycopg.Connection[Any]) -> bool:
    """Whether another one waits for its transaction's end to write the same row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE %s = ANY (pg_blocking_pids(pid)) AND wait_event = 'transactionid')",
            [session.info.backend_pid],
        )
        return bool(cursor.fetchone()[0])


def wait_for(condition: Callable[[], object]) -> None:
    """Until the condition holds."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
