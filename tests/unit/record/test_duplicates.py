"""Duplicate keys: what is known is found, wherever it lies, and nothing else is."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.core.errors import TamperError
from ombud.record import runs
from ombud.record.duplicates import DuplicateKeys
from ombud.record.runs import Run, list_runs, merge_runs, run_path, runs_to_merge, write_run

Key = tuple[int, int]  # Numbers that stand for an identity and a raw digest.


def columns(keys: list[Key]) -> tuple[bytes, bytes]:
    """Return identities and raw digests of keys."""
    return (
        b"".join(hashlib.sha256(b"%d" % key).digest()[:8] for key, _ in keys),
        b"".join(hashlib.sha256(b"%d" % raw).digest()[:16] for _, raw in keys),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the runs."""
    folder = tmp_path / "duplicates"
    folder.mkdir()
    return folder


def open_keys(folder: Path) -> DuplicateKeys:
    """Return the keys of a folder, ready for the newest write-ahead file."""
    keys = DuplicateKeys(folder, folder.parent / "temporary")
    keys.open_runs()
    keys.start(keys.covered)
    return keys


@pytest.mark.parametrize("known_on_disk", [False, True], ids=["in memory", "on disk"])
@pytest.mark.parametrize(
    ("known", "batch", "duplicates", "conflicts"),
    [
        pytest.param([], [(1, 1)], [], [], id="new"),
        pytest.param([(1, 1)], [(1, 1)], [0], [], id="same id, same bytes"),
        pytest.param([(1, 1)], [(1, 2)], [], [0], id="same id, other bytes"),
        pytest.param([(1, 1)], [(2, 1)], [], [], id="other id, same bytes"),
        pytest.param([(1, 1), (1, 2)], [(1, 2), (1, 1), (1, 3)], [0, 1], [2], id="two versions"),
        pytest.param([], [(1, 1), (1, 1)], [1], [], id="twice in a batch"),
        pytest.param([], [(1, 1), (1, 2), (1, 1), (1, 2)], [2, 3], [1], id="mixed in a batch"),
        pytest.param([(1, 1)], [(1, 2), (1, 2)], [1], [0], id="conflict, then its duplicate"),
        pytest.param([(1, 1)], [(3, 3), (1, 1), (4, 4)], [1], [], id="among new ones"),
    ],
)
def test_verdicts(
    folder: Path,
    known: list[Key],
    batch: list[Key],
    duplicates: list[int],
    conflicts: list[int],
    *,
    known_on_disk: bool,
) -> None:
    """A duplicate has the same identity and raw digest; another digest is a conflict."""
    keys = open_keys(folder)
    if known and known_on_disk:
        write_run(folder, folder.parent / "temporary", (0, len(known)), *columns(known))
        keys.refresh()
    elif known:
        keys.add(*columns(known))

    verdict = keys.check(*columns(batch))

    assert (verdict.duplicates, verdict.conflicts) == (duplicates, conflicts)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=8),
        min_size=1,
        max_size=12,
    ),
    st.sets(st.integers(0, 11)),
)
def test_keys_are_a_set_wherever_they_lie(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Key]], sealed_after: set[int]
) -> None:
    """However files are sealed and runs merged, verdicts are those of a plain dictionary."""
    folder = tmp_path_factory.mktemp("keys")
    temporary = folder / "temporary"
    keys = open_keys(folder)
    model: defaultdict[int, set[int]] = defaultdict(set)
    start = index = 0
    for number, batch in enumerate(batches):
        verdict = keys.check(*columns(batch))
        kept = []
        for row, (key, raw) in enumerate(batch):
            assert (row in verdict.duplicates) == (raw in model[key])
            if raw not in model[key]:
                assert (row in verdict.conflicts) == bool(model[key])
                kept.append((key, raw))
            model[key].add(raw)
        keys.add(*columns(kept), repeated=bool(verdict.conflicts))
        index += len(kept)
        if number in sealed_after and index > start:
            keys.start(index)
            keys.seal(start, index)
            start = index
            merged = runs_to_merge(list_runs(folder)[0])
            if merged:
                merge_runs(folder, temporary, merged)
    assert keys.covered == start


def test_verdict_needs_no_key_to_be_remembered(folder: Path) -> None:
    """Looking is not remembering: only what was made durable is known."""
    keys = open_keys(folder)

    keys.check(*columns([(1, 1)]))

    assert keys.check(*columns([(1, 1)])).duplicates == []


def test_merged_runs_hold_every_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merging, also in several steps, keeps all keys in order, and few runs remain."""
    monkeypatch.setattr(runs, "MERGE_KEYS", 50)
    temporary = folder.parent / "temporary"
    count = 0
    for number in range(40):
        keys = [(1000 * number + row, row) for row in range(20)]
        write_run(folder, temporary, (count, count + 20), *columns(keys))
        count += 20
        chosen, _ = list_runs(folder)
        merged = runs_to_merge(chosen)
        if merged:
            merge_runs(folder, temporary, merged)
            for run in merged:
                run.path.unlink()
    chosen, others = list_runs(folder)

    assert others == []
    assert len(chosen) <= 7
    assert chosen[-1].end == count
    for file in chosen:
        opened = Run(file)
        opened.check()
        assert (opened.identities[:-1] <= opened.identities[1:]).all()
    found = open_keys(folder)
    every = [(1000 * number + row, row) for number in range(40) for row in range(20)]
    assert found.check(*columns(every)).duplicates == list(range(len(every)))
    assert found.check(*columns([(key, 99) for key, _ in every])).duplicates == []


def test_damaged_run_and_what_follows_is_dropped(folder: Path) -> None:
    """A run that does not match its checksums is removed, so that it is made again."""
    temporary = folder.parent / "temporary"
    for number in range(3):
        keys = [(10 * number + row, 0) for row in range(10)]
        write_run(folder, temporary, (10 * number, 10 * number + 10), *columns(keys))
    path = run_path(folder, 10, 20)
    good = path.read_bytes()
    for place in (0, 12, 40, 70, 64 + 80, len(good) - 1):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(TamperError):
            Run(list_runs(folder)[0][1]).check()

    found = open_keys(folder)

    assert found.covered == 10
    assert [path.name for path in folder.iterdir()] == [run_path(folder, 0, 10).name]


def test_longest_runs_are_chosen(folder: Path) -> None:
    """A merged run stands for those it was made of, which may still be there."""
    temporary = folder.parent / "temporary"
    files = [
        write_run(folder, temporary, (start, start + 2), *columns([(start, 0), (start + 1, 0)]))
        for start in (0, 2, 4)
    ]
    merged = merge_runs(folder, temporary, files[:2])

    chosen, others = list_runs(folder)

    assert chosen == [merged, files[2]]
    assert sorted(others) == sorted(files[:2])
    assert open_keys(folder).covered == 6


def test_keys_in_memory_are_bounded(folder: Path) -> None:
    """Where nothing seals, the keys of the oldest files go to disk by themselves."""
    keys = open_keys(folder)
    for number in range(20):
        keys.add(*columns([(number, 0)]), repeated=False)
        keys.start(number + 1)

    assert keys.covered == 13
    assert keys.check(*columns([(number, 0) for number in range(20)])).duplicates == [*range(20)]
