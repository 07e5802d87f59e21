"""Runs the whole service: database, schema, first user, web and worker, supervised.

What can begin at once does: on two cores the database starts, and the web process is imported and
loads its model, while Django is set up here.
"""

import http
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django
import structlog

from embedsite.addresses import (
    ENGINE_DOOR,
    address,
    engine_socket,
    reachable,
    ready_status,
    require_free_port,
)
from embedsite.config import BASE_DIR
from embedsite.config_live import live_names
from embedsite.config_sources import Loaded, variable
from embedsite.gate import Gate
from embedsite.introduction import Credentials, introduction
from embedsite.postgres import Lease, start_for
from embedsite.supervisor import Child, ServeError, Supervisor

DATABASE_CHECK_S = 2.0
PROBE_S = 0.5
MANAGE = str(BASE_DIR / "manage.py")
TELEMETRY = "PROMETHEUS_MULTIPROC_DIR"
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "python:embedsite.gunicorn_conf"]
APPLICATION = "embedsite.web:load()"
DOOR_THREADS = 4
"""The worker's jobs, and questions that need no model, must not wait for the web's requests."""

MOST_CALLERS = 900
"""gunicorn serves 1,000 connections at most unless it is told otherwise."""

WORKER_WAITS_S = 10.0
"""For a web process that is not ready: on few cores the worker's start would delay it."""

WEB_STOPS_S = 32.0
"""A little more than gunicorn's graceful_timeout."""

ENGINE_STOPS_S = 5.0
"""By then nobody asks it any more."""

log = structlog.stdlib.get_logger("embedsite.serve")


class Service:
    """What one run of the service knows."""

    def __init__(self, loaded: Loaded) -> None:
        self.config = loaded.config
        self.environment = child_environment(loaded)
        self.socket = self.config.engine_socket or engine_socket(self.config)
        self.started = time.monotonic()
        self.gate = Gate()
        *self.engines, self.web, self.worker = self.make_children()
        self.lease: Lease | None = None
        self.credentials: Credentials | None = None
        self.ready = False
        self.next_probe = 0.0
        self.next_database_check = self.started + DATABASE_CHECK_S

    def make_children(self) -> list[Child]:
        """One process holds the models for all others: the web process where there is but one,
        which then need not ask for them; else an engine of its own.
        """
        asking = {**self.environment, variable("engine_socket"): str(self.socket)}
        answering = {**self.environment, ENGINE_DOOR: "1"}
        later = self.started + WORKER_WAITS_S
        worker = Child("worker", [sys.executable, MANAGE, "worker"], asking, due=later)
        if self.config.engine_socket:
            return [self.gunicorn("web", [], asking), worker]
        door = ["--bind", f"unix:{self.socket}"]
        if self.config.workers == 1:
            own = ["--bind", address(self.config.host, self.config.port)]
            threads = ["--threads", str(self.config.threads + DOOR_THREADS)]
            web = self.gunicorn("web", [*own, *door, *threads], answering, last_s=WEB_STOPS_S)
            return [web, worker]
        callers = min(self.config.workers * self.config.threads, MOST_CALLERS)
        threads = ["--threads", str(callers + DOOR_THREADS)]
        one = [*door, *threads, "--workers", "1"]
        engine = self.gunicorn("engine", one, answering, last_s=ENGINE_STOPS_S)
        return [engine, self.gunicorn("web", [], asking), worker]

    def gunicorn(
        self, name: str, options: list[str], environment: dict[str, str], *, last_s: float = 0.0
    ) -> Child:
        """One that waits at the gate."""
        return Child(
            name,
            [*GUNICORN, *options, APPLICATION],
            {**environment, **self.gate.environment},
            last_s=last_s,
            inherited=self.gate.descriptors,
        )

    def run(self, *, demo: bool) -> None:
        """Serve until told to stop. Raises ServeError, AddressInUse and ServerError."""
        require_free_port(self.config)
        self.config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        wipe(Path(self.environment[TELEMETRY]))
        supervisor = Supervisor([*self.engines, self.web, self.worker])
        try:
            supervisor.start_due()
            self.prepare(demo=demo)
            if not supervisor.stopping:
                self.gate.open()
            supervisor.run(on_death=self.on_death, every_turn=lambda: self.every_turn(demo=demo))
        finally:
            self.introduce(demo=demo)  # or nobody would ever know the first user's password
            # Who still waits at the gate has no work to finish.
            supervisor.stop(at_once=not self.gate.is_open)
            if self.lease:
                self.lease.release()
            self.remove_socket()
        log.info("stopped")

    def prepare(self, *, demo: bool) -> None:
        """Have the database ready for the others. Raises ServeError and ServerError."""
        with ThreadPoolExecutor(1) as beside:
            starting = None if self.config.database_url else beside.submit(start_for, self.config)
            django.setup()
            if starting:
                self.lease = starting.result()
        from embedsite.preparation import prepare_database  # it names models, which are known now

        self.credentials = prepare_database()
        if demo:
            load_demo(self.environment)

    def remove_socket(self) -> None:
        """gunicorn has removed it, unless it was killed; its folder only we know of."""
        if self.config.engine_socket:
            return
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self.config.data_dir:
            self.socket.parent.rmdir()

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
            self.worker.due = time.monotonic()
            self.announce(demo=demo)
        # An answer, though not the one we want, says that the model is loading: no need to hurry.
        self.next_probe = time.monotonic() + (PROBE_S if status else 0)

    def announce(self, *, demo: bool) -> None:
        self.introduce(demo=demo)
        url = self.url
        say(f"ready: {url}  documentation: {url}/v1/docs  console: {url}/admin/")
        log.info("ready", url=url, took_s=round(time.monotonic() - self.started, 2))

    def introduce(self, *, demo: bool) -> None:
        """Once, where this start has made the first user."""
        if self.credentials:
            say(introduction(self.credentials, url=self.url, demo=demo))
            self.credentials = None

    @property
    def url(self) -> str:
        scheme = "https" if self.config.tls_cert_file else "http"
        return f"{scheme}://{address(reachable(self.config.host), self.config.port)}"


def child_environment(loaded: Loaded) -> dict[str, str]:
    """Our environment, with our flags as variables, as the children get no flags."""
    config = loaded.config
    flags = {
        variable(name): as_variable(getattr(config, name))
        for name, origin in loaded.origins.items()
        if origin == "command line"
    }
    # They are variables in the children, and would no longer be above what is set live.
    locked = [*config.live_locked, *(name for name in live_names() if variable(name) in flags)]
    flags[variable("live_locked")] = ",".join(locked)
    # A folder for each port: two services may share one data folder.
    telemetry = config.data_dir / "telemetry" / str(config.port)
    # Whatever folder we were started in, which stays the children's for relative paths.
    path = os.pathsep.join(filter(None, [str(BASE_DIR), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **flags, TELEMETRY: str(telemetry), "PYTHONPATH": path}


def as_variable(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


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
