"""What must hold of any record, checked from its files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ombud.core.commitment import commit, group_digest, leaf_entry
from ombud.record.keys import read_vkey
from ombud.record.paths import Home
from ombud.record.reader import RecordReader
from ombud.record.segment import GROUP_COLUMNS, SALTS_COLUMN
from ombud.record.wal import read_frames
from ombud.tlog.merkle import leaf_hash
from ombud.tlog.note import Verifier
from ombud.tlog.tile import TILE_WIDTH, decode_entries, entries_path, tile_path, tile_widths
from ombud.tlog.tree import Tree
from ombud.tlog.tree_head import TreeHead, open_tree_head


def open_head(home: Path, note: bytes) -> TreeHead:
    """Return the tree head of a note that the home's key signed."""
    verifier = Verifier.parse(read_vkey(Home(home)))
    return open_tree_head(note, verifier.name, [verifier])


def published_entries(home: Path) -> list[bytes]:
    """Return the leaf entries under the published tree head, from the bundles."""
    head = open_head(home, Home(home).checkpoint.read_bytes())
    entries: list[bytes] = []
    while len(entries) < head.size:
        number = len(entries) // TILE_WIDTH
        width = min(TILE_WIDTH, head.size - len(entries))
        bundle = decode_entries((home / "log" / entries_path(number, width)).read_bytes())
        assert len(bundle) == width
        entries += bundle
    return entries


def committed_entries(home: Path) -> list[bytes]:
    """Return the leaf entries that the content of segments and write-ahead files commits to."""
    layout = Home(home)
    entries: list[bytes] = []
    wal_files = layout.wal_files()
    for segment in layout.segment_files():
        if segment.first_index < wal_files[0].first_index:
            table = pq.read_table(segment.path)
            columns: list[Any] = [table.column(name).to_pylist() for name in GROUP_COLUMNS]
            salts: list[Any] = table.column(SALTS_COLUMN).to_pylist()
            classes: list[Any] = table.column("class_uid").to_pylist()
            metadata: Any = table.column("metadata").combine_chunks()
            times = metadata.field("logged_time").to_pylist()
            for row in range(segment.count):
                groups = [column[row] for column in columns]
                entries.append(make_entry(groups, salts[row], classes[row] or 0, times[row]))
    for file in wal_files:
        for frame in read_frames(file.path):
            for row in range(frame.batch.count):
                groups = [frame.batch.group(group, row) for group in (1, 2, 3, 4)]
                salts_of_row = frame.salts[64 * row : 64 * row + 64]
                class_uid = frame.batch.classes[row]
                entries.append(make_entry(groups, salts_of_row, class_uid, frame.recorded_ms))
    return entries


def make_entry(groups: list[bytes], salts: bytes, class_uid: int, unix_ms: int) -> bytes:
    """Return a leaf entry by its definition."""
    digests = [
        group_digest(salts[16 * place : 16 * place + 16], place + 1, group)
        for place, group in enumerate(groups)
    ]
    return leaf_entry(class_uid, unix_ms, commit(digests))


def root_at(entries: list[bytes], size: int) -> bytes:
    """Return the root of the first `size` entries."""
    tree = Tree()
    tree.append([leaf_hash(entry) for entry in entries[:size]])
    return tree.root()


def check_published(home: Path) -> TreeHead:
    """Check that everything under `log/` belongs to the published head; return the head."""
    head = open_head(home, Home(home).checkpoint.read_bytes())
    entries = published_entries(home)
    assert entries == committed_entries(home)[: head.size]
    assert root_at(entries, head.size) == head.root
    tree = Tree()
    tiles = tree.append([leaf_hash(entry) for entry in entries])
    for tile in (*tiles, *tree.partial_tiles()):
        path = home / "log" / tile_path(tile.level, tile.number, tile.width)
        assert path.read_bytes() == tile.data
    full = {(tile.level, tile.number) for tile in tiles}
    for level, number in full:
        assert not (home / "log" / f"{tile_path(level, number)}.p").exists()
    assert sum(1 for _ in tile_widths(head.size)) == len(
        {level for level, _ in full} | {tile.level for tile in tree.partial_tiles()}
    )
    return head


def raws(home: Path, size: int) -> list[bytes]:
    """Return the originals of all events, as a reader sees them."""
    found: list[bytes] = []
    for committed in RecordReader(home).read(0, size):
        assert committed.first_index == len(found)
        found += [committed.group(4, row) for row in range(committed.count)]
    return found
