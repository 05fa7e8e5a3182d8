"""Meter: CPU, memory and disk of several processes, as the kernel counts them.

CPU is user plus system time of whole processes.  Memory is the proportional set
size (PSS), so that pages shared by processes of one home count once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
SELF = "this process"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used; 0 for one that is gone (proc(5), `stat`)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    # The name is in parentheses and may hold anything; utime and stime are 14th and 15th.
    values = text.rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / _TICKS


def pss_bytes(pid: int) -> int:
    """Return the proportional set size of a process; 0 for one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def folder_bytes(folder: Path) -> int:
    """Return the bytes on disk of all files of a folder, reserved space not counted."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@dataclass
class Meter:
    """Counts CPU and wall time of this process and of others by name, between start and stop."""

    others: Mapping[str, int] = field(default_factory=dict)
    wall_seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Start counting."""
        self._before = {name: cpu_seconds(pid) for name, pid in self.others.items()}
        self._own = time.process_time()
        self._wall = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        self.wall_seconds = time.perf_counter() - self._wall
        self.cpu = {SELF: time.process_time() - self._own}
        for name, pid in self.others.items():
            self.cpu[name] = cpu_seconds(pid) - self._before[name]

    @property
    def cpu_seconds(self) -> float:
        """CPU of all processes together."""
        return sum(self.cpu.values())


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
