"""The tree that verification grows answers for every size that it has passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from doubles.record_home import ORIGIN, append, open_recorder
from ombud.core.errors import TamperError
from ombud.record.paths import Home
from ombud.record.verify_tiles import PublishedLog, difference
from ombud.record.wal import read_head
from ombud.tlog.merkle import leaf_hash, subtree_root
from ombud.tlog.tile import decode_entries
from ombud.tlog.tree_head import TreeHead


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a record of 600 events, published, with a right edge at 300."""
    root = tmp_path_factory.mktemp("home")
    with open_recorder(root) as recorder:
        append(recorder, 0, 300, step=50)
        recorder.rotate()
        append(recorder, 300, 600, step=50)
    return Home(root)


@pytest.fixture
def entries(home: Home) -> list[bytes]:
    """Return the leaf entries."""
    bundles = [home.log / f"tile/entries/{name}" for name in ("000", "001", "002.p/88")]
    return [entry for bundle in bundles for entry in decode_entries(bundle.read_bytes())]


@pytest.mark.parametrize("with_tiles", [True, False], ids=["published", "not yet published"])
def test_heads_of_every_size_are_checked_also_late(
    home: Home, entries: list[bytes], tmp_path: Path, with_tiles: bool
) -> None:
    """A head that is met after its size was passed is held against the tiles."""
    log = PublishedLog(home if with_tiles else Home(tmp_path))
    log.append(entries)
    leaves = [leaf_hash(entry) for entry in entries]
    for size in (0, 1, 2, 255, 256, 257, 300, 511, 512, 599, 600):
        head = TreeHead(ORIGIN, size, subtree_root(leaves[:size]))
        log.expect(head, "here")
        log.expect(head, "there")
        with pytest.raises(TamperError, match="another root of size"):
            log.expect(TreeHead(ORIGIN, size, bytes(32)), "there")
    with pytest.raises(TamperError, match="not that of the events") as wrong:
        log.expect(TreeHead(ORIGIN, 400, bytes(32)), "there")
    assert wrong.value.origin == "there"
    log.expect(TreeHead(ORIGIN, 700, bytes(32)), "beyond")
    assert log.unreached() == (700, "beyond")


def test_a_wrong_head_is_found_when_its_size_is_reached(home: Home, entries: list[bytes]) -> None:
    """A head that is known before stops the tree exactly at its size."""
    log = PublishedLog(home)
    log.expect(TreeHead(ORIGIN, 444, bytes(32)), "there")
    log.append(entries[:443])
    with pytest.raises(TamperError, match="size 444"):
        log.append(entries[443:])


def test_edges_and_entries_of_every_size_are_known(home: Home, entries: list[bytes]) -> None:
    """The right edge of an earlier size, and each earlier entry, can be compared."""
    log = PublishedLog(home)
    log.append(entries)

    assert log.edge(300) == read_head(home.wal_files()[1].path).edge
    assert log.edge(0) == b""
    assert log.edge(512) == log.edge(256) + log.edge(512)[32:]
    assert log.compare(0, entries) is None
    assert log.compare(7, entries[7:590]) is None
    assert log.compare(250, [*entries[250:299], b"x" * 43]) == 299


def test_a_full_tile_must_be_there_once_it_is_published(
    entries: list[bytes], tmp_path: Path
) -> None:
    """Missing is no fault before the published head needs it, and one after."""
    leaves = [leaf_hash(entry) for entry in entries]
    head = TreeHead(ORIGIN, 600, subtree_root(leaves))
    log = PublishedLog(Home(tmp_path))
    log.append(entries)
    assert log.check_files(TreeHead(ORIGIN, 0, subtree_root([]))) == []
    with pytest.raises(TamperError, match="missing"):
        log.check_files(head)
    log = PublishedLog(Home(tmp_path))
    log.publish(head)
    with pytest.raises(TamperError, match="missing"):
        log.append(entries)


def test_difference_names_the_place() -> None:
    """The first byte that differs, or the length."""
    assert difference(b"abc", b"abd") == "byte 2 is not what the events give"
    assert difference(b"ab", b"abd") == "is 2 bytes long, not 3"
