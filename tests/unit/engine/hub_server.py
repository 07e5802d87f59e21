"""A small Hugging Face hub on this machine: the tree of a revision, and files, large ones by way of
a redirect to another path, as its LFS storage does it.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REVISION = "1" * 40
REPOSITORY = "maker/small"


@dataclass
class Hub:
    """`asked` are the paths that were requested, `broken` files whose download breaks off."""

    url: str
    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def downloads(self) -> set[str]:
        """The files whose content was asked for."""
        marks = (f"GET /{REPOSITORY}/resolve/{REVISION}/", "GET /lfs/")
        return {
            path.removeprefix(mark)
            for path in self.asked
            for mark in marks
            if path.startswith(mark)
        }


@contextmanager
def small_hub(folder: Path, **more: bytes) -> Iterator[Hub]:
    """A hub with one repository, of the folder's files and of `more`, until the block ends."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    hub = Hub("", files | more)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append(f"{self.command} {path}")
        tree, files = f"/api/models/{REPOSITORY}/tree/", f"/{REPOSITORY}/resolve/"
        if path.startswith(tree):
            self.send_tree(path.removeprefix(tree))
        elif path.startswith(files):
            revision, _, name = path.removeprefix(files).partition("/")
            self.send_file(revision, name)
        elif path.startswith("/lfs/"):
            self.send(200, self.hub.files[path.removeprefix("/lfs/")])
        else:
            self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def send_tree(self, revision: str) -> None:
        if revision != REVISION:
            self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        entries = [self.entry(name, content) for name, content in self.hub.files.items()]
        self.send(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})

    def entry(self, name: str, content: bytes) -> dict[str, Any]:
        made = {"type": "file", "path": name, "size": len(content), "oid": git_oid(content)}
        if name.endswith(".safetensors"):
            made["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
        return made

    def send_file(self, revision: str, name: str) -> None:
        content = self.hub.files.get(name)
        if revision != REVISION or content is None:
            self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        headers = {"X-Repo-Commit": REVISION, "ETag": f'"{git_oid(content)}"'}
        if not name.endswith(".safetensors"):
            self.send(200, content, headers, cut=name in self.hub.broken)
            return
        linked = {
            "X-Linked-ETag": f'"{sha256(content)}"',
            "X-Linked-Size": str(len(content)),
            # Another host, as theirs: the client follows redirects within one by itself.
            "Location": f"{self.hub.url.replace('127.0.0.1', 'localhost')}/lfs/{name}",
        }
        self.send(302, b"", headers | linked)

    def send(
        self, status: int, body: bytes, headers: Mapping[str, str] = {}, *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Quiet."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324 - git's
