"""Duplicate keys: whether an event was recorded before, by identity and raw digest.

The keys of write-ahead files are in memory, those of sealed segments in sorted
runs on disk.  A key is known only after its event is durable: a key known too
early would make the retry of a lost event a duplicate, and so lose it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ombud.core.batch import RAW_DIGEST_SIZE
from ombud.core.errors import TamperError
from ombud.record import files
from ombud.record.runs import Run, list_runs, write_run

HOT_FILES_MAX = 8  # Some 10 MB each; there are more only when nothing seals.
REFRESH_TRIES = 5  # Merging is rare, so two tries are one more than needed.


@dataclass(slots=True)
class Verdict:
    """Rows of a batch that need care; all others are new.

    `duplicates` were recorded before, or are in the batch already; `conflicts`
    have an identity that is known with other bytes.
    """

    duplicates: list[int] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)


class _Hot:
    """The keys of one write-ahead file: identity to its raw digests, end to end."""

    def __init__(self, first_index: int) -> None:
        self.first_index = first_index
        self.keys: dict[int, bytes] = {}

    def columns(self) -> tuple[bytes, bytes]:
        """Return all keys as columns of identities and raw digests."""
        identities = [
            identity
            for identity, digests in self.keys.items()
            for _ in range(0, len(digests), RAW_DIGEST_SIZE)
        ]
        return np.array(identities, "<u8").tobytes(), b"".join(self.keys.values())


def _split(digests: bytes) -> Iterable[bytes]:
    return (
        digests[start : start + RAW_DIGEST_SIZE]
        for start in range(0, len(digests), RAW_DIGEST_SIZE)
    )


def _judge(rows: list[int], digests: bytes, known: dict[int, set[bytes]]) -> Verdict:
    verdict = Verdict()
    for row, identity in enumerate(rows):
        recorded = known.get(identity)
        if recorded is None:
            continue
        digest = digests[row * RAW_DIGEST_SIZE : (row + 1) * RAW_DIGEST_SIZE]
        if digest in recorded:
            verdict.duplicates.append(row)
            continue
        if recorded:
            verdict.conflicts.append(row)
        recorded.add(digest)
    return verdict


class DuplicateKeys:
    """The keys of every event of the record; owned by the recorder."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self._folder = folder
        self._temporary = temporary
        self._runs: list[Run] = []
        self._hot: list[_Hot] = []

    @property
    def covered(self) -> int:
        """The runs hold the keys of every event below this index."""
        return self._runs[-1].end if self._runs else 0

    def open_runs(self) -> None:
        """Open the runs on disk; those that are damaged, and all after them, are removed."""
        chosen, others = list_runs(self._folder)
        self._runs = []
        for place, file in enumerate(chosen):
            try:
                run = Run(file)
                run.check()
            except (TamperError, ValueError):
                others += chosen[place:]
                break
            self._runs.append(run)
        for file in others:
            files.remove(file.path)

    def refresh(self) -> None:
        """Take over runs that the sealer wrote or merged, and forget what they hold."""
        known = {run.path: run for run in self._runs}
        for _ in range(REFRESH_TRIES):
            chosen, _others = list_runs(self._folder)
            try:
                runs = [known.get(file.path) or Run(file) for file in chosen]
            except FileNotFoundError:
                continue  # Merged between listing and opening.
            if runs and runs[-1].end >= self.covered:
                self._runs = runs
            break
        while len(self._hot) > 1 and self._hot[1].first_index <= self.covered:
            del self._hot[0]

    def start(self, first_index: int) -> None:
        """Start the keys of a new write-ahead file; the oldest go to disk if there are many."""
        self._hot.append(_Hot(first_index))
        if len(self._hot) > HOT_FILES_MAX and self._hot[0].first_index == self.covered:
            with suppress(OSError):  # A full disk: they stay in memory until there is room.
                self._write_oldest(self._hot[1].first_index)

    def _write_oldest(self, end: int) -> None:
        bounds = (self._hot[0].first_index, end)
        write_run(self._folder, self._temporary, bounds, *self._hot[0].columns())
        self.refresh()

    def seal(self, first_index: int, end: int) -> None:
        """Let go of the keys of a sealed write-ahead file, which a run holds from now on."""
        self.refresh()
        if self._hot and self._hot[0].first_index == first_index == self.covered:
            self._write_oldest(end)

    def check(self, identities: bytes, digests: bytes) -> Verdict:
        """Return which rows of a batch are not simply new."""
        keys = np.frombuffer(identities, "<u8")
        rows: list[int] = keys.tolist()
        distinct = set(rows)
        known: dict[int, set[bytes]] = {}
        if len(distinct) != len(rows):
            counts = Counter(rows)
            known = {identity: set() for identity in distinct if counts[identity] > 1}
        for hot in self._hot:
            for identity in hot.keys.keys() & distinct:
                known.setdefault(identity, set()).update(_split(hot.keys[identity]))
        for run in self._runs:
            for row, digest in zip(*run.find(keys), strict=True):
                known.setdefault(rows[row], set()).add(digest)
        return _judge(rows, digests, known) if known else Verdict()

    def digests(self, identity: bytes) -> set[bytes]:
        """Return the raw digests recorded under an identity."""
        key = np.frombuffer(identity, "<u8")
        found = {digest for run in self._runs for digest in run.find(key)[1]}
        for hot in self._hot:
            found.update(_split(hot.keys.get(int(key[0]), b"")))
        return found

    def add(self, identities: bytes, digests: bytes, *, repeated: bool = True) -> None:
        """Remember the keys of durable events.

        Without `repeated`, no identity of theirs is known from this file yet.
        """
        keys = np.frombuffer(identities, "<u8").tolist()
        values = np.frombuffer(digests, f"V{RAW_DIGEST_SIZE}").tolist()
        hot = self._hot[-1].keys
        if not repeated:
            hot.update(zip(keys, values, strict=True))
            return
        for key, value in zip(keys, values, strict=True):
            known = hot.get(key, b"")
            if value not in _split(known):
                hot[key] = known + value
