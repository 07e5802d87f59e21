"""The shape of the code: short files, no drawers for everything, a sentence on every module."""

import ast
from pathlib import Path

import pytest

from embedsite.config import BASE_DIR

MAX_LINES = 300
# "utils" and the like say nothing about what is inside.
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "base_utils"}
MIGRATIONS = "migrations"
"""Django writes them."""

FILES = [BASE_DIR / "manage.py"] + [
    path
    for package in ("accounts", "embeddings", "embedsite", "tests")
    for path in sorted((BASE_DIR / package).rglob("*.py"))
]


def name_of(path: Path) -> str:
    return str(path.relative_to(BASE_DIR))


def test_it_sees_the_code() -> None:
    assert {"manage.py", "embeddings/services/search.py"} <= {name_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_is_short_well_named_and_says_what_it_is_for(path: Path) -> None:
    source = path.read_text("utf-8")

    assert not BANNED.intersection((*path.relative_to(BASE_DIR).parts[:-1], path.stem))
    if source and MIGRATIONS not in path.parts:
        assert len(source.splitlines()) < MAX_LINES
        assert ast.get_docstring(ast.parse(source)), "no docstring"
