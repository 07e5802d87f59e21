"""Runs the whole service: database, schema, first user, then web and worker, supervised."""

import http
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import structlog
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from embedsite.addresses import address, reachable, ready_status, require_free_port
from embedsite.config import BASE_DIR
from embedsite.config_sources import Loaded, variable
from embedsite.databases import ensure_role_settings
from embedsite.first_user import Credentials, ensure_first_user, introduction
from embedsite.postgres import Lease, start_for
from embedsite.supervisor import Child, Supervisor

DATABASE_CHECK_S = 2.0
PROBE_S = 0.5
MANAGE = str(BASE_DIR / "manage.py")
TELEMETRY = "PROMETHEUS_MULTIPROC_DIR"

log = structlog.stdlib.get_logger("embedsite.serve")


class ServeError(Exception):
    """The service cannot run; the message says why."""


class Service:
    """What one run of the service knows."""

    def __init__(self, loaded: Loaded) -> None:
        self.config = loaded.config
        self.environment = child_environment(loaded)
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "python:embedsite.gunicorn_conf"]
        self.web = Child("web", [*gunicorn, "embedsite.wsgi"], self.environment)
        self.worker = Child("worker", [sys.executable, MANAGE, "worker"], self.environment)
        self.lease: Lease | None = None
        self.credentials: Credentials | None = None
        self.started = time.monotonic()
        self.ready = False
        self.next_probe = 0.0
        self.next_database_check = self.started + DATABASE_CHECK_S

    def run(self, *, demo: bool) -> None:
        """Serve until told to stop. Raises ServeError, AddressInUse and ServerError."""
        require_free_port(self.config)
        supervisor = Supervisor([self.web, self.worker])
        if self.config.database_url is None:
            self.lease = start_for(self.config)
        try:
            self.credentials = prepare_database()
            wipe(Path(self.environment[TELEMETRY]))
            if demo:
                load_demo(self.environment)
            supervisor.run(on_death=self.on_death, every_turn=lambda: self.every_turn(demo=demo))
        finally:
            if self.lease:
                self.lease.release()
        log.info("stopped")

    def on_death(self, child: Child, status: int) -> None:
        if child is self.web and not self.ready:
            raise ServeError(f"the web process ended with status {status}; the log says why")

    def every_turn(self, *, demo: bool) -> None:
        now = time.monotonic()
        if not self.ready and now >= self.next_probe:
            self.probe(demo=demo)
        if self.lease and now >= self.next_database_check:
            self.lease.ensure_running()
            self.next_database_check = now + DATABASE_CHECK_S

    def probe(self, *, demo: bool) -> None:
        status = ready_status(self.config)
        if status == http.HTTPStatus.OK:
            self.ready = True
            self.announce(demo=demo)
        # An answer, though not the one we want, says that the model is loading: no need to hurry.
        self.next_probe = time.monotonic() + (PROBE_S if status else 0)

    def announce(self, *, demo: bool) -> None:
        url = f"http://{address(reachable(self.config.host), self.config.port)}"
        if self.credentials:
            say(introduction(self.credentials, url=url, demo=demo))
        say(f"ready: {url}  documentation: {url}/v1/docs  console: {url}/admin/")
        log.info("ready", url=url, took_s=round(time.monotonic() - self.started, 2))


def child_environment(loaded: Loaded) -> dict[str, str]:
    """Our environment, with our flags as variables, as the children get no flags."""
    config = loaded.config
    flags = {
        variable(name): as_variable(getattr(config, name))
        for name, origin in loaded.origins.items()
        if origin == "command line"
    }
    # A folder for each port: two services may share one data folder.
    telemetry = config.data_dir / "telemetry" / str(config.port)
    # Whatever folder we were started in, which stays the children's for relative paths.
    path = os.pathsep.join(filter(None, [str(BASE_DIR), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **flags, TELEMETRY: str(telemetry), "PYTHONPATH": path}


def as_variable(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def prepare_database() -> Credentials | None:
    """Migrate when there is something to, check the server, make the first user.

    The pool is closed at the end: connections must not be there when the children start.
    Raises ServeError.
    """
    connection = cast("DatabaseWrapper", connections["default"])
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
        ensure_role_settings(connection)
        faults = run_checks(tags=["database"], databases=["default"])
        if faults:
            raise ServeError("\n".join(f"{fault.id}: {fault.msg} {fault.hint}" for fault in faults))
        return ensure_first_user()
    except OperationalError as error:
        raise ServeError(f"the database cannot be used: {error}") from None
    finally:
        connection.close()
        connection.close_pool()


def wipe(folder: Path) -> None:
    """Counters of processes that are no more would be added to ours."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def load_demo(environment: dict[str, str]) -> None:
    """In a process of its own, so that no model stays in this one. Raises ServeError."""
    done = subprocess.run([sys.executable, MANAGE, "load_demo"], env=environment, check=False)
    if done.returncode:
        raise ServeError("the demo collection cannot be loaded; the log says why")


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - for the person at the terminal, never for the log
