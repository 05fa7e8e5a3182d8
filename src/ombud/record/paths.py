"""Paths: where the parts of a home lie.

log/         static and servable: `checkpoint`, `tile/…` (C2SP tlog-tiles)
segments/    sealed Parquet, the content of the events
wal/         the unsealed tail, one file per segment to be
duplicates/  sorted runs of duplicate keys; can be rebuilt
keys/        the signing key
state        the last signed tree head that was let out
version      the format of the home; without it, 1
copy.json    only in a copy, which signs nothing until it is resumed
lock         held by the only writer
tmp/         files on their way to their names; emptied at start
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ombud.core.errors import TamperError

INDEX_DIGITS = 20  # Enough for any u64, so that names sort as their indices do.
WAL_SUFFIX = ".wal"
SEGMENT_SUFFIX = ".parquet"


class SegmentFile(NamedTuple):
    """A sealed segment as its name tells it: the events `[first_index, end)`."""

    path: Path
    first_index: int
    count: int  # type: ignore[assignment]  # The field hides `tuple.count`, which nobody needs.

    @property
    def end(self) -> int:
        """Index after the last event."""
        return self.first_index + self.count


class WalFile(NamedTuple):
    """A write-ahead file as its name tells it; where it ends only its frames know."""

    path: Path
    first_index: int


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one organisation's record."""

    root: Path

    @property
    def log(self) -> Path:
        """Published tiles and tree head."""
        return self.root / "log"

    @property
    def segments(self) -> Path:
        """Sealed segments."""
        return self.root / "segments"

    @property
    def wal(self) -> Path:
        """Write-ahead files."""
        return self.root / "wal"

    @property
    def duplicates(self) -> Path:
        """Sorted runs of duplicate keys."""
        return self.root / "duplicates"

    @property
    def keys(self) -> Path:
        """The signing key."""
        return self.root / "keys"

    @property
    def tmp(self) -> Path:
        """Files that have no name yet."""
        return self.root / "tmp"

    @property
    def state(self) -> Path:
        """The last tree head let out, a signed note."""
        return self.root / "state"

    @property
    def checkpoint(self) -> Path:
        """The published tree head, a signed note under its C2SP name."""
        return self.root / "log" / "checkpoint"

    @property
    def lock(self) -> Path:
        """The lock of the only writer."""
        return self.root / "lock"

    @property
    def recorder_socket(self) -> Path:
        """The socket of the recorder process."""
        return self.root / "recorder.sock"

    def wal_path(self, first_index: int) -> Path:
        """Return the name of the write-ahead file that starts at an index."""
        return self.wal / f"{first_index:0{INDEX_DIGITS}d}{WAL_SUFFIX}"

    def segment_path(self, first_index: int, count: int) -> Path:
        """Return the name of the segment of `[first_index, first_index + count)`."""
        return self.segments / f"{first_index:0{INDEX_DIGITS}d}-{count}{SEGMENT_SUFFIX}"

    def wal_files(self) -> list[WalFile]:
        """Return the write-ahead files in log order; raises `TamperError` on a strange name."""
        files = []
        for path in _listing(self.wal):
            digits = path.name.removesuffix(WAL_SUFFIX)
            if not (len(digits) == INDEX_DIGITS and _is_number(digits)):
                raise TamperError("file does not belong here", origin=str(path))
            files.append(WalFile(path, int(digits)))
        return sorted(files, key=lambda file: file.first_index)

    def segment_files(self) -> list[SegmentFile]:
        """Return the segments in log order; raises `TamperError` on a strange name."""
        files = []
        for path in _listing(self.segments):
            first, _, count = path.name.removesuffix(SEGMENT_SUFFIX).partition("-")
            if not (
                _is_number(first)
                and _is_number(count)
                and path == self.segment_path(int(first), int(count))
            ):
                raise TamperError("file does not belong here", origin=str(path))
            files.append(SegmentFile(path, int(first), int(count)))
        return sorted(files, key=lambda file: file.first_index)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
