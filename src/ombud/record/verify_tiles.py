"""Verified tiles: the published log compared with the tree that grows from the events.

`PublishedLog` takes leaf entries in log order and holds every file under `log/`
against what they give: full tiles and bundles as soon as they are full, partial
ones, also stale, when the folder is walked at the end.  A file that no event
accounts for is a fault, and so is a missing one that a published tree head
needs.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ombud.core.commitment import LEAF_ENTRY_SIZE
from ombud.core.errors import TamperError
from ombud.record.paths import Home
from ombud.record.verify_files import read_if_there, read_whole, walk
from ombud.tlog.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    LEAF_PREFIX,
    ProofError,
    inclusion_proof,
    range_root,
    verify_inclusion,
)
from ombud.tlog.tile import (
    ENTRIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileError,
    decode_entries,
    encode_entries,
    entries_path,
    nodes_from_tiles,
    parse_path,
    split_tile,
    tile_path,
    tile_widths,
)
from ombud.tlog.tree import Tree
from ombud.tlog.tree_head import TreeHead

FILE_SIZE_MAX = TILE_WIDTH * (2 + LEAF_ENTRY_SIZE)  # A full bundle; a full tile is smaller.


class WrongEventError(TamperError):
    """An event that is not the one that the published tree commits to; `index` is its own."""

    def __init__(self, index: int) -> None:
        """Name the event; who knows the file names that."""
        super().__init__("is not what the signed tree head commits to", origin=f"event {index}")
        self.index = index


def difference(found: bytes, wanted: bytes) -> str:
    """Return where two different byte strings part, in words."""
    for place, (one, other) in enumerate(zip(found, wanted, strict=False)):
        if one != other:
            return f"byte {place} is not what the events give"
    return f"is {len(found)} bytes long, not {len(wanted)}"


def _end(level: int, number: int) -> int:
    """Return the size of the smallest tree in which a tile or bundle is full."""
    return (number + 1) << (TILE_HEIGHT * (max(level, 0) + 1))


class PublishedLog:
    """The tree as the events give it, and the files that must say the same."""

    def __init__(self, home: Home) -> None:
        """Start with no events."""
        self.tree = Tree()
        self.tile_count = self.bundle_count = self.partial_count = self.head_count = 0
        self._log = home.log
        self._published: TreeHead | None = None
        self._roots: dict[int, tuple[bytes, str]] = {}  # Signed root and its place, by size.
        self._stops: list[int] = []  # Sizes of signed roots that the tree has yet to reach.
        self._bundle: list[bytes] = []
        # Full files that lie beyond the published head and were not there.
        self._waiting: dict[str, bytes] = {}

    def publish(self, head: TreeHead) -> None:
        """From here on, the full files of the tree of `head` must be there."""
        self._published = head

    def unreached(self) -> tuple[int, str] | None:
        """Return size and place of the smallest signed head beyond the tree, if any."""
        return (self._stops[0], self._roots[self._stops[0]][1]) if self._stops else None

    def expect(self, head: TreeHead, place: str) -> None:
        """Hold a signed head, found at `place`, against the tree: now or when it is as large."""
        known = self._roots.get(head.size)
        if known is not None:
            if known[0] != head.root:
                reason = f"another root of size {head.size} is signed in `{known[1]}`"
                raise TamperError(reason, origin=place)
            return
        self._roots[head.size] = (head.root, place)
        self.head_count += 1
        if head.size > self.tree.size:
            insort(self._stops, head.size)
        else:
            self._check_root(head.size, self._root(head.size))

    def append(self, entries: Sequence[bytes]) -> None:
        """Add the next leaf entries; raises `TamperError` where files or heads disagree."""
        base, first = self.tree.size, 0
        while self._stops and self._stops[0] <= base + len(entries):
            size = self._stops.pop(0)
            self._grow(entries[first : size - base])
            self._check_root(size, self.tree.root())
            first = size - base
        self._grow(entries[first:])

    def compare(self, first_index: int, entries: Sequence[bytes]) -> int | None:
        """Return the first index at which entries below the tree's size differ, if any."""
        known: list[bytes] = []
        number = -1
        for index, entry in enumerate(entries, first_index):
            if index // TILE_WIDTH != number:
                number = index // TILE_WIDTH
                known = decode_entries(self._content(ENTRIES, number))
            if entry != known[index % TILE_WIDTH]:
                return index
        return None

    def edge(self, size: int) -> bytes:
        """Return the right edge of the tree at a size up to its own: partial tiles, entries."""
        parts = [
            self._content(level, number)[: width * HASH_SIZE]
            for level, number, width in tile_widths(size)
            if width
        ]
        if size % TILE_WIDTH:
            entries = decode_entries(self._content(ENTRIES, size // TILE_WIDTH))
            parts += entries[: size % TILE_WIDTH]
        return b"".join(parts)

    def _grow(self, entries: Sequence[bytes]) -> None:
        sha256, prefix = hashlib.sha256, LEAF_PREFIX
        for tile in self.tree.append([sha256(prefix + entry).digest() for entry in entries]):
            self._check_full(tile.level, tile.number, tile.data)
            self.tile_count += 1
        self._bundle += entries
        full = len(self._bundle) // TILE_WIDTH * TILE_WIDTH
        number = (self.tree.size - len(self._bundle)) // TILE_WIDTH
        for first, last in pairwise(range(0, full + 1, TILE_WIDTH)):
            self._check_full(ENTRIES, number, encode_entries(self._bundle[first:last]))
            self.bundle_count += 1
            number += 1
        del self._bundle[:full]

    def _root(self, size: int) -> bytes:
        """Return the root at a size up to the tree's."""
        if size == self.tree.size:
            return self.tree.root()
        if size == 0:
            return EMPTY_ROOT
        node = nodes_from_tiles(
            self.tree.size,
            lambda level, number, width: self._content(level, number)[: width * HASH_SIZE],
        )
        return range_root(0, size, node)

    def _check_root(self, size: int, found: bytes) -> None:
        root, place = self._roots[size]
        if root != found:
            self.blame_unfinished()
            reason = f"signs a root of size {size} that is not that of the events"
            raise TamperError(reason, origin=place)

    def _check_full(self, level: int, number: int, data: bytes) -> None:
        name = entries_path(number) if level == ENTRIES else tile_path(level, number)
        found = read_if_there(self._log / name, FILE_SIZE_MAX)
        if found is None:
            if self._published is not None and _end(level, number) <= self._published.size:
                raise TamperError("file is missing", origin=str(self._log / name))
            self._waiting[name] = data
        elif found != data:
            if level == 0:
                self._blame_event(number, data)
            raise TamperError(difference(found, data), origin=str(self._log / name))

    def blame_unfinished(self) -> None:
        """Raise `WrongEventError` if an event of the unfinished tile is wrong."""
        for tile in self.tree.partial_tiles():
            if tile.level == 0:
                self._blame_event(tile.number, tile.data)

    def _blame_event(self, number: int, data: bytes) -> None:
        """Raise `WrongEventError` if an event, and not the tile it should give, is to blame.

        `data` are the leaf hashes that the events of one tile give.
        """
        head = self._published
        index = None if head is None else self._find_wrong_event(head, number, data)
        if index is not None:
            raise WrongEventError(index)

    def _find_wrong_event(self, head: TreeHead, number: int, data: bytes) -> int | None:
        """Return the first event that differs from published tiles that lead to the root."""

        def read_tile(level: int, number: int, width: int) -> bytes:
            full = read_if_there(self._log / tile_path(level, number), FILE_SIZE_MAX)
            path = self._log / tile_path(level, number, width)
            return (full or read_whole(path, FILE_SIZE_MAX))[: width * HASH_SIZE]

        node = nodes_from_tiles(head.size, read_tile)
        first = number * TILE_WIDTH
        leaves = split_tile(data, len(data) // HASH_SIZE)[: max(head.size - first, 0)]
        try:
            for index, leaf in enumerate(leaves, first):
                signed = node(0, index)
                if signed != leaf:
                    proof = inclusion_proof(index, head.size, node)
                    verify_inclusion(index, head.size, signed, proof, head.root)
                    return index
        except (TileError, ProofError, TamperError):
            return None  # The tiles themselves are wrong, or there are none.
        return None

    def _content(self, level: int, number: int) -> bytes:
        """Return what a tile or bundle holds in the tree as it is, full or not."""
        name = entries_path(number) if level == ENTRIES else tile_path(level, number)
        if name in self._waiting:
            return self._waiting[name]
        if _end(level, number) <= self.tree.size:
            return read_whole(self._log / name, FILE_SIZE_MAX)  # Compared when it was full.
        if level == ENTRIES:
            return encode_entries(self._bundle)
        return next(tile.data for tile in self.tree.partial_tiles() if tile.level == level)

    def check_files(self, published: TreeHead) -> list[Path]:
        """Check every file under `log/` and return those that lie beyond the tree.

        `published` is the tree head in `checkpoint`, which was expected before.
        Raises `TamperError` for a file that is wrong, or missing at that size.
        """
        beyond: list[Path] = []
        partials: set[str] = set()
        for path in walk(self._log):
            name = path.relative_to(self._log).as_posix()
            if name == "checkpoint":
                continue
            if not self._check_file(path, name):
                beyond.append(path)
            elif ".p/" in name:
                partials.add(name)
        self.partial_count = len(partials)
        for name in self._waiting:
            level, number, _ = parse_path(name)
            if _end(level, number) <= published.size:
                raise TamperError("file is missing", origin=str(self._log / name))
        for level, number, width in tile_widths(published.size):
            if width:
                self._check_there(tile_path(level, number, width), _end(level, number), partials)
            if width and level == 0:
                self._check_there(entries_path(number, width), _end(level, number), partials)
        return beyond

    def _check_there(self, partial: str, end: int, partials: set[str]) -> None:
        # A partial tile may go once the full one is there (C2SP tlog-tiles).
        full = partial.partition(".p/")[0]
        is_full = end <= self.tree.size and full not in self._waiting
        if partial not in partials and not is_full:
            raise TamperError("file is missing", origin=str(self._log / partial))

    def _check_file(self, path: Path, name: str) -> bool:
        """Check one file; return False when it lies beyond the tree."""
        try:
            level, number, width = parse_path(name)
        except TileError as error:
            raise TamperError("file does not belong here", origin=str(path)) from error
        count = (self.tree.size >> (TILE_HEIGHT * max(level, 0))) - number * TILE_WIDTH
        if width > count:
            return False
        if width == TILE_WIDTH and name not in self._waiting:
            return True  # Compared when it was full.
        wanted = self._content(level, number)
        wanted = wanted[: len(wanted) // min(TILE_WIDTH, count) * width]
        data = read_if_there(path, FILE_SIZE_MAX)
        if data is not None and data != wanted:
            raise TamperError(difference(data, wanted), origin=str(path))
        if width == TILE_WIDTH and data is not None:
            del self._waiting[name]
        return True
