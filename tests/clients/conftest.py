"""A live server, and a way to run a client's code in the clients' own environment."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from embedsite.config import BASE_DIR
from tests.serve.instances import TIMEOUT_S, Instance, running

PYTHON = BASE_DIR / ".venv-clients" / "bin" / "python"

CL100K_IN_TIKTOKENS_CACHE = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
"""tiktoken names a table by the SHA-1 of the address that it would download it from."""

TABLE = "lib/python*/site-packages/tiktoken_ext/data/cl100k_base.tiktoken"

Run = Callable[..., Any]


@pytest.fixture(scope="session")
def service() -> Iterator[Instance]:
    """A server with a hashing model, so that it starts in seconds."""
    if not PYTHON.exists():
        pytest.skip("no .venv-clients: .ci/run makes it of requirements/clients.txt")
    with running() as service:
        yield service


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiktoken's cache, with the table that LangChain would have it download."""
    folder = tmp_path_factory.mktemp("tiktoken")
    [table] = PYTHON.parent.parent.glob(TABLE)
    shutil.copyfile(table, folder / CL100K_IN_TIKTOKENS_CACHE)
    return folder


@pytest.fixture
def run(service: Instance, tables: Path, tmp_path: Path) -> Run:
    """Runs Python code in the clients' environment: URL, TOKEN and MODEL are set, and what it puts
    in `result` comes back.
    """

    def run_client(code: str, **environment: str) -> Any:
        names = {
            "URL": f"http://127.0.0.1:{service.port}",
            "TOKEN": service.token,
            "MODEL": "hashing-384",
        }
        lines = [f"{name} = {value!r}" for name, value in names.items()]
        script = tmp_path / "client.py"
        script.write_text(
            "\n".join([*lines, dedent(code), "import json; print(json.dumps(result))"])
        )
        done = subprocess.run(
            [str(PYTHON), str(script)],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "TIKTOKEN_CACHE_DIR": str(tables),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run_client
