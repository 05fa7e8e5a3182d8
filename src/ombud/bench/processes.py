"""Processes: a home's recorder, sealer and index as processes of their own, and their cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from ombud.app.children import Child
from ombud.bench.meter import cpu_seconds, pss_bytes
from ombud.core.errors import Unavailable
from ombud.record.client import RecorderClient
from ombud.record.paths import Home

RECORDER = "ombud.record.process"
SEALER = "ombud.record.sealer"
FOLLOWER = "ombud.bench.follower"
READY_SECONDS = 60.0
SETTLE_SECONDS = 600.0
_POLL_SECONDS = 0.05
# A process that uses less than this much CPU in this time has nothing to do.
_IDLE_CPU_SECONDS, _IDLE_WALL_SECONDS = 0.025, 0.5


class RunningHome:
    """A home with its processes, started in order and stopped in the opposite one."""

    def __init__(self, root: Path, *, sealer: bool = False, follower: bool = False) -> None:
        self.root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._wanted = [RECORDER, *([SEALER] if sealer else []), *([FOLLOWER] if follower else [])]
        self._children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        """Start the processes; returns when the recorder answers."""
        self.client = RecorderClient(Home(self.root).recorder_socket)
        try:
            for module in self._wanted:
                child = self._children[module] = Child(module, self.root)
                if module == RECORDER:
                    child.wait_until(self.client.ping, seconds=READY_SECONDS)
            self._settle()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them."""
        self._stop()

    def _settle(self) -> None:
        """Return when all have started up: what starting costs is not what an event costs."""
        deadline = time.monotonic() + READY_SECONDS
        used = -1.0
        while time.monotonic() < deadline:
            now = sum(cpu_seconds(pid) for pid in self.pids.values())
            if now - used < _IDLE_CPU_SECONDS:
                return
            used = now
            time.sleep(_IDLE_WALL_SECONDS)
        raise Unavailable("the processes of the home did not come to rest")

    def _stop(self) -> None:
        self.client.close()
        for child in reversed(self._children.values()):
            child.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The processes by the last part of their module's name."""
        return {
            module.rpartition(".")[2].replace("process", "recorder"): child.process.pid
            for module, child in self._children.items()
        }

    def pss_bytes(self) -> dict[str, int]:
        """Return the memory of each process."""
        return {name: pss_bytes(pid) for name, pid in self.pids.items()}

    def wait_for_index(self, size: int) -> None:
        """Return when the follower has applied everything below `size`."""
        path = followed_path(self.root)
        deadline = time.monotonic() + SETTLE_SECONDS
        while _read_number(path) < size:
            if time.monotonic() > deadline:
                raise Unavailable(f"the index did not reach {size} events")
            time.sleep(_POLL_SECONDS)

    def wait_for_seal(self, *, left: int = 1) -> None:
        """Return when every write-ahead file but the `left` youngest is sealed."""
        home = Home(self.root)
        deadline = time.monotonic() + SETTLE_SECONDS
        while len(home.wal_files()) > left:
            if time.monotonic() > deadline:
                raise Unavailable("the sealer did not come to rest")
            time.sleep(_POLL_SECONDS)


def followed_path(root: Path) -> Path:
    """Return the file in which the follower tells how far it has come."""
    return root / "followed"


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text() or 0)
    except FileNotFoundError:
        return 0
