"""Tree: the growing right edge of the log, which hands out tiles as they fill.

It keeps at most one pending hash per level of the binary tree and the hashes of
at most one unfinished tile per tile level: a few kilobytes for any size.  Its
root and tiles depend only on the leaves, never on how they came in batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ombud.tlog.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    NODE_PREFIX,
    SIZE_MAX,
    ProofError,
    node_hash,
    subtree_root,
)
from ombud.tlog.tile import TILE_HEIGHT, TILE_WIDTH, Tile, TileReader, split_tile, tile_widths


class Tree:
    """An append-only Merkle tree; not safe for use by two threads."""

    def __init__(self) -> None:
        """Start with no leaves."""
        self._size = 0
        # Invariant: _pending[k] is set exactly when bit k of the size is.
        self._pending: list[bytes | None] = []
        self._unfinished: list[list[bytes]] = []

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    def root(self) -> bytes:
        """Return the root hash of all leaves."""
        parts = [item for item in self._pending if item is not None]
        if not parts:
            return EMPTY_ROOT
        found = parts[0]
        for left in parts[1:]:
            found = node_hash(left, found)
        return found

    def append(self, leaf_hashes: Sequence[bytes]) -> list[Tile]:
        """Add leaves and return the tiles that became full, lower levels first."""
        if not {HASH_SIZE}.issuperset(map(len, leaf_hashes)):
            raise ProofError(f"a leaf hash is not {HASH_SIZE} bytes long")
        if self._size + len(leaf_hashes) > SIZE_MAX:
            raise ProofError("the tree is full")
        full: list[Tile] = []
        sha256, prefix = hashlib.sha256, NODE_PREFIX
        # `start` is the index, at this level, of the first new node of it.
        level, start, nodes = 0, self._size, list(leaf_hashes)
        self._size += len(nodes)
        while nodes:
            if level % TILE_HEIGHT == 0:
                full += self._fill(level // TILE_HEIGHT, start, nodes)
            if level == len(self._pending):
                self._pending.append(None)
            pending = self._pending[level]
            if pending is not None:
                nodes.insert(0, pending)
            self._pending[level] = nodes.pop() if len(nodes) & 1 else None
            pairs = iter(nodes)
            nodes = [
                sha256(prefix + left + right).digest()
                for left, right in zip(pairs, pairs, strict=True)
            ]
            level += 1
            start >>= 1
        return full

    def _fill(self, level: int, start: int, nodes: list[bytes]) -> list[Tile]:
        """Put new hashes of a tile level in place; return the tiles that this fills."""
        if level == len(self._unfinished):
            self._unfinished.append([])
        items = self._unfinished[level]
        items += nodes
        number = start >> TILE_HEIGHT
        full = [
            Tile(level, number + first // TILE_WIDTH, b"".join(items[first : first + TILE_WIDTH]))
            for first in range(0, len(items) - TILE_WIDTH + 1, TILE_WIDTH)
        ]
        del items[: len(full) * TILE_WIDTH]
        return full

    def partial_tiles(self) -> list[Tile]:
        """Return the unfinished tiles that hold something, lower levels first."""
        return [
            Tile(level, self._size >> (TILE_HEIGHT * (level + 1)), b"".join(items))
            for level, items in enumerate(self._unfinished)
            if items
        ]

    @classmethod
    def restore(cls, size: int, read_tile: TileReader) -> Tree:
        """Return the tree of `size` from its unfinished tiles.

        `read_tile(level, number, width)` returns the bytes of a tile; only partial
        tiles are asked for.  The caller compares `root()` with a signed head: bytes
        of the right length but other content give another root.
        """
        if not 0 <= size <= SIZE_MAX:
            raise ProofError(f"no tree has the size {size}")
        tree = cls()
        tree._size = size
        tree._pending = [None] * size.bit_length()
        for level, number, width in tile_widths(size):
            items = split_tile(read_tile(level, number, width), width) if width else []
            tree._unfinished.append(items)
            end = 0
            for bit in reversed(range(TILE_HEIGHT)):
                if width >> bit & 1:
                    start, end = end, end + (1 << bit)
                    tree._pending[level * TILE_HEIGHT + bit] = subtree_root(items[start:end])
        return tree
