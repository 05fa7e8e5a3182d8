"""Tiles: the tree and its entries as static files, C2SP tlog-tiles.

A tile of level L and number N holds up to 256 hashes; hash i is the root of the
complete subtree of `256**L` leaves that is number `256 * N + i` of its kind.
An entry bundle holds up to 256 entries, each after its length as 16 bits.
Paths and bytes are exact: what is not written here in one way is refused.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ombud.core.errors import InputError
from ombud.tlog.merkle import HASH_SIZE, SIZE_MAX, NodeLookup, subtree_root

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_SIZE = TILE_WIDTH * HASH_SIZE
LEVEL_MAX = 63  # The format's own bound; 2**63 leaves reach level 7.
ENTRY_SIZE_MAX = 0xFFFF
ENTRIES = -1  # Stands for the level of entry bundles in a parsed path.

_CACHED_TILES = 64  # 512 KiB: more than one proof needs.
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/"
    r"(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)

TileReader = Callable[[int, int, int], bytes]


class TileError(InputError):
    """A tile, bundle or path that is not exactly what the format asks for."""

    code = "tile"


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile with its hashes; `data` is `width * 32` bytes."""

    level: int
    number: int
    data: bytes

    @property
    def width(self) -> int:
        """How many hashes the tile holds, 1 to 256."""
        return len(self.data) // HASH_SIZE

    @property
    def path(self) -> str:
        """Where the tile lies, below the log's folder."""
        return tile_path(self.level, self.number, self.width)


def _path(level: str, number: int, width: int) -> str:
    if not 0 <= number <= SIZE_MAX or not 0 < width <= TILE_WIDTH:
        raise TileError(f"no tile has the number {number} and width {width}")
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.append(f"x{number % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def tile_path(level: int, number: int, width: int = TILE_WIDTH) -> str:
    """Return where a tile lies, such as `tile/0/x001/067.p/5`."""
    if not 0 <= level <= LEVEL_MAX:
        raise TileError(f"no tile has the level {level}")
    return _path(str(level), number, width)


def entries_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return where an entry bundle lies, such as `tile/entries/000`."""
    return _path("entries", number, width)


def parse_path(path: str) -> tuple[int, int, int]:
    """Return level (`ENTRIES` for a bundle), number and width of a canonical path.

    Raises `TileError` for any other text.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileError(f"`{path}` is not the path of a tile")
    number = int(match["number"].replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    level = ENTRIES if match["level"] == "entries" else int(match["level"])
    canonical = entries_path(number, width) if level == ENTRIES else tile_path(level, number, width)
    if canonical != path:
        raise TileError(f"`{path}` is not the canonical path of a tile")
    return level, number, width


def tile_widths(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield level, count of full tiles and width of the partial one for a tree of `size`.

    Levels start at 0 and end before the first that is empty; a width of 0 means
    that there is no partial tile.  Entry bundles lie as the tiles of level 0 do.
    """
    level = 0
    while size:
        yield level, size >> TILE_HEIGHT, size % TILE_WIDTH
        size >>= TILE_HEIGHT
        level += 1


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Return the bundle of 1 to 256 entries of at most 65535 bytes."""
    lengths = [len(entry) for entry in entries]
    if not 0 < len(entries) <= TILE_WIDTH or max(lengths) > ENTRY_SIZE_MAX:
        raise TileError("a bundle holds 1 to 256 entries of at most 65535 bytes")
    if lengths.count(lengths[0]) == len(lengths):
        prefix = struct.pack(">H", lengths[0])
        return prefix + prefix.join(entries)
    return b"".join([struct.pack(">H", len(entry)) + entry for entry in entries])


def decode_entries(data: bytes) -> list[bytes]:
    """Return the entries of a bundle; raises `TileError` if any byte is over or missing."""
    entries: list[bytes] = []
    position, end = 0, len(data)
    while position < end:
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > end or position > end:
            raise TileError(f"entry {len(entries)} of the bundle is cut short")
        entries.append(data[start:position])
    if not 0 < len(entries) <= TILE_WIDTH:
        raise TileError(f"a bundle holds 1 to 256 entries, not {len(entries)}")
    return entries


def split_tile(data: bytes, width: int) -> list[bytes]:
    """Return the hashes of a tile; raises `TileError` unless there are exactly `width`."""
    if len(data) != width * HASH_SIZE:
        raise TileError(f"a tile of {width} hashes cannot be {len(data)} bytes long")
    return [data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)]


def nodes_from_tiles(size: int, read_tile: TileReader) -> NodeLookup:
    """Return a look-up of the nodes of the tree of `size`, for making proofs.

    `read_tile(level, number, width)` returns the bytes of a tile as it stands in
    the tree of `size`.
    """

    @lru_cache(maxsize=_CACHED_TILES)
    def hashes(level: int, number: int) -> list[bytes]:
        count = size >> (TILE_HEIGHT * level)
        width = min(TILE_WIDTH, count - (number << TILE_HEIGHT))
        if width <= 0:
            raise TileError(f"tile {number} of level {level} is not in a tree of size {size}")
        return split_tile(read_tile(level, number, width), width)

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        items = hashes(tile_level, first >> TILE_HEIGHT)
        start = first % TILE_WIDTH
        return subtree_root(items[start : start + (1 << height)])

    return node
