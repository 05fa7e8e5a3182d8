"""The growing tree gives the same root and tiles however its leaves arrive."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.tlog.merkle import SIZE_MAX, ProofError, leaf_hash, subtree_root
from ombud.tlog.tile import TileError
from ombud.tlog.tree import Tree

LEAVES = [leaf_hash(number.to_bytes(4, "big")) for number in range(140_000)]


def grown(leaves: Sequence[bytes]) -> tuple[Tree, dict[str, bytes]]:
    """Return a tree and all its tiles by path."""
    tree = Tree()
    tiles = [*tree.append(leaves), *tree.partial_tiles()]
    return tree, {tile.path: tile.data for tile in tiles}


def test_an_empty_tree() -> None:
    """No leaves, no tiles, and the root of nothing."""
    tree = Tree()

    assert tree.append([]) == []
    assert tree.partial_tiles() == []
    assert (tree.size, tree.root()) == (0, subtree_root([]))


@settings(max_examples=50)
@given(st.lists(st.integers(0, 700), max_size=12))
def test_any_split_into_batches_gives_the_same_tiles(batches: list[int]) -> None:
    """Root and tiles depend on the leaves alone."""
    tree = Tree()
    tiles: dict[str, bytes] = {}
    for batch in batches:
        for tile in tree.append(LEAVES[tree.size : tree.size + batch]):
            assert tile.path not in tiles
            tiles[tile.path] = tile.data
    tiles |= {tile.path: tile.data for tile in tree.partial_tiles()}
    size = sum(batches)

    assert tree.size == size
    assert tree.root() == subtree_root(LEAVES[:size])
    assert tiles == grown(LEAVES[:size])[1]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 65_535, 65_536, 65_537, 131_329, 140_000])
def test_tiles_hold_the_roots_of_their_subtrees(size: int) -> None:
    """Each hash of each tile is the root of the leaves it stands for."""
    tree, tiles = grown(LEAVES[:size])
    count, level, hashes = size, 0, LEAVES[:size]
    expected: dict[str, bytes] = {}
    while count:
        for number in range((count + 255) // 256):
            part = hashes[number * 256 : number * 256 + 256]
            width = f".p/{len(part)}" if len(part) < 256 else ""
            expected[f"tile/{level}/{number:03d}{width}"] = b"".join(part)
        count >>= 8
        level += 1
        hashes = [subtree_root(hashes[n * 256 : n * 256 + 256]) for n in range(count)]

    assert tiles == expected
    assert tree.root() == subtree_root(LEAVES[:size])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 600, 65_535, 65_536, 70_000])
def test_a_restored_tree_goes_on_as_the_grown_one(size: int) -> None:
    """Restoring needs the partial tiles alone, and nothing differs afterwards."""
    tree, tiles = grown(LEAVES[:size])
    by_place = {(tile.level, tile.number, tile.width): tile.data for tile in tree.partial_tiles()}
    restored = Tree.restore(size, lambda *key: by_place[key])

    assert restored.root() == tree.root()
    assert restored.partial_tiles() == tree.partial_tiles()
    more = LEAVES[size : size + 700]
    assert restored.append(more) == tree.append(more)
    assert restored.root() == tree.root() == subtree_root(LEAVES[: size + 700])
    assert restored.partial_tiles() == tree.partial_tiles()
    assert len(tiles) >= len(by_place)


def test_a_restored_tree_of_wrong_bytes_has_another_root() -> None:
    """What the caller compares with the signed head shows every wrong byte."""
    tree, _ = grown(LEAVES[:600])
    by_place = {(tile.level, tile.number, tile.width): tile.data for tile in tree.partial_tiles()}
    for key, data in by_place.items():
        wrong = by_place | {key: data[:-1] + bytes([data[-1] ^ 1])}
        assert Tree.restore(600, lambda *place, w=wrong: w[place]).root() != tree.root()


def test_a_short_tile_restores_nothing() -> None:
    """A tile that is not as long as its width says is refused."""
    with pytest.raises(TileError):
        Tree.restore(5, lambda *key: bytes(32 * key[2] - 1))


@pytest.mark.parametrize("size", [-1, SIZE_MAX + 1])
def test_no_tree_has_that_size(size: int) -> None:
    """Sizes are 63 bits."""
    with pytest.raises(ProofError):
        Tree.restore(size, lambda *key: bytes(32 * key[2]))


def test_refused_leaves_change_nothing() -> None:
    """A leaf hash of another length, or one too many, leaves the tree as it was."""
    tree = Tree()
    with pytest.raises(ProofError, match="32 bytes"):
        tree.append([LEAVES[0], b"short"])
    assert tree.size == 0
    full = Tree.restore(SIZE_MAX, lambda *key: bytes(32 * key[2]))
    with pytest.raises(ProofError, match="full"):
        full.append([LEAVES[0]])
    assert full.size == SIZE_MAX
