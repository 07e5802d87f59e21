"""Running services with options of their own, and what tests ask of them."""

import http.client
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.serve.test_serve import Service, command_of


class Instance(Service):
    """A service with options of its own, on a data folder of this name in one of its own."""

    def __init__(self, *, folder: str = "data", **options: str) -> None:
        super().__init__()
        self.options = options
        self.root, self.data_dir = self.data_dir, self.data_dir / folder
        self.data_dir.mkdir()
        self.log = self.root / "serve.log"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.options}

    @property
    def token(self) -> str:
        found = re.search(r"emb_\w+", self.log.read_text())
        assert found
        return found[0]

    @property
    def socket(self) -> Path:
        return self.data_dir / f"engine-{self.port}.sock"

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], Any]:
        """Status, headers in lower case, and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            kept = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, kept, json.loads(text) if text[:1] == "{" else text
        finally:
            connection.close()

    def embed(self, *texts: str, **fields: Any) -> tuple[int, dict[str, str], Any]:
        return self.call("POST", "/v1/embed", {"input": texts, **fields})

    def child(self, name: str) -> int:
        """The pid of one of the supervised processes."""
        assert self.process
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            command = command_of(child)
            if not command:
                continue
            its = "worker" if "gunicorn" not in command else "web"
            if its == "web" and "unix:" in command and "127.0.0.1" not in command:
                its = "engine"
            if its == name:
                return int(child)
        return 0

    def import_lines(self, collection: str, lines: str) -> str:
        """The id of the job that imports them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/x-ndjson",
        }
        try:
            connection.request("POST", f"/v1/collection/{collection}/import", lines, headers)
            return str(json.loads(connection.getresponse().read())["id"])
        finally:
            connection.close()

    def variables(self, name: str) -> dict[str, str]:
        """The environment of one of the supervised processes."""
        pairs = Path(f"/proc/{self.child(name)}/environ").read_bytes().decode().split("\0")
        return dict(pair.split("=", 1) for pair in pairs if pair)

    def remove(self) -> None:
        if self.process and self.process.poll() is None:
            self.stop()
        for pid in self.postgres():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root)


def run(*, folder: str = "data", **options: str) -> Iterator[Instance]:
    """A started one, stopped and removed in the end."""
    instance = Instance(folder=folder, **options)
    try:
        yield instance.start()  # type: ignore[misc]
    finally:
        instance.remove()


def vectors(answer: Any) -> Any:
    return np.array([row["embedding"] for row in answer["data"]], dtype=np.float32)
