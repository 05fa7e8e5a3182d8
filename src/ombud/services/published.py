"""Published: the packed snapshot in a file, and the epoch by which workers see that it is old.

`snapshot.epoch` is 48 bytes that readers map: the epoch, the SHA-256 that names the
file with the snapshot, and the instant from which it no longer holds.  The writer makes
the epoch odd, writes the others, and makes it even again; so a reader never takes a
hash of one epoch for that of another, and a writer that died in between leaves an odd
epoch, from which nobody answers.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ombud.core.errors import TamperError, Unavailable

EPOCH_NAME = "snapshot.epoch"
_EPOCH = struct.Struct("<Q")
_HASH_SIZE = 32
_UNTIL = struct.Struct("<q")
_UNTIL_AT = _EPOCH.size + _HASH_SIZE
_SIZE = _UNTIL_AT + _UNTIL.size
FOREVER = (1 << 63) - 1
_TRIES = 1_000  # Looks at an epoch that is being written: a write takes microseconds.
NOTHING = bytes(_HASH_SIZE)


def _path(folder: Path, digest: bytes) -> Path:
    return folder / f"snapshot-{digest.hex()}"


def last_epoch(folder: Path) -> int:
    """Return the epoch that was published last, by this server or one before; 0 for none."""
    try:
        (written,) = _EPOCH.unpack_from((folder / EPOCH_NAME).read_bytes())
    except (OSError, struct.error):
        return 0
    return (int(written) + 1) // 2


def publish(folder: Path, packed: bytes, epoch: int, *, until: int = FOREVER) -> None:
    """Let workers see a snapshot; returns when whoever asks from now on finds it.

    `epoch` counts up with each snapshot; `until` is when it no longer holds (ms since the
    epoch of time).  Raises `Unavailable` when it cannot be written; then workers find none,
    and not the one before.
    """
    digest = hashlib.sha256(packed).digest()
    path = _path(folder, digest)
    try:
        _write(path, packed)
    except OSError as error:
        _write_epoch(folder / EPOCH_NAME, NOTHING, epoch, until)
        raise Unavailable(f"cannot write `{path}`: {error.strerror}") from error
    before = _write_epoch(folder / EPOCH_NAME, digest, epoch, until)
    for old in folder.glob("snapshot-*"):
        # The one before may be about to be opened by a worker that has just read its name.
        if old.name not in {path.name, _path(folder, before).name}:
            with suppress(FileNotFoundError):
                old.unlink()


def _write(path: Path, packed: bytes) -> None:
    """Write a file that is there whole or not at all."""
    if path.exists() and path.read_bytes() == packed:
        return
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_bytes(packed)
    beside.replace(path)


def _write_epoch(path: Path, digest: bytes, epoch: int, until: int) -> bytes:
    """Write the epoch in place, for who has it mapped; return the hash that stood there."""
    if not path.exists() or path.stat().st_size != _SIZE:
        _write(path, bytes(_SIZE))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), _SIZE) as mapped:
        before = mapped[_EPOCH.size : _UNTIL_AT]
        _EPOCH.pack_into(mapped, 0, 2 * epoch - 1)
        mapped[_EPOCH.size : _UNTIL_AT] = digest
        _UNTIL.pack_into(mapped, _UNTIL_AT, until)
        _EPOCH.pack_into(mapped, 0, 2 * epoch)
    return before


class Published:
    """What a worker sees of the snapshots of its server; a context manager."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where the server publishes; raises `Unavailable` before it has."""
        self._folder = folder
        path = folder / EPOCH_NAME
        try:
            with path.open("rb") as file:
                self._mapped = mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise Unavailable(f"no snapshot of the policy at `{path}`: {error}") from error
        # One aligned word, read at once; and asked for several times for each decision.
        self._words = memoryview(self._mapped).cast("Q")
        self._loaded = 0
        self.until = FOREVER  # When the snapshot that was asked for last no longer holds.

    def epoch(self) -> int:
        """Return the epoch as it stands: another one than that of `current` means it is old."""
        return self._words[0]

    def current(self) -> tuple[int, bytes | None]:
        """Return the epoch and, if it is not the one that was asked for last, its snapshot.

        Raises `Unavailable` when no whole snapshot can be had: then nobody may answer.
        """
        if self.epoch() == self._loaded:
            return self._loaded, None
        for _ in range(_TRIES):
            epoch = self.epoch()
            digest = self._mapped[_EPOCH.size : _UNTIL_AT]
            (until,) = _UNTIL.unpack_from(self._mapped, _UNTIL_AT)
            if not epoch or epoch % 2 or self.epoch() != epoch:
                continue
            try:
                packed = _path(self._folder, digest).read_bytes()
            except FileNotFoundError:
                continue  # Another one has been published meanwhile.
            if hashlib.sha256(packed).digest() != digest:
                raise TamperError("is not what its name says", origin=str(self._folder))
            self._loaded, self.until = epoch, until
            return epoch, packed
        raise Unavailable("the snapshot of the policy is half written", hint="restart the server")

    def close(self) -> None:
        """Let the mapped file go."""
        self._words.release()
        self._mapped.close()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End."""
        self.close()
