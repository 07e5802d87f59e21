"""No file of the repository holds a secret; the audit of its packages tells holes from silence."""

import json
import re
import runpy
import shutil
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from accounts import token_format
from embedsite.config import BASE_DIR

SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}"),
    "key of AWS": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "token of GitHub": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{50})"),
    "token of GitLab": re.compile(r"\bglpat-[\w-]{20}"),
    "token of Slack": re.compile(r"\bxox[abeoprs]-[\w-]{20}"),
    "token of Hugging Face": re.compile(r"\bhf_[A-Za-z]{34}\b"),
    "key of Google": re.compile(r"\bAIza[\w-]{35}"),
    "key of a model's provider": re.compile(r"\bsk-[A-Za-z0-9-]{32}"),
}
NO_SECRETS = {
    # Of a server that a test starts on this machine.
    "tests/unit/engine/remote/localhost.pem": ["private key"],
}
SAMPLES = {
    "private key": "-----BEGIN PRIVATE " + "KEY-----\nMIIEvQIBADANBgkqhkiG",
    "key of AWS": "AKIA" + "A" * 16,
    "token of GitHub": "ghp_" + "a" * 36,
    "token of GitLab": "glpat-" + "a" * 20,
    "token of Slack": "xoxb-" + "1" * 20,
    "token of Hugging Face": "hf_" + "a" * 34,
    "key of Google": "AIza" + "a" * 35,
    "key of a model's provider": "sk-" + "a" * 32,
    "API token": token_format.spell(key="A" * 12, secret="B" * 40),
}


def secrets_in(text: str) -> Iterator[str]:
    yield from (kind for kind, pattern in SECRETS.items() if pattern.search(text))
    if any(token_format.parse(found[0]) for found in token_format.TOKEN_PATTERN.finditer(text)):
        yield "API token"


@pytest.mark.parametrize("kind", SAMPLES)
def test_it_works(kind: str) -> None:
    assert list(secrets_in(f"key = '{SAMPLES[kind]}'")) == [kind]


def test_no_file_holds_a_secret() -> None:
    git = shutil.which("git")
    if git is None or not (BASE_DIR / ".git").exists():
        pytest.skip("not a clone of the repository")
    # Who runs the tests need not be who owns the clone.
    command = [git, "-c", "safe.directory=*"]
    command += ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if (BASE_DIR / name).is_file()]

    found = {
        name: kinds
        for name in names
        if (kinds := list(secrets_in((BASE_DIR / name).read_text(errors="replace"))))
    }

    assert len(names) > 100
    assert found == NO_SECRETS


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        ("", 0, "skipped: no route"),
        (
            json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found"}]}),
            0,
            "skipped: the index knows advisories of 0 of 1 packages",
        ),
        (
            json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}),
            0,
            "1 packages audited, 0 holes",
        ),
        (
            json.dumps(
                {
                    "dependencies": [
                        {
                            "name": "a",
                            "version": "1",
                            "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}],
                        }
                    ]
                }
            ),
            1,
            "a 1: PYSEC-1, fixed in 2",
        ),
    ],
    ids=["offline", "unknown", "clean", "hole"],
)
def test_the_audit_of_packages(
    answer: str,
    expected: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = SimpleNamespace(stdout=answer, stderr="trace\nno route\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    audit: dict[str, Any] = runpy.run_path(str(BASE_DIR / ".ci" / "audit.py"))

    assert audit["main"]() == expected
    assert said in capsys.readouterr().out
