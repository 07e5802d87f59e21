"""Running services, and what tests do with them and ask of them."""

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
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from embedsite.config import BASE_DIR
from embedsite.postgres_cluster import server_processes

TIMEOUT_S = 240
"""A start takes ten seconds here, and more on a machine that is slow or busy."""

PORTS = range(20_000, 32_000)
"""Below those that the system gives to whoever asks for any, as other tests do all the time."""


def free_port() -> int:
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def command_of(pid: int) -> str:
    """Empty for one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []


class Instance:
    """One port, one data folder of this name in a folder of its own, and the `serve` that runs on
    them with these options.
    """

    def __init__(self, *, folder: str = "data", **options: str) -> None:
        self.options = {"EMBED_DEFAULT_MODEL": "hashing-384", **options}
        self.root = Path(tempfile.mkdtemp(prefix="embed-serve-"))
        self.data_dir = self.root / folder
        self.log = self.root / "serve.log"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if "DJANGO" not in name}
        return {**others, "EMBED_DATA_DIR": self.data_dir.name, **self.options}

    def start(self, *, until: str = "ready: http") -> Self:
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(BASE_DIR / "manage.py"), "serve", "--port", str(self.port)],
                # From any folder, and with a path relative to it.
                cwd=self.root,
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
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    @cached_property
    def token(self) -> str:
        """Of the first user: only the first start tells it."""
        found = re.search(r"API token: +(emb_\w+)", self.log.read_text())
        assert found
        return found[1]

    @property
    def socket(self) -> Path:
        return self.data_dir / f"engine-{self.port}.sock"

    def get(self, path: str, token: str = "") -> int:
        """The status; 0 while nobody answers."""
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

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers in lower case, and the answer. A body of bytes goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        if isinstance(body, dict | list):
            body = json.dumps(body)
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, sent | headers)  # an iterator goes out chunked
            answer = connection.getresponse()
            text = answer.read().decode()
            kept = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, kept, json.loads(text) if text[:1] == "{" else text
        finally:
            connection.close()

    def embed(self, *texts: str, **fields: Any) -> tuple[int, dict[str, str], Any]:
        return self.call("POST", "/v1/embed", {"input": texts, **fields})

    def import_lines(self, collection: str, lines: Any, *, query: str = "", **headers: str) -> str:
        """The id of the job that imports them."""
        path = f"/v1/collection/{collection}/import{query}"
        sent = {"Content-Type": "application/x-ndjson"} | headers
        return str(self.call("POST", path, lines, **sent)[2]["id"])

    def child(self, name: str) -> int:
        """The pid of one of the supervised processes."""
        assert self.process
        for child in children(self.process.pid):
            command = command_of(child)
            if not command:
                continue
            its = "worker" if "gunicorn" not in command else "web"
            if its == "web" and "unix:" in command and "127.0.0.1" not in command:
                its = "engine"
            if its == name:
                return child
        return 0

    def variables(self, name: str) -> dict[str, str]:
        """The environment of one of the supervised processes."""
        pairs = Path(f"/proc/{self.child(name)}/environ").read_bytes().decode().split("\0")
        return dict(pair.split("=", 1) for pair in pairs if pair)

    def postgres(self) -> list[int]:
        return server_processes(self.data_dir / "postgres")

    def stop(self) -> int:
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=TIMEOUT_S)

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop()
        for pid in self.postgres():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root)


@contextmanager
def running(*, until: str = "ready: http", **options: str) -> Iterator[Instance]:
    """A started one, stopped and removed in the end."""
    instance = Instance(**options)
    try:
        yield instance.start(until=until)
    finally:
        instance.remove()


def vectors(answer: Any) -> Any:
    return np.array([row["embedding"] for row in answer["data"]], dtype=np.float32)
