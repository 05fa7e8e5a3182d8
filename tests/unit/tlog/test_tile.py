"""Tiles and bundles have one path and one spelling each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from ombud.tlog.tile import (
    ENTRIES,
    LEVEL_MAX,
    Tile,
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


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (0, 1067, 5, "tile/0/x001/067.p/5"),
        (1, 0, 1, "tile/1/000.p/1"),
        (63, 999, 255, "tile/63/999.p/255"),
        (7, 2**63 - 1, 256, "tile/7/x009/x223/x372/x036/x854/x775/807"),
    ],
)
def test_tile_path(level: int, number: int, width: int, path: str) -> None:
    """The path is that of the format, and is read back to the same tile."""
    assert tile_path(level, number, width) == path
    assert parse_path(path) == (level, number, width)


def test_entries_path() -> None:
    """Bundles lie beside the tiles, by the same rule."""
    assert entries_path(0) == "tile/entries/000"
    assert entries_path(1234067, 7) == "tile/entries/x001/x234/067.p/7"
    assert parse_path("tile/entries/x001/x234/067.p/7") == (ENTRIES, 1234067, 7)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x01/001",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/05",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.P/5",
        "tile/entries/000\n",
        "tile/data/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
    ],
)
def test_another_spelling_of_a_path_is_refused(path: str) -> None:
    """A file that is not at a canonical path is not a tile."""
    with pytest.raises(TileError):
        parse_path(path)


@pytest.mark.parametrize(
    ("level", "number", "width"),
    [(-1, 0, 256), (LEVEL_MAX + 1, 0, 256), (0, -1, 256), (0, 2**63, 256), (0, 0, 0), (0, 0, 257)],
)
def test_no_path_outside_the_format(level: int, number: int, width: int) -> None:
    """Level, number and width have bounds."""
    with pytest.raises(TileError):
        tile_path(level, number, width)


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        (0, []),
        (1, [(0, 0, 1)]),
        (256, [(0, 1, 0), (1, 0, 1)]),
        (70000, [(0, 273, 112), (1, 1, 17), (2, 0, 1)]),
    ],
)
def test_tile_widths(size: int, widths: list[tuple[int, int, int]]) -> None:
    """The tiles of a size are those that the format counts in its example."""
    assert list(tile_widths(size)) == widths


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=256))
def test_entries_round_trip(entries: list[bytes]) -> None:
    """A bundle holds its entries and nothing else."""
    assert decode_entries(encode_entries(entries)) == entries


def test_entries_of_one_length_are_encoded_as_any_others() -> None:
    """The short cut for equal lengths gives the same bytes."""
    entries = [bytes([number] * 43) for number in range(256)]

    assert encode_entries(entries) == b"".join(b"\x00\x2b" + entry for entry in entries)


@pytest.mark.parametrize(
    "entries", [[], [b""] * 257, [b"x" * 65536]], ids=["none", "too many", "too long"]
)
def test_a_bundle_outside_its_bounds_is_refused(entries: list[bytes]) -> None:
    """A bundle holds 1 to 256 entries of at most 65535 bytes."""
    with pytest.raises(TileError):
        encode_entries(entries)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x00\x01",
        b"\x00\x02a",
        b"\x00\x01ab",
        b"\x00\x01a\x00",
        b"\x00\x00" * 257,
    ],
)
def test_a_bundle_with_a_byte_over_or_missing_is_refused(data: bytes) -> None:
    """No byte of a bundle is left over."""
    with pytest.raises(TileError):
        decode_entries(data)


@pytest.mark.parametrize("length", [0, 31, 33, 63, 65, 96])
def test_a_tile_of_another_length_is_refused(length: int) -> None:
    """A tile is exactly as long as its width says."""
    with pytest.raises(TileError):
        split_tile(bytes(length), 2)


def test_a_tile_knows_its_path() -> None:
    """The width in the path is that of the data."""
    assert Tile(1, 3, bytes(64)).path == "tile/1/003.p/2"
    assert Tile(0, 3, bytes(8192)).path == "tile/0/003"


@pytest.mark.parametrize("size", [1, 255, 256, 257, 70_000])
def test_proofs_from_tiles_verify(size: int) -> None:
    """Nodes looked up in tiles of all levels make proofs that verify."""
    tree = Tree()
    leaves = [leaf_hash(number.to_bytes(3, "big")) for number in range(size)]
    old_size = max(1, size * 2 // 3)
    tree.append(leaves[:old_size])
    old_root = tree.root()
    tiles: dict[tuple[int, int, int], bytes] = {}
    tree = Tree()
    for tile in [*tree.append(leaves), *tree.partial_tiles()]:
        tiles[tile.level, tile.number, tile.width] = tile.data
    node = nodes_from_tiles(size, lambda *key: tiles[key])

    for index in {0, size // 2, size - 1}:
        proof = inclusion_proof(index, size, node)
        verify_inclusion(index, size, leaves[index], proof, tree.root())
    proof = consistency_proof(old_size, size, node)
    verify_consistency(old_size, size, proof, old_root, tree.root())


def test_a_node_outside_the_tree_is_refused() -> None:
    """No tile is asked for that the tree does not have."""
    node = nodes_from_tiles(300, lambda *key: bytes(32 * key[2]))

    with pytest.raises(TileError, match="not in a tree"):
        node(0, 512)
