"""Cores in a container."""

import os
from pathlib import Path

import pytest

from embeddings.engine import cores


@pytest.mark.parametrize(
    ("content", "expected"),
    [("150000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", 8), (None, 8)],
)
def test_a_containers_quota_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, expected: int
) -> None:
    if content is not None:
        (tmp_path / "cpu.max").write_text(content)
    monkeypatch.setattr(cores, "CGROUP_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))

    assert cores.usable_cores() == expected
