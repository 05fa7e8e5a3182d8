"""Positions: kept whole by several who read sources of one kind."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ombud.collect.place import Position
from ombud.collect.positions import Positions


def position(name: str, offset: int) -> Position:
    """Return how far a file was read."""
    return Position(f"/log/{name}", f"1:{name}", offset, 1, 4, f"head of {name}")


def test_followers_of_one_kind_keep_each_others_positions(tmp_path: Path) -> None:
    """Two folders of one kind of source are followed at once; neither forgets the other."""
    path = tmp_path / "positions" / "kind.json"
    one, other = Positions(path), Positions(path)
    one.commit(position("a", 1))
    one.save()
    other.commit(position("b", 2))
    other.save()
    one.commit(position("a", 3))
    one.save()

    again = Positions(path)
    assert again.find("1:a") == position("a", 3)
    assert again.find("1:b") == position("b", 2)
    assert again.of_path("/log/b") == [position("b", 2)]


def test_saving_at_once(tmp_path: Path) -> None:
    """Saves at the same moment leave one whole file that only its owner can read."""
    path = tmp_path / "positions" / "kind.json"

    def follow(number: int) -> None:
        positions = Positions(path)
        for offset in range(10):
            positions.commit(position(f"file-{number}", offset))
            positions.save()

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(follow, range(4)))

    again = Positions(path)
    assert [again.find(f"1:file-{number}").offset for number in range(4)] == [9] * 4  # type: ignore[union-attr]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
