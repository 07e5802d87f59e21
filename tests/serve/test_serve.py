"""`manage.py serve`: first start, sharing, deaths of its processes, and the ways to stop it."""

import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from embedsite.config import BASE_DIR
from embedsite.postgres import answers, socket_folder
from embedsite.postgres_cluster import server_processes

pytestmark = pytest.mark.serve

TIMEOUT_S = 240
"""A start takes ten seconds here, and more on a machine that is slow or busy."""

PORTS = range(20_000, 32_000)
"""Below those that the system gives to whoever asks for any, as other tests do all the time."""

COUNT_USERS = "from accounts.models import User; print('users:', User.objects.count())"
SHOW_AUDIT = (
    "from accounts.models import AuditEntry as A;"
    " print(*A.objects.order_by('id').values_list('event', flat=True))"
)


def free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def command_of(pid: str) -> str:
    """Empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Service:
    """One data folder and port, and the `serve` that runs on them."""

    def __init__(self, *, model: str = "hashing-384") -> None:
        self.model = model
        self.data_dir = Path(tempfile.mkdtemp(prefix="embed-serve-"))
        self.log = self.data_dir / "serve.log"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        mine = {"EMBED_DATA_DIR": self.data_dir.name, "EMBED_DEFAULT_MODEL": self.model}
        others = {name: value for name, value in os.environ.items() if "DJANGO" not in name}
        return {**others, **mine}

    def start(self, *, until: str = "ready: http") -> "Service":
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "serve", "--port", str(self.port)],
                # From any folder, and with a path relative to it.
                cwd=self.data_dir.parent,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait(lambda: until in self.log.read_text())
        return self

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.process is None or self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            cwd=self.data_dir.parent,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def get(self, path: str, token: str = "") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def ready(self) -> bool:
        return self.get("/health/ready") == 200

    def children(self) -> dict[str, int]:
        """The pids of the web and the worker process."""
        assert self.process
        pid = self.process.pid
        found = {}
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if command := command_of(child):
                found["web" if "gunicorn" in command else "worker"] = int(child)
        return found

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=TIMEOUT_S)

    def postgres(self) -> list[int]:
        return server_processes(self.data_dir / "postgres")

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop()
        for pid in self.postgres():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.data_dir)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = Service()
    try:
        yield service.start()
    finally:
        service.end()


def gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_first_start_introduces_the_first_user(service: Service) -> None:
    said = service.log.read_text()
    token = re.search(r"API token: +(emb_\w+)", said)

    assert token
    assert re.search(r"First user: admin, password \S{20,}", said)
    assert f"curl -s http://127.0.0.1:{service.port}/v1/search" in said
    assert service.get("/v1/collection", token[1]) == 200
    assert service.get("/v1/collection") == 401


def test_a_first_start_that_is_stopped_while_the_model_loads_still_tells_the_password() -> None:
    service = Service(model="all-MiniLM-L6-v2")
    try:
        service.start(until="model_converting")
        service.wait(lambda: "live_settings" in service.log.read_text())  # past the gate
        assert service.stop() == 0
        said = service.log.read_text()
    finally:
        service.end()

    assert "ready: http" not in said
    assert len(re.findall(r"First user: admin, password \S{20,}", said)) == 1


def test_first_search_can_be_pasted(service: Service) -> None:
    commands = [line for line in service.log.read_text().splitlines() if line.startswith("  ")]

    done = subprocess.run(
        ["/bin/sh", "-e", "-c", "\n".join(commands)],
        capture_output=True,
        check=True,
        timeout=TIMEOUT_S,
        text=True,
    )

    answers = re.findall(r"\{.*?\}(?=\{|$)", done.stdout, re.DOTALL)
    assert json.loads(answers[-1])["hits"][0]["id"] in {"1", "2"}, done.stdout


def test_commands_beside_it_share_its_database(service: Service) -> None:
    server = min(service.postgres())

    done = service.manage("shell", "--no-imports", "-c", COUNT_USERS)

    assert done.stdout.splitlines()[-1:] == ["users: 1"], done.stderr
    assert min(service.postgres()) == server


def test_refusals_and_the_first_user_are_on_record(service: Service) -> None:
    token = re.search(r"API token: +(emb_\w+)", service.log.read_text())
    assert token
    service.get("/v1/collection/absent", token[1])

    def events() -> list[str]:
        done = service.manage("shell", "--no-imports", "-c", SHOW_AUDIT)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1].split()

    assert events()[:2] == ["user.create", "token.create"]
    service.wait(lambda: "request.deny" in events())  # a thread of the web process writes it
    verified = service.manage("verify_audit", "--json")
    assert json.loads(verified.stdout)["whole"], verified.stderr


def test_demo_is_loaded_once(service: Service) -> None:
    first, second = service.manage("load_demo"), service.manage("load_demo")

    assert re.fullmatch(r"demo: [1-9]\d+ documents\n", first.stdout), first.stderr
    assert second.stdout == first.stdout


def test_taken_port_is_said_before_anything_is_started(service: Service) -> None:
    done = service.manage("serve", "--port", str(service.port))

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{service.port} (Address already in use)" in done.stderr


@pytest.mark.parametrize("name", ["web", "worker"])
def test_killed_process_is_restarted(name: str, service: Service) -> None:
    before = service.children()[name]

    os.kill(before, signal.SIGKILL)

    service.wait(lambda: service.children().get(name, before) != before)
    service.wait(service.ready)


def test_killed_database_is_restarted(service: Service) -> None:
    for pid in service.postgres():
        os.kill(pid, signal.SIGKILL)

    service.wait(lambda: answers(socket_folder(service.data_dir)))
    service.wait(service.ready)


def test_children_end_with_a_killed_parent_and_the_next_start_recovers(service: Service) -> None:
    assert service.process
    children = service.children()
    service.process.kill()
    service.process.wait()
    service.process = None
    service.wait(lambda: all(map(gone, children.values())))

    service.start()

    assert "First user" not in service.log.read_text()
    assert service.ready()


def test_stop_leaves_nothing_running(service: Service) -> None:
    children = service.children()

    status = service.stop()

    assert status == 0
    assert all(map(gone, children.values()))
    assert service.postgres() == []
    assert not (service.data_dir / "postgres/postmaster.pid").exists()
    assert '"event":"stopped"' in service.log.read_text().splitlines()[-1]
    assert "Traceback" not in service.log.read_text()
