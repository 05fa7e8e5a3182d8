"""Quarantine: what was given and is not a record of its source, kept with the reason.

One append-only file of JSON lines, synced before anything is acknowledged.
States are lines too (an item, later a note that it was replayed), so that the
file only ever grows; a line torn by a crash is passed over.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ombud.core.errors import NotFound, Unavailable

RAW_KEPT_MAX = 1 << 20  # Bytes of one original kept; more shows nothing more.
FILE_NAME = "quarantine.ndjson"
MEGABYTE = 1_000_000
PENDING, REPLAYED = "pending", "replayed"
_ID_SIZE = 16  # Characters of the digest that name an item.


@dataclass(frozen=True, slots=True)
class QuarantineItem:
    """One original that is not an event.

    `size` is that of the whole original, of which `raw` holds the head; `sha256`
    is that of the bytes that were given.  `index` is that of the event it became.
    """

    id: str
    source: str
    file: str
    line: int
    reason: str
    time_ms: int
    size: int
    sha256: str
    raw: bytes
    state: str = PENDING
    index: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the whole original was kept, so that it can be replayed."""
        return len(self.raw) == self.size

    def to_dict(self) -> dict[str, Any]:
        """Return the item as JSON values, `raw` in base64."""
        return asdict(self) | {"raw": base64.b64encode(self.raw).decode()}


def make_item(
    *, source: str, file: str, line: int, reason: str, time_ms: int, raw: bytes, size: int
) -> QuarantineItem:
    """Return the item of an original; the same original in the same place has the same id."""
    sha256 = hashlib.sha256(raw).hexdigest()
    named = hashlib.sha256(f"{source}\0{file}\0{line}\0{size}\0{sha256}".encode("utf-8", "replace"))
    return QuarantineItem(
        named.hexdigest()[:_ID_SIZE],
        source,
        file,
        line,
        reason,
        time_ms,
        size,
        sha256,
        raw[:RAW_KEPT_MAX],
    )


class Quarantine:
    """The quarantine of one home."""

    def __init__(self, folder: Path, *, mb_max: int = 0) -> None:
        """With `mb_max`, input whose quarantine would exceed so many megabytes is refused."""
        self._path = folder / FILE_NAME
        self._size_max = mb_max * MEGABYTE
        self._ids: set[str] = set()
        self._waiting: list[bytes] = []
        self._read_to = 0
        self._lock = threading.Lock()

    def add(self, item: QuarantineItem) -> bool:
        """Take one item to be written by `sync`; say whether it is new.

        Raises `Unavailable` beyond the bound: input whose faults cannot be kept is refused.
        """
        with self._lock:
            self._learn()
            if item.id in self._ids:
                return False
            line = _line(item.to_dict())
            self._check_bound(line)
            self._ids.add(item.id)
            self._waiting.append(line)
            return True

    def mark_replayed(self, item_id: str, index: int | None) -> None:
        """Note that an item became the event of that index; None when it was one already."""
        with self._lock:
            self._waiting.append(_line({"id": item_id, "state": REPLAYED, "index": index}))

    def sync(self) -> None:
        """Write and sync what was taken; only then may it be acknowledged.

        Raises `Unavailable` when there is no room; nothing that waits is forgotten.
        """
        with self._lock:
            if self._waiting:
                try:
                    self._write()
                except OSError as error:
                    raise Unavailable(f"cannot write `{self._path}`: {error.strerror}") from error

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # Another process may quarantine, too.
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            data = b"\n" * torn + b"".join(self._waiting)
            try:
                _write_all(descriptor, data)
            except OSError:
                os.ftruncate(descriptor, size)  # Else what is written again stands twice.
                raise
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._waiting.clear()

    def _check_bound(self, line: bytes) -> None:
        """Raise `Unavailable` for an item that would make the quarantine too large."""
        size = self._read_to + sum(map(len, self._waiting)) + len(line)
        if self._size_max and size > self._size_max:
            raise Unavailable(
                f"quarantine `{self._path}` is full: `quarantine.max_mb` is"
                f" {self._size_max // MEGABYTE}, and this input has a fault that must be kept",
                retry_seconds=60.0,
                hint="`ombud quarantine list` says what does not fit its source, and why",
            )

    def _learn(self) -> None:
        """Take note of items that are in the file and not known yet."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return
        if size <= self._read_to:
            return
        for row in self._rows(self._read_to):
            self._ids.add(row["id"])
        self._read_to = size

    def _rows(self, start: int = 0) -> Iterator[dict[str, Any]]:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(start)
            for line in file:
                try:
                    row = json.loads(line)
                except ValueError:
                    continue  # Torn by a crash, so never acknowledged.
                if isinstance(row, dict) and isinstance(row.get("id"), str):
                    yield row

    def items(self) -> Iterator[QuarantineItem]:
        """Yield all items in the order they came, each in its present state."""
        states = {row["id"]: row for row in self._rows() if "raw" not in row}
        for row in self._rows():
            if "raw" in row:
                item = QuarantineItem(**(row | {"raw": base64.b64decode(row["raw"])}))
                note = states.get(item.id)
                yield (
                    item
                    if note is None
                    else replace(item, state=note["state"], index=note.get("index"))
                )

    def get(self, item_id: str) -> QuarantineItem:
        """Return the item whose id is or begins with this text.

        Raises `NotFound` when there is none, or more than one.
        """
        found = {item.id: item for item in self.items() if item.id.startswith(item_id)}
        if item_id in found:
            return found[item_id]
        if len(found) != 1:
            count = "no item" if not found else f"{len(found)} items"
            raise NotFound(f"{count} in quarantine with id `{item_id}`")
        return next(iter(found.values()))

    def counts(self) -> dict[str, int]:
        """Return how many items are pending and how many were replayed."""
        counts = {PENDING: 0, REPLAYED: 0}
        for item in self.items():
            counts[item.state] += 1
        return counts


def _line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
