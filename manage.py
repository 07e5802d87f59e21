#!/usr/bin/env python3
"""Entry point of every command: makes the environment when there is none, then runs Django."""

import os
import sys


def main() -> None:
    # Before any import of ours: an older Python can't even read the rest.
    if sys.version_info < (3, 11):  # noqa: UP036 - that is what the message is for
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit("manage.py: Python 3.11 or newer is needed, this is " + found + ".")
    from embedsite import bootstrap

    bootstrap.enter(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "embedsite.settings")
    from embedsite.commands import run

    run(sys.argv)


if __name__ == "__main__":
    main()
