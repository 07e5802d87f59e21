"""Sizes the embedded server's settings to the memory, the cores and the shared memory at hand."""

import os
from pathlib import Path

MIB = 1024 * 1024
GIB = 1024 * MIB
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - asked for its size only


def memory_bytes() -> int:
    """Memory that we may use: the machine's, or the container's limit when that is lower."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in CGROUP_LIMITS:
        try:
            sizes.append(int(Path(name).read_text()))
        except (OSError, ValueError):  # no such controller, or "max"
            continue
    return min(sizes)


def core_count() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared_memory_bytes() -> int:
    """Size of /dev/shm, which is 64 MiB in a container by default; 0 without one."""
    try:
        stats = os.statvfs(SHARED_MEMORY)
    except OSError:
        return 0
    return stats.f_frsize * stats.f_blocks


def tuned_settings(*, memory: int, cores: int, shared: int, connections: int) -> dict[str, str]:
    """PostgreSQL settings by name, as text for its configuration file.

    A quarter of the memory for shared buffers is the PostgreSQL manual's advice; the cap leaves
    room for the models. A parallel HNSW build keeps its whole graph in dynamic shared memory of
    `maintenance_work_mem`, and fails when /dev/shm is smaller.
    """
    maintenance = clamp(memory // 8, 64 * MIB, 4 * GIB)
    return {
        "shared_buffers": megabytes(clamp(memory // 4, 32 * MIB, 2 * GIB)),
        "effective_cache_size": megabytes(max(memory // 2, 64 * MIB)),
        "maintenance_work_mem": megabytes(maintenance),
        # Otherwise every autovacuum worker may take maintenance_work_mem.
        "autovacuum_work_mem": megabytes(clamp(memory // 32, 32 * MIB, 256 * MIB)),
        "work_mem": megabytes(clamp(memory // 256, 8 * MIB, 64 * MIB)),
        "dynamic_shared_memory_type": "posix" if shared > maintenance + 64 * MIB else "mmap",
        "max_connections": str(connections),
        # A query locks every partition that it may read, with its indexes, and a backup every
        # table: each collection's, and those of all days of the audit. 7 MB of shared memory.
        "max_locks_per_transaction": "256",
        "max_worker_processes": str(cores + 8),
        "max_parallel_workers": str(max(cores, 2)),
        "max_parallel_maintenance_workers": str(clamp(cores, 2, 8)),
        "max_parallel_workers_per_gather": str(clamp(cores // 2, 1, 4)),
        "max_wal_size": "4GB",
        "wal_compression": "on",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        # Compiling a plan takes longer than our short queries run.
        "jit": "off",
    }


def clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def megabytes(size: int) -> str:
    return f"{size // MIB}MB"
