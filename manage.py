#!/usr/bin/env python3
"""Entry point of every command: makes the environment when there is none, then runs Django."""

import os
import sys
from pathlib import Path


def main():  # type: () -> None
    # Before any import of ours: an older Python can't even read the rest, nor all annotations here.
    if sys.version_info < (3, 11):  # noqa: UP036 - that is what the message is for
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit("manage.py: Python 3.11 or newer is needed, this is " + found + ".")
    from embedsite import bootstrap

    bootstrap.enter(sys.argv)
    if sys.argv[1:2] == ["test"]:
        sys.exit(run_tests(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "embedsite.settings")
    from embedsite.commands import run

    run(sys.argv)


def run_tests(arguments):  # type: (list[str]) -> int
    """Run pytest, which has settings of its own, so before Django reads any. All tests are shared
    out among the cores; what is asked for by name or option runs as pytest runs it.
    """
    try:
        import pytest
    except ImportError:
        sys.exit("manage.py: pytest is missing; run: pip install -r requirements/test.txt")
    os.chdir(Path(__file__).resolve().parent)
    cores = len(os.sched_getaffinity(0))
    # Each process starts a PostgreSQL, and models, of its own.
    everything = ["--numprocesses", str(min(cores, 4)), "--dist", "worksteal"]
    return pytest.main(arguments or everything)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # before there is a command that says what it leaves undone
        sys.exit(130)
