"""Runs: duplicate keys on disk, sorted by identity, in files that never change.

A file holds the keys of the events `[first_index, end)`: a head, the identities
as sorted u64, the raw digests in the same order, and a bit field that tells
most identities that are absent at the price of one look.  24 bytes an event and
2 for the bits; each part under a CRC-32C.  All of it can be rebuilt.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
import numpy.typing as npt

from ombud.core.batch import IDENTITY_SIZE, RAW_DIGEST_SIZE
from ombud.core.errors import TamperError
from ombud.record import files
from ombud.record.paths import INDEX_DIGITS

RUN_SUFFIX = ".run"
BITS_PER_KEY = 16  # One identity in sixteen that is absent is looked for in vain.
MERGE_KEYS = 250_000  # Keys merged at a time: some 20 MB.
READ_STEP = 1 << 20

_MAGIC = b"OMBUDRUN"
_HEAD = struct.Struct("<8sIQQQIII")  # magic, version, first, end, count, three CRCs
_HEAD_SIZE = 64
_VERSION = 1

Identities = npt.NDArray[np.uint64]


class RunFile(NamedTuple):
    """A run as its name tells it: the keys of the events `[first_index, end)`."""

    path: Path
    first_index: int
    end: int


def run_path(folder: Path, first_index: int, end: int) -> Path:
    """Return the name of the run of a range of events."""
    return folder / f"{first_index:0{INDEX_DIGITS}d}-{end:0{INDEX_DIGITS}d}{RUN_SUFFIX}"


def list_runs(folder: Path) -> tuple[list[RunFile], list[RunFile]]:
    """Return the runs that cover the log from its start without a gap, and the others.

    Of runs that start at one index the longest counts: the shorter were merged.
    """
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        first, _, end = path.name.removesuffix(RUN_SUFFIX).partition("-")
        if first.isdecimal() and end.isdecimal():
            found.append(RunFile(path, int(first), int(end)))
    found.sort(key=lambda run: (run.first_index, -run.end))
    chosen: list[RunFile] = []
    others: list[RunFile] = []
    end_index = 0
    for run in found:
        if run.first_index == end_index and run.end > end_index:
            chosen.append(run)
            end_index = run.end
        else:
            others.append(run)
    return chosen, others


def _bit_count(keys: int) -> int:
    # The position of a bit comes from 32 bits of the identity.
    return min(max(keys * BITS_PER_KEY, 64), (1 << 32) - 1)


def _positions(identities: Identities, bit_count: int) -> npt.NDArray[np.uint64]:
    return (identities >> np.uint64(32)) * np.uint64(bit_count) >> np.uint64(32)


def _set_bits(bits: npt.NDArray[np.uint8], identities: Identities, bit_count: int) -> None:
    positions = _positions(identities, bit_count)
    masks = np.left_shift(np.uint8(1), (positions & np.uint64(7)).astype(np.uint8))
    np.bitwise_or.at(bits, (positions >> np.uint64(3)).astype(np.int64), masks)


class Run:
    """An open run; its file may be removed while it is open."""

    def __init__(self, file: RunFile) -> None:
        """Map the file; raises `TamperError` when its head does not fit it."""
        self.first_index, self.end, self.path = file.first_index, file.end, file.path
        with file.path.open("rb") as opened:
            head = opened.read(_HEAD_SIZE)
            size = os.fstat(opened.fileno()).st_size
            if len(head) < _HEAD_SIZE:
                raise TamperError("run is shorter than its head", origin=str(file.path))
            magic, version, first, end, self.count, *self._crcs = _HEAD.unpack_from(head)
            self._bit_count = _bit_count(self.count)
            sizes = (self.count * IDENTITY_SIZE, self.count * RAW_DIGEST_SIZE)
            self._parts = (*sizes, self._bit_count // 8 + 1)
            if (magic, version, first, end) != (_MAGIC, _VERSION, file.first_index, file.end) or (
                size != _HEAD_SIZE + sum(self._parts)
            ):
                raise TamperError("run does not fit its head", origin=str(file.path))
            self._map = mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ)
        self.identities: Identities = np.frombuffer(self._map, "<u8", self.count, _HEAD_SIZE)
        self._digests_start = _HEAD_SIZE + sizes[0]
        start = self._digests_start + sizes[1]
        self._bits = np.frombuffer(self._map, np.uint8, self._parts[2], start)

    def check(self) -> None:
        """Compare the checksums; raises `TamperError`."""
        with self.path.open("rb") as opened:
            opened.seek(_HEAD_SIZE)
            for size, expected in zip(self._parts, self._crcs, strict=True):
                crc, left = 0, size
                while left and (chunk := opened.read(min(left, READ_STEP))):
                    crc = google_crc32c.extend(crc, chunk)
                    left -= len(chunk)
                if left or crc != expected:
                    raise TamperError("run does not match its checksum", origin=str(self.path))

    def find(self, identities: Identities) -> tuple[list[int], list[bytes]]:
        """Return the rows whose identity is in the run, each with a raw digest of it.

        A row whose identity is there under several digests is returned for each.
        """
        positions = _positions(identities, self._bit_count)
        looked = self._bits[positions >> np.uint64(3)]
        hits = np.flatnonzero(looked >> (positions & np.uint64(7)).astype(np.uint8) & np.uint8(1))
        rows: list[int] = []
        digests: list[bytes] = []
        places = np.searchsorted(self.identities, identities[hits])
        while len(hits):
            inside = places < self.count
            hits, places = hits[inside], places[inside]
            equal = self.identities[places] == identities[hits]
            hits, places = hits[equal], places[equal]
            rows += hits.tolist()
            digests += map(self._digest, places.tolist())
            places = places + 1  # The next may have the same identity.
        return rows, digests

    def _digest(self, row: int) -> bytes:
        start = self._digests_start + row * RAW_DIGEST_SIZE
        return self._map[start : start + RAW_DIGEST_SIZE]

    def slice(self, first: int, last: int) -> tuple[Identities, npt.NDArray[Any]]:
        """Return identities and digests of some rows, copied."""
        start = self._digests_start + first * RAW_DIGEST_SIZE
        data = self._map[start : start + (last - first) * RAW_DIGEST_SIZE]
        return self.identities[first:last].copy(), np.frombuffer(data, f"V{RAW_DIGEST_SIZE}")


_Chunk = tuple[Identities, npt.NDArray[Any]]


def _sorted(identities: Identities, digests: npt.NDArray[Any]) -> _Chunk:
    order = np.argsort(identities, kind="stable")
    return identities[order], digests[order]


def _write(
    chunks: Iterator[_Chunk], path: Path, temporary: Path, bounds: tuple[int, int], count: int
) -> None:
    """Write a run of `count` keys that come in sorted chunks."""
    bit_count = _bit_count(count)
    bits = np.zeros(bit_count // 8 + 1, np.uint8)
    crcs = [0, 0]
    ends = [_HEAD_SIZE, _HEAD_SIZE + count * IDENTITY_SIZE]
    with temporary.open("wb") as file:
        for identities, digests in chunks:
            _set_bits(bits, identities, bit_count)
            for part, data in enumerate((identities.tobytes(), digests.tobytes())):
                file.seek(ends[part])
                file.write(data)
                ends[part] += len(data)
                crcs[part] = google_crc32c.extend(crcs[part], data)
        field = bits.tobytes()
        file.seek(ends[1])
        file.write(field)
        head = _HEAD.pack(_MAGIC, _VERSION, *bounds, count, *crcs, google_crc32c.value(field))
        file.seek(0)
        file.write(head.ljust(_HEAD_SIZE, b"\0"))
    files.sync_path(temporary)
    files.replace(temporary, path)
    files.sync_path(path.parent)


def write_run(
    folder: Path, temporary: Path, bounds: tuple[int, int], identities: bytes, digests: bytes
) -> RunFile:
    """Write the keys of the events `[first, end)` = `bounds`, given in any order."""
    keys = np.frombuffer(identities, "<u8")
    path = run_path(folder, *bounds)
    chunk = _sorted(keys, np.frombuffer(digests, f"V{RAW_DIGEST_SIZE}"))
    _write(iter([chunk]), path, temporary, bounds, len(keys))
    return RunFile(path, *bounds)


def merge_runs(folder: Path, temporary: Path, merged: Sequence[RunFile]) -> RunFile:
    """Write one run in the place of adjacent ones, in bounded memory; they stay for now."""
    runs = [Run(file) for file in merged]
    for run in runs:
        run.check()
    count = sum(run.count for run in runs)
    bounds = (runs[0].first_index, runs[-1].end)
    path = run_path(folder, *bounds)
    _write(_merged(runs, count), path, temporary, bounds, count)
    return RunFile(path, *bounds)


def _merged(runs: Sequence[Run], count: int) -> Iterator[_Chunk]:
    # Identities are hashes, so equal ranges of them hold about equally many keys.
    steps = count // MERGE_KEYS + 1
    limits = np.array([(number << 64) // steps for number in range(1, steps)], np.uint64)
    cuts = [[0, *np.searchsorted(run.identities, limits).tolist(), run.count] for run in runs]
    for step in range(steps):
        slices = [run.slice(*cut[step : step + 2]) for run, cut in zip(runs, cuts, strict=True)]
        yield _sorted(
            np.concatenate([keys for keys, _ in slices]),
            np.concatenate([digests for _, digests in slices]),
        )


def runs_to_merge(runs: Sequence[RunFile]) -> Sequence[RunFile]:
    """Return the newest runs that should become one, or none.

    A run is merged with what follows it once that is half its size, so that there
    are about as many runs as the log has doublings, and a key is written as often.
    """
    size = start = 0
    for place in reversed(range(len(runs))):
        run = runs[place]
        if size and run.end - run.first_index > 2 * size:
            break
        size += run.end - run.first_index
        start = place
    return runs[start:] if len(runs) - start > 1 else ()
