#!/usr/bin/env python3
"""Entry point of every command: makes the environment when there is none, then runs Django."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "embedsite.settings")
    from embedsite.commands import run

    run(sys.argv)


if __name__ == "__main__":
    main()
