"""The system account that runs the embedded server: ours, or an ordinary one when we are root."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM_USER = "embedded_postgres"


class ServerError(Exception):
    """The embedded server cannot run; the message says why, and where its log is."""


@dataclass(frozen=True)
class Account:
    """Who owns the cluster; `switch` is false when it is the user that we already are."""

    uid: int
    gid: int
    switch: bool

    def process_options(self) -> dict[str, Any]:
        """Arguments for `subprocess.run` that drop root's rights."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def let_through(self, path: Path) -> None:
        """Let this account walk down to the path. Nobody gets to list or read a folder by it."""
        if not self.switch:
            return
        for folder in (path, *path.parents):
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH and folder.stat().st_uid != self.uid:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def server_account() -> Account:
    """Root may not run PostgreSQL: then an account of its own does, made when it is missing.

    Raises ServerError.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        make_account()
        entry = pwd.getpwnam(SYSTEM_USER)
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


def make_account() -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or error
        raise ServerError(
            f"PostgreSQL does not run as root, and the user {SYSTEM_USER} cannot be made: {said}."
            " Run as an ordinary user, or set DATABASE_URL."
        ) from None
