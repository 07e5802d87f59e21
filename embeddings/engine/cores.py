"""How many cores this process may use."""

import os
from pathlib import Path

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Cores the scheduler may put this process on, or fewer where a container has a quota."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = CGROUP_QUOTA.read_text().split()
        return max(1, min(cores, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup v2, or "max": no quota
        return cores
