"""What the benchmarks share: how much memory and CPU this process has taken."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_megabytes() -> float:
    """Return this process's peak memory.

    Linux's `ru_maxrss` begins with that of the process that started this one, so it is asked for the program's own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / 1e6
    peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_rss / (1e6 if sys.platform == "darwin" else 1e3)  # macOS counts bytes


def peak_megabytes_of_children() -> float:
    """Return the peak memory of the biggest process that this one has started and waited for."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def cpu_seconds() -> float:
    """Return the CPU's seconds of this process, and of those that it has started and waited for."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)
