"""Log writer: the tree of the record, and its tiles and tree head under `log/`.

A full tile or bundle is written once and never again; another content under
its name is an alarm.  Partial ones stay until the full one is there, because a
reader of an older tree head may still ask for them (C2SP tlog-tiles).  Nothing
here is fsynced: what a write-ahead file covers is written again after a crash,
and the sealer makes the rest durable before that file goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ombud.core.commitment import LEAF_ENTRY_SIZE
from ombud.core.errors import TamperError
from ombud.record import files
from ombud.record.paths import Home
from ombud.tlog.merkle import HASH_SIZE
from ombud.tlog.tile import (
    TILE_HEIGHT,
    TILE_WIDTH,
    encode_entries,
    entries_path,
    tile_path,
    tile_widths,
)
from ombud.tlog.tree import Tree


def _chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


class LogWriter:
    """The growing log of one record; owned by the recorder."""

    def __init__(self, home: Home) -> None:
        """Start with no leaves."""
        self._home = home
        self._tree = Tree()
        self._waiting: dict[str, bytes] = {}  # Full tiles and bundles to write, by path.
        self._entries: list[bytes] = []  # Of the unfinished bundle.
        self._folders: set[Path] = set()

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._tree.size

    @property
    def waiting_size(self) -> int:
        """Bytes of full tiles and bundles that are not written yet."""
        return sum(map(len, self._waiting.values()))

    def root(self) -> bytes:
        """Return the root hash."""
        return self._tree.root()

    def edge(self) -> bytes:
        """Return the right edge, from which `restore` goes on: partial tiles, then entries."""
        tiles = b"".join(tile.data for tile in self._tree.partial_tiles())
        return tiles + b"".join(self._entries)

    @classmethod
    def restore(cls, home: Home, size: int, edge: bytes) -> LogWriter:
        """Return the writer of a log of `size` leaves from its right edge."""
        writer = cls(home)
        tiles: dict[int, bytes] = {}
        start = 0
        for level, _, width in tile_widths(size):
            tiles[level] = edge[start : start + width * HASH_SIZE]
            start += width * HASH_SIZE
        writer._tree = Tree.restore(size, lambda level, _number, _width: tiles[level])
        writer._entries = _chunks(edge[start:], LEAF_ENTRY_SIZE)
        return writer

    def append(self, entries: Sequence[bytes], leaf_hashes: Sequence[bytes]) -> None:
        """Add leaves; nothing is written yet."""
        number = self._tree.size // TILE_WIDTH
        for tile in self._tree.append(leaf_hashes):
            self._waiting[tile.path] = tile.data
        self._entries += entries
        full = len(self._entries) // TILE_WIDTH * TILE_WIDTH
        for start in range(0, full, TILE_WIDTH):
            bundle = encode_entries(self._entries[start : start + TILE_WIDTH])
            self._waiting[entries_path(number + start // TILE_WIDTH)] = bundle
        del self._entries[:full]

    def write_full(self, *, repair: bool = False) -> list[str]:
        """Write the full tiles and bundles that wait, and return their paths.

        With `repair`, what a power cut left short or as zeros is written again.
        """
        written = list(self._waiting)
        for path in written:
            self._write_once(self._home.log / path, self._waiting[path], repair=repair)
            del self._waiting[path]
        return written

    def publish(self, note: bytes, *, repair: bool = False) -> None:
        """Write all tiles and bundles, then the signed tree head that covers them."""
        full = self.write_full(repair=repair)
        for tile in self._tree.partial_tiles():
            path = tile_path(tile.level, tile.number, tile.width)
            self._write(self._home.log / path, tile.data)
        if self._entries:
            number = self._tree.size // TILE_WIDTH
            path = entries_path(number, len(self._entries))
            self._write(self._home.log / path, encode_entries(self._entries))
        self._write(self._home.checkpoint, note, is_synced=True)
        for path in full:
            self._remove_partials(self._home.log / f"{path}.p")

    def _write_once(self, path: Path, data: bytes, *, repair: bool) -> None:
        if path.exists():
            found = path.read_bytes()
            if found == data:
                return
            unwritten = found.ljust(len(data), b"\0")
            if (
                not repair
                or len(found) > len(data)
                or any(old not in (0, new) for old, new in zip(unwritten, data, strict=True))
            ):
                raise TamperError("tile differs from what the record holds", origin=str(path))
        self._write(path, data)

    def _write(self, path: Path, data: bytes, *, is_synced: bool = False) -> None:
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(path.parent)
        temporary = self._home.tmp / "tile"
        files.create(temporary, data, mode=files.SERVED_FILE_MODE)
        if is_synced:
            files.sync_path(temporary)
        files.replace(temporary, path)

    def _remove_partials(self, folder: Path) -> None:
        if folder.is_dir():
            for path in folder.iterdir():
                files.remove(path)
            folder.rmdir()
            self._folders.discard(folder)

    def remove_old_partials(self, first_index: int) -> None:
        """Remove what partial tiles and bundles there are from the one of an index on.

        After a crash: they may be torn, and those of older heads are not written again.
        """
        level = 0
        while level == 0 or self.size >> (TILE_HEIGHT * level):
            shift = TILE_HEIGHT * (level + 1)
            for number in range(first_index >> shift, (self.size >> shift) + 1):
                self._remove_partials(self._home.log / f"{tile_path(level, number)}.p")
                if level == 0:
                    self._remove_partials(self._home.log / f"{entries_path(number)}.p")
            level += 1
