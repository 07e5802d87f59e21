"""The embedded server is shared, stopped by its last user, and recovers from `kill -9`."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from embedsite.config import BASE_DIR
from embedsite.postgres import DATABASE, PORT, ROLE, answers, socket_folder, start
from embedsite.postgres_account import SYSTEM_USER, Account, ServerError, server_account
from embedsite.postgres_cluster import Cluster, server_processes
from embedsite.postgres_tuning import GIB, MIB, tuned_settings

USE = """
import sys
from pathlib import Path
from embedsite.postgres import start
start(data_dir=Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One cluster for all these tests; making one takes seconds."""
    folder = Path(tempfile.mkdtemp(prefix="embed-pg-"))
    yield folder
    for pid in server_processes(folder / "postgres"):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder)


class User:
    """Another process that uses the server until it is told to leave."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(data_dir)],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> "User":
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"
        return self

    def leave(self) -> None:
        self.process.communicate(timeout=180)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=180)


def connect(data_dir: Path) -> psycopg.Connection:
    return psycopg.connect(
        host=str(socket_folder(data_dir)), port=PORT, user=ROLE, dbname=DATABASE, autocommit=True
    )


def running(data_dir: Path) -> bool:
    return answers(socket_folder(data_dir))


def kill_server(data_dir: Path) -> None:
    for pid in server_processes(data_dir / "postgres"):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while server_processes(data_dir / "postgres") and time.monotonic() < deadline:
        time.sleep(0.02)


def test_processes_that_start_together_share_one_server(data_dir: Path) -> None:
    users = [User(data_dir), User(data_dir)]
    first, second = [user.wait_ready() for user in users]

    first.leave()
    assert running(data_dir)
    second.leave()
    assert not running(data_dir)
    assert not (data_dir / "postgres/postmaster.pid").exists()


def test_server_is_private_and_has_what_the_service_needs(data_dir: Path) -> None:
    user = User(data_dir).wait_ready()
    with connect(data_dir) as connection:

        def ask(query: str) -> object:
            row = connection.execute(query).fetchone()
            return row and row[0]

        assert ask("SHOW listen_addresses") == ""
        assert ask("SHOW hnsw.iterative_scan") == "strict_order"
        assert ask("SHOW server_encoding") == "UTF8"
        assert ask("SELECT 'É' ILIKE 'é'") is True
        assert ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        connection.execute("CREATE DATABASE other")
        assert ask("SELECT '[1,2]'::vector <-> '[1,2]'::vector") == 0.0
    user.leave()
    folder = data_dir / "postgres"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == server_account().uid


def test_killed_server_is_recovered_with_its_data(data_dir: Path) -> None:
    user = User(data_dir).wait_ready()
    with connect(data_dir) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    user.kill()
    kill_server(data_dir)
    assert (socket_folder(data_dir) / ".s.PGSQL.5432").exists()

    # The process number that the kill left is soon in use again, by somebody of the same account.
    stranger = subprocess.Popen(["/bin/sleep", "60"], cwd="/", **server_account().process_options())
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        mark = data_dir / "postgres" / name
        mark.write_text("\n".join([str(stranger.pid), *mark.read_text().splitlines()[1:]]) + "\n")
    user = User(data_dir).wait_ready()
    stranger.kill()
    stranger.wait()

    with connect(data_dir) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)
        connection.execute("DROP TABLE kept")
    user.leave()
    assert not running(data_dir)


def test_server_that_outlived_its_users_is_taken_over(data_dir: Path) -> None:
    user = User(data_dir).wait_ready()
    before = (data_dir / "postgres/postmaster.pid").read_text().split()[0]
    user.kill()
    assert running(data_dir)

    user = User(data_dir).wait_ready()
    assert (data_dir / "postgres/postmaster.pid").read_text().split()[0] == before
    user.leave()
    assert not running(data_dir)


def test_forked_child_does_not_stop_its_parents_server(data_dir: Path) -> None:
    lease = start(data_dir=data_dir)
    child = os.fork()
    if child == 0:
        lease.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert running(data_dir)
    other = User(data_dir).wait_ready()
    other.leave()
    assert running(data_dir), "the child let go of its parent's share"
    lease.release()
    assert not running(data_dir)


def test_failure_to_start_shows_the_log(data_dir: Path) -> None:
    extra = data_dir / "postgres/postgresql.auto.conf"
    kept = extra.read_text()
    extra.write_text(kept + "shared_buffers = 'nonsense'\n")
    try:
        with pytest.raises(ServerError, match="nonsense"):
            start(data_dir=data_dir)
    finally:
        extra.write_text(kept)


def test_long_path_has_its_socket_in_a_short_private_folder(tmp_path: Path) -> None:
    sockets = socket_folder(tmp_path / ("x" * 100))
    odd = socket_folder(tmp_path / "a,b")

    assert len(str(sockets)) < 60
    assert odd != sockets
    assert socket_folder(Path("/srv/embed")) == Path("/srv/embed/postgres")


def test_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    sockets = tmp_path / "sockets"
    cluster = Cluster(
        folder=tmp_path / "postgres",
        sockets=sockets,
        account=Account(os.geteuid(), os.getegid(), switch=False),
        connections=10,
        durable=False,
    )
    cluster.ensure_sockets_folder()
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    cluster.ensure_sockets_folder()

    sockets.chmod(0o777)
    with pytest.raises(ServerError, match="not a private folder"):
        cluster.ensure_sockets_folder()
    sockets.rmdir()
    sockets.symlink_to(tmp_path)
    with pytest.raises(ServerError, match="not a private folder"):
        cluster.ensure_sockets_folder()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root switches to another account")
def test_root_runs_it_as_an_account_of_its_own_and_opens_no_folder_to_reading() -> None:
    folder = Path(tempfile.mkdtemp(prefix="embed-pg-"))
    account = server_account()
    try:
        account.let_through(folder)

        assert account.switch
        assert account.process_options()["extra_groups"] == []
        assert stat.S_IMODE(folder.stat().st_mode) == 0o701
        assert SYSTEM_USER == "embedded_postgres"
    finally:
        folder.rmdir()


@pytest.mark.parametrize("memory", [256 * MIB, 2 * GIB, 24 * GIB, 512 * GIB])
def test_settings_fit_the_machine(memory: int) -> None:
    settings = tuned_settings(memory=memory, cores=4, shared=64 * MIB, connections=100)

    shared, maintenance = (
        int(settings[name].removesuffix("MB")) * MIB
        for name in ("shared_buffers", "maintenance_work_mem")
    )
    assert shared + maintenance <= memory * 0.6
    assert shared <= 2 * GIB
    # A container's 64 MiB of /dev/shm hold no HNSW graph.
    assert settings["dynamic_shared_memory_type"] == "mmap"


def test_large_shared_memory_is_used() -> None:
    settings = tuned_settings(memory=8 * GIB, cores=4, shared=4 * GIB, connections=100)

    assert settings["dynamic_shared_memory_type"] == "posix"
