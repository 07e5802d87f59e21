"""What the machine that this process runs on can still give."""

import shutil
from pathlib import Path

from django.conf import settings

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def disk_bytes() -> tuple[int, int]:
    """Size and free room of the disk that the data folder is on."""
    usage = shutil.disk_usage(settings.EMBED.data_dir)
    return usage.total, usage.free


def memory_bytes() -> tuple[int, int] | None:
    """Size of the memory and what of it is available: the machine's, or the container's where that
    is less. None where the system does not say.
    """
    known = [each for each in (_of_machine(), _of_container()) if each is not None]
    return min(known, key=lambda each: each[1], default=None)


def _of_machine() -> tuple[int, int] | None:
    values = _fields(MEMINFO)
    try:
        return values["MemTotal:"] * 1024, values["MemAvailable:"] * 1024
    except KeyError:
        return None


def _of_container() -> tuple[int, int] | None:
    """By version 2 of the kernel's control groups; files that were only read count as available."""
    try:
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
    except (OSError, ValueError):  # no such group, or "max": no limit
        return None
    reclaimable = _fields(CGROUP / "memory.stat").get("inactive_file", 0)
    return limit, max(0, limit - used + reclaimable)


def _fields(path: Path) -> dict[str, int]:
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) > 1 and line[1].isdecimal()}
