"""Makes the project's environment when Django is not importable, and runs the command in it.

Only the standard library is used, as nothing else is installed yet. A stamp for each group of
requirements holds the hash of its files: a half-done or outdated environment has no matching
stamp and is completed; a finished one costs one comparison.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
# Set for the process that replaces us, so that a broken environment can't loop.
ENTERED = "_EMBEDSITE_ENTERED"
LOCK = ".lock"
# Each group's files, in the order of installation: torch first, so that its build is chosen alone.
GROUPS = {"base": ("torch.txt", "base.txt"), "test": ("torch.txt", "base.txt", "test.txt")}


class BootstrapError(Exception):
    """The environment cannot be made; the message says what to do."""


def enter(argv: Sequence[str], *, root: Path = ROOT) -> None:
    """Return at once where Django is importable; else replace this process by the environment's."""
    if find_spec("django"):
        return
    try:
        replace_process(argv, root)
    except BootstrapError as error:
        print(f"manage.py: {error}", file=sys.stderr)  # noqa: T201 - logging is not set up yet
        sys.exit(1)


def replace_process(argv: Sequence[str], root: Path) -> NoReturn:
    if os.environ.get(ENTERED):
        raise BootstrapError(f"{root / '.venv'} has no Django; delete that folder and try again.")
    group = "test" if list(argv[1:2]) == ["test"] else "base"
    python = ensure_environment(root, group)
    sys.stdout.flush()
    os.execve(python, [str(python), *argv], {**os.environ, ENTERED: "1"})  # noqa: S606 - no shell


def ensure_environment(root: Path, group: str) -> Path:
    """The environment's Python, with the group's requirements installed. Raises BootstrapError."""
    folder = root / ".venv"
    python = folder / "bin" / "python"
    stamp = stamp_of(folder, group)
    expected = requirements_hash(root, group)
    if finished(python, stamp, expected):
        return python
    try:
        folder.mkdir(exist_ok=True)
        with open(folder / LOCK, "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished(python, stamp, expected):  # another process may have finished it
                make(root, folder, python, group)
    except OSError as error:
        raise BootstrapError(f"cannot make {folder}: {error}") from None
    return python


def stamp_of(folder: Path, group: str) -> Path:
    return folder / f".installed-{group}"


def finished(python: Path, stamp: Path, expected: str) -> bool:
    # A Python that was upgraded or removed leaves a link to nothing.
    return python.exists() and stamp.is_file() and stamp.read_text() == expected


def requirements_hash(root: Path, group: str) -> str:
    digest = hashlib.sha256()
    for name in (*GROUPS[group], "constraints.txt"):
        digest.update((root / "requirements" / name).read_bytes())
    return digest.hexdigest()


def make(root: Path, folder: Path, python: Path, group: str) -> None:
    """Make or complete the environment. Raises BootstrapError."""
    # The embedded database's account must be able to read its programs, whatever root's umask.
    os.umask(0o022)
    if not python.exists():
        say(f"Making the environment {folder}")
        create(folder)
    for name in GROUPS[group]:
        say(f"Installing requirements/{name} (the first time takes minutes)")
        install(root, python, name)
    for other, files in GROUPS.items():
        if set(files) <= set(GROUPS[group]):
            stamp_of(folder, other).write_text(requirements_hash(root, other))
    say("The environment is ready")


def create(folder: Path) -> None:
    missing = [name for name in ("venv", "ensurepip") if not find_spec(name)]
    if missing:
        raise BootstrapError(
            f"this Python ({sys.executable}) lacks the module {' and '.join(missing)}."
            " On Debian and Ubuntu: apt install python3-venv. Then run the command again."
        )
    for child in folder.iterdir():
        if child.name == LOCK:
            continue
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    if subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False).returncode:
        raise BootstrapError(f"`{sys.executable} -m venv {folder}` failed, as said above.")


def install(root: Path, python: Path, name: str) -> None:
    requirements = root / "requirements"
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    # Python compiles what is really imported at its first use; compiling all of torch takes longer.
    command += ["--no-compile"]
    command += [] if sys.stdout.isatty() else ["--quiet"]
    command += ["-r", str(requirements / name), "-c", str(requirements / "constraints.txt")]
    if subprocess.run(command, check=False).returncode:
        raise BootstrapError(
            f"pip could not install requirements/{name}, as said above. Is there a network?"
            " A mirror is chosen with PIP_INDEX_URL. What is done is kept: run the command again."
        )


def say(message: str) -> None:
    print(f"manage.py: {message} …", flush=True)  # noqa: T201 - logging is not set up yet
