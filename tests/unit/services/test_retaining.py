"""Retention of the index: exact by time of recording, said in each answer, never silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from doubles.record_batches import batch_of
from ombud.app.home import OpenHome, open_here
from ombud.app.local import LocalDoor
from ombud.record.reader import RecordReader
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer
from ombud.services.retaining import DAY_MS, first_recorded
from ombud.store.retention import EVERYTHING_KEPT, Kept

START = 1_795_305_600_000
DAYS = 12
PER_DAY = 40
LOOK: dict[str, Any] = {"limit": 1000, "cursor": None, "why": "a test", "case": "T-1"}


@pytest.fixture
def aged(home: Path) -> Path:
    """Return a home in which events were recorded each day for twelve days."""
    now = [START]
    with Recorder.open(home, clock=lambda: now[0]) as recorder:
        for day in range(DAYS):
            recorder.append([batch_of(day * PER_DAY, PER_DAY)])
            if day == 5:
                Sealer(home, recorder, clock=lambda: now[0]).seal_all()
            now[0] += DAY_MS
    return home


def at(day: float) -> Callable[[], int]:
    """Return a clock that stands so many days after the first event."""
    return lambda: START + round(day * DAY_MS)


@pytest.fixture
def opened(aged: Path) -> Iterator[OpenHome]:
    """Return the home open, with its index at the end, keeping three days."""
    (aged / "settings.yaml").write_text("index:\n  days: 3\n")
    with patch("ombud.app.home.now_ms", at(DAYS - 0.5)), open_here(aged) as one:
        one.catch_up()
        yield one


def ids(answer: dict[str, list[dict[str, dict[str, str]]]]) -> list[int]:
    """Return the indices of the events of an answer, sorted."""
    return sorted(int(event["metadata"]["uid"]) for event in answer["events"])


@pytest.mark.parametrize("day", [0, 0.5, 1, 4, 5, 5.001, 6, 11, 11.5, 40, -3])
def test_the_first_event_of_an_instant(aged: Path, day: float) -> None:
    """Found by its place in the log, as a look at every event would."""
    reader = RecordReader(aged)
    times = [t for chunk in reader.read(0, DAYS * PER_DAY) for t in chunk.recorded_ms]
    wanted = [(i, t) for i, t in enumerate(times) if t >= at(day)()]

    found = first_recorded(reader, len(times), at(day)())
    assert found == (Kept(*wanted[0]) if wanted else None)


def test_old_events_leave_the_index_and_stay_in_the_record(opened: OpenHome) -> None:
    """An answer says since when; the whole record is asked on demand."""
    door = LocalDoor(opened.services, catch_up=opened.follow_rules)
    whole = door.search("action:read", **LOOK)
    opened.retain()
    first = opened.retention.since()["index_since"]
    kept = door.search("action:read", **LOOK)
    everything = door.search("action:read", **LOOK, everything=True)

    assert "index_since" not in whole
    assert first["recorded_at"] >= at(DAYS - 3.5)()
    assert kept["index_since"] == first
    assert ids(kept) == [index for index in ids(whole) if index >= first["index"]]
    assert len(ids(kept)) == 3 * PER_DAY
    assert ids(everything) == ids(whole)
    assert "index_since" not in everything
    for answer in (
        door.sessions("action:read", limit=10, why="a", case="b"),
        door.who("patient", "1", why="a", case="b"),
    ):
        assert answer["index_since"] == first


def test_it_goes_on_from_day_to_day(opened: OpenHome) -> None:
    """Never back, and what comes is held."""
    opened.retain()
    before = opened.index.kept()
    opened.index.keep_from(Kept(1, START))
    assert opened.index.kept() == before
    size, _ = opened.appender.head()
    opened.appender.append([batch_of(9_000, 30)])
    opened.catch_up()
    opened.retention.turn(opened.appender.head()[0], at(DAYS + 1))

    door = LocalDoor(opened.services, catch_up=opened.follow_rules)
    found = ids(door.search("action:read", **LOOK))
    assert opened.index.kept().first_index > before.first_index
    assert min(found) >= opened.index.kept().first_index
    assert len([index for index in found if index >= size]) == 30


def test_it_is_known_after_a_restart(aged: Path) -> None:
    """The file says what it holds, also when the setting is gone."""
    (aged / "settings.yaml").write_text("index:\n  days: 3\n")
    with patch("ombud.app.home.now_ms", at(DAYS - 0.5)), open_here(aged) as one:
        one.catch_up()
        one.retain()
        kept = one.index.kept()
    (aged / "settings.yaml").write_text("")
    with open_here(aged) as one:
        assert one.index.kept() == kept
        assert one.retention.since()
    with open_here(aged, anew=True) as one:
        one.rebuild(lambda _: None)
        assert one.index.kept() == EVERYTHING_KEPT
        assert one.retention.since() == {}


def test_what_is_not_kept_is_not_even_read(aged: Path) -> None:
    """An index made anew begins with the first event that it keeps."""
    (aged / "settings.yaml").write_text("index:\n  days: 3\n")
    with patch("ombud.app.home.now_ms", at(DAYS - 0.5)), open_here(aged, anew=True) as one:
        progress: list[int] = []
        one.rebuild(progress.append)
        first = one.index.kept().first_index
        rows = one.index._writer.execute('SELECT min("index"), count(*) FROM ix.event').fetchall()
        size, _ = one.appender.head()

    assert first > 0
    assert rows == [(first, size - first)]


def test_everything_is_kept_by_default(aged: Path) -> None:
    """Nothing is let go of unless asked for."""
    with open_here(aged) as one:
        one.catch_up()
        one.retain()
        assert one.index.kept() == EVERYTHING_KEPT
        assert one.retention.whole(one.appender.head()[0]) is one.index
