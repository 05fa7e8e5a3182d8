"""Quarantine: kept with its reason, told once, and replayed once."""

from __future__ import annotations

import collections
import os
from pathlib import Path

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.intake import Intake
from ombud.collect.mapping import MappedSource
from ombud.collect.mapping_file import parse_mapping
from ombud.collect.place import Block
from ombud.collect.quarantine import Quarantine, QuarantineItem, make_item
from ombud.collect.replay import replay
from ombud.collect.source import Source
from ombud.core.errors import InputError, NotFound, Unavailable

STRICT = MappedSource(parse_mapping("source: t\nrecord_if: a\nfields: {actor.id: a}", path="m"))
LENIENT = MappedSource(parse_mapping("source: t\nfields: {actor.id: b}", path="m"))


def block(*raws: bytes) -> Block:
    """Return a block of records."""
    return Block("log", list(raws), list(range(1, len(raws) + 1)), input_id=1)


def test_items_are_kept(intake: Intake, quarantine: Quarantine, tmp_path: Path) -> None:
    """An item has its place, reason and bytes, also for the next process to read."""
    intake.ingest(STRICT, [block(b'{"b":1}', b"\xff\x00")])

    first, second = Quarantine(tmp_path / "quarantine").items()
    assert (first.file, first.line, first.source, first.raw) == ("log", 1, "t", b'{"b":1}')
    assert "record_if" in first.reason
    assert second.raw == b"\xff\x00"
    assert "not JSON" in second.reason
    assert quarantine.get(first.id) == quarantine.get(first.id[:6]) == first
    assert (tmp_path / "quarantine" / "quarantine.ndjson").stat().st_mode & 0o077 == 0


def test_told_once(intake: Intake, quarantine: Quarantine, tmp_path: Path) -> None:
    """The same original in the same place is one item, however often and by whom it is read."""
    for _ in range(2):
        assert intake.ingest(STRICT, [block(b"x", b"x")]).quarantined == 2
    other = Quarantine(tmp_path / "quarantine")
    assert not other.add(
        make_item(source="t", file="log", line=1, reason="", time_ms=0, raw=b"x", size=1)
    )

    assert [item.line for item in quarantine.items()] == [1, 2]


def test_torn_line(intake: Intake, quarantine: Quarantine, tmp_path: Path) -> None:
    """A line torn by a crash is passed over, and the next one starts on its own line."""
    intake.ingest(STRICT, [block(b"x")])
    with (tmp_path / "quarantine" / "quarantine.ndjson").open("ab") as file:
        file.write(b'{"id":"torn')
    again = Quarantine(tmp_path / "quarantine")
    again.add(make_item(source="t", file="log", line=9, reason="", time_ms=0, raw=b"y", size=1))
    again.sync()

    assert [item.line for item in again.items()] == [1, 9]


def test_unknown_id(quarantine: Quarantine) -> None:
    """An id that names none, or several, is refused."""
    with pytest.raises(NotFound, match="no item"):
        quarantine.get("ab")
    for line in (1, 2):
        quarantine.add(
            make_item(source="t", file="f", line=line, reason="", time_ms=0, raw=b"", size=0)
        )
    quarantine.sync()
    with pytest.raises(NotFound, match="2 items"):
        quarantine.get("")


def test_replay(intake: Intake, quarantine: Quarantine, sink: MemoryRecord) -> None:
    """What a better mapping understands becomes events, once; the rest stays pending."""
    twins = (b'{"b":1}', b'{"b":1}', b"x")
    intake.ingest(STRICT, [block(*twins)])

    def source_of(kind: str) -> Source:
        assert kind == "t"
        return LENIENT

    first = replay(quarantine, quarantine.items(), sink=sink, source_of=source_of)
    again = replay(quarantine, quarantine.items(), sink=sink, source_of=source_of)

    assert (first.recorded, first.duplicate, first.refused) == (2, 0, 1)
    assert (again.recorded, again.duplicate, again.refused) == (0, 0, 1)
    assert [event.raw for event in sink.events] == [b'{"b":1}'] * 2
    assert quarantine.counts() == {"pending": 1, "replayed": 2}
    assert [item.index for item in quarantine.items()] == [0, 1, None]


def test_replay_of_what_is_known_or_cut(quarantine: Quarantine, sink: MemoryRecord) -> None:
    """An item that is an event already is marked; one not kept whole cannot be replayed."""
    for line, size in ((1, 7), (2, 900)):
        quarantine.add(
            make_item(
                source="t", file="f", line=line, reason="", time_ms=0, raw=b'{"b":1}', size=size
            )
        )
    quarantine.sync()
    items = list(quarantine.items())
    Intake(sink, quarantine).ingest(LENIENT, [block(b'{"b":1}')])

    result = replay(quarantine, items, sink=sink, source_of=lambda _: LENIENT)

    assert (result.recorded, result.duplicate, result.incomplete) == (0, 1, 1)


def test_replay_of_an_unknown_source(
    intake: Intake, quarantine: Quarantine, sink: MemoryRecord
) -> None:
    """An item whose source is no longer known stays pending."""
    intake.ingest(STRICT, [block(b"x")])

    def source_of(kind: str) -> Source:
        raise InputError(f"no such source: {kind}")

    assert replay(quarantine, quarantine.items(), sink=sink, source_of=source_of).refused == 1


def test_a_full_quarantine_refuses_what_it_could_not_keep(tmp_path: Path) -> None:
    """Input with a fault is refused rather than lost; what was kept stays, and notes find room."""

    def item_of(number: int) -> QuarantineItem:
        raw = b"%04d" % number * 8_000
        return make_item(
            source="s", file="f", line=number, reason="r", time_ms=1, raw=raw, size=len(raw)
        )

    def keep(number: int) -> None:
        quarantine.add(item_of(number))
        kept.append(number)
        quarantine.sync()

    quarantine = Quarantine(tmp_path, mb_max=1)
    kept: list[int] = []
    with pytest.raises(Unavailable, match=r"`quarantine.max_mb` is 1"):
        collections.deque(map(keep, range(100)), maxlen=0)
    quarantine.mark_replayed("x", None)
    quarantine.sync()

    assert 10 < len(kept) < 40
    assert [item.line for item in Quarantine(tmp_path).items()] == kept
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1_000_100
    assert Quarantine(tmp_path, mb_max=2).add(item_of(999))


def test_a_write_that_failed_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written again stands once."""
    quarantine = Quarantine(tmp_path)
    quarantine.add(
        make_item(source="s", file="f", line=1, reason="r", time_ms=1, raw=b"raw", size=3)
    )

    def half(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data + b'{"id": "tor')
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ombud.collect.quarantine._write_all", half)
        with pytest.raises(Unavailable, match="No space left"):
            quarantine.sync()
    quarantine.sync()

    assert [item.line for item in Quarantine(tmp_path).items()] == [1]
