"""Not covered: quiet hours, gaps, silence and changes of what is written down are admitted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.core.clock import format_instant
from ombud.core.event import Event
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.services.asker import Asker, local_owner
from ombud.services.not_covered import NotCovered
from ombud.services.record_port import record_events

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
CLINIC = "postgresql/clinic"
NOW = (time.time_ns() // 1_000_000 // HOUR_MS) * HOUR_MS
BEGIN = NOW - 20 * 24 * HOUR_MS
PATIENT = {"subjects": (("patient", "1"),)}
LOST = {"flags": ("subject_unknown:parameters_not_logged",)}


def said(number: int, at: int, **fields: Any) -> Event:
    """Return what the database said."""
    told: dict[str, Any] = {
        "source": "postgres.pgaudit", "action": "read", "resource_system": CLINIC,
        "actor_id": "ana", "native_id": f"n{number}-{at}", "raw": b"%d" % at,
    }  # fmt: skip
    return Event(time=at, **(told | fields))


def told(operation: str, source: str, **attributes: Any) -> Event:
    """Return what was noticed while collecting."""
    return Event(
        time=NOW, source="ombud.collect", action="other", operation=operation, raw=b"x",
        native_id=f"{operation}{attributes}", resource_system=source, attributes=attributes,
    )  # fmt: skip


def events() -> Iterator[Event]:
    """Yield twenty days of ten events an hour from 8 to 18, without three hours of the tenth."""
    for day in range(20):
        for hour in range(8, 18):
            if day == 10 and hour in {11, 12, 13, 14}:
                continue
            for number in range(10):
                at = BEGIN + (day * 24 + hour) * HOUR_MS + number * 5 * MINUTE_MS
                yield said(number, at, **(LOST if number == 0 else PATIENT))
    off = BEGIN + (5 * 24 + 9) * HOUR_MS + MINUTE_MS
    change = {"actor_id": "eve", "action": "configure"}
    yield said(90, off, query_text="ALTER SYSTEM SET pgaudit.log = 'none'", **change)
    yield said(91, BEGIN + 12 * HOUR_MS + 1, sequence=41)
    yield said(92, BEGIN + 12 * HOUR_MS + 9, sequence=44)
    yield said(93, BEGIN, source="other", resource_system="mill")
    yield said(94, BEGIN, source="cards", resource_system="gate", subjects=(("plate", "7A"),))
    yield told("source.gap", "postgres.pgaudit", expected=42, got=44, missing=2)
    yield told("source.gap", "postgres.pgaudit", expected=900, got=902, missing=2)
    yield told("source.gap", "postgres.pgaudit")
    yield told("source.silence", "postgres.pgaudit", since=NOW - HOUR_MS)
    yield told("source.silence", "other", since=NOW - HOUR_MS)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Give a home with these events."""
    home: Path = tmp_path_factory.mktemp("home")
    with open_here(home) as running:
        record_events(running.appender, list(events()))
        running.index.set_spans(
            [
                AccountSpan("eve", None, BEGINNING, END, "P-9", "Eve", "it", ("it",)),
                AccountSpan("ana", None, BEGINNING, END, "P-1", "Ana", "ward", ("ward",)),
            ],
            stamp=0,
        )
        running.follow_index()
        yield running


def report(
    opened: OpenHome, *, kind: str = "patient", asker: Asker | None = None
) -> dict[str, Any]:
    """Return what is not covered for a kind of data subject."""
    covered = NotCovered(index=opened.index, fetch=opened.reader.fetch, clock=lambda: NOW)
    return covered.report(kind, asker=asker or local_owner())


def stretches(answer: dict[str, Any], what: str) -> list[tuple[str, str | None, str]]:
    """Return begin, end and reason of the stretches of a sort."""
    return [
        (one["begins"], one["ends"], one["why"])
        for one in answer["stretches"]
        if one["what"] == what
    ]


def test_sources_of_that_kind(opened: OpenHome) -> None:
    """Only sources that tell of such data subjects are told, with the share that name nobody."""
    (source,) = report(opened)["sources"]

    assert (source["source"], source["system"]) == ("postgres.pgaudit", CLINIC)
    assert (source["subject_known"], source["subject_unknown"]) == (196 * 9, 196)
    assert source["subject_unknown_percent"] == 10.0
    (cards,) = report(opened, kind="plate")["sources"]
    assert (cards["source"], cards["events"]) == ("cards", 1)
    assert report(opened, kind="ship")["sources"] == []
    assert report(opened, kind="ship")["stretches"] == []


def test_quiet_hours(opened: OpenHome) -> None:
    """Hours without an event are told where other days had many; nights are usual."""
    begins = BEGIN + (10 * 24 + 10) * HOUR_MS + 45 * MINUTE_MS
    ends = BEGIN + (10 * 24 + 15) * HOUR_MS

    assert stretches(report(opened), "quiet") == [
        (format_instant(begins), format_instant(ends), "no events, where about 40 are usual")
    ]


def test_gaps_and_silence(opened: OpenHome) -> None:
    """What was noticed is told with the times of the events around it, where they are known."""
    answer = report(opened)
    at = BEGIN + 12 * HOUR_MS

    gaps = stretches(answer, "gap")
    assert len(gaps) == 3
    assert gaps[-1] == (
        format_instant(at + 1), format_instant(at + 9), "2 events are missing by their numbers",
    )  # fmt: skip
    assert {(begins, ends) for begins, ends, _ in gaps[:2]} == {(format_instant(NOW), None)}
    assert stretches(answer, "silence") == [
        (format_instant(NOW - HOUR_MS), None, "the source fell silent")
    ]


def test_changes_of_what_is_written_down(opened: OpenHome) -> None:
    """Who changed it, how, and until when nothing came."""
    off = BEGIN + (5 * 24 + 9) * HOUR_MS + MINUTE_MS

    ((begins, ends, why),) = stretches(report(opened), "changed")

    assert (begins, ends) == (format_instant(off), format_instant(off + 4 * MINUTE_MS))
    assert why.startswith("Eve changed what is written down (")


def test_as_far_as_the_asker_may_see(opened: OpenHome) -> None:
    """What people of other units did is not told, and the answer says that it is limited."""
    asker = Asker("lead", frozenset({"search"}), units=("ward",))
    answer = report(opened, asker=asker)

    assert answer["is_limited"]
    assert not report(opened)["is_limited"]
    assert stretches(answer, "changed") == stretches(answer, "gap") == []
    assert len(stretches(answer, "quiet")) == 1
    other = Asker("lead", frozenset({"search"}), systems=("gate",))
    assert report(opened, asker=other)["sources"] == []


def test_figures_are_kept_for_a_minute(opened: OpenHome) -> None:
    """The same asker has the same figures for a minute, and later ones after."""
    now = [NOW]
    covered = NotCovered(index=opened.index, fetch=opened.reader.fetch, clock=lambda: now[0])
    first = covered.report("patient", asker=local_owner())
    now[0] += 59_000
    again = covered.report("patient", asker=local_owner())
    other = covered.report("plate", asker=local_owner())
    now[0] += 1_000

    assert again is first
    assert other["kind"] == "plate"
    assert covered.report("patient", asker=local_owner())["as_of"] == format_instant(now[0])
    now[0] -= 3_600_000  # The clock went back.
    assert covered.report("patient", asker=local_owner())["as_of"] == format_instant(now[0])


def test_what_took_long_is_kept_for_longer(opened: OpenHome) -> None:
    """Counting takes no more than a two-hundredth of the time."""
    ticks = iter([NOW, NOW + 3_000, NOW + 599_000, NOW + 601_000, NOW + 601_000])
    covered = NotCovered(index=opened.index, fetch=opened.reader.fetch, clock=lambda: next(ticks))
    first = covered.report("patient", asker=local_owner())

    assert covered.report("patient", asker=local_owner()) is first
    assert covered.report("patient", asker=local_owner())["as_of"] == format_instant(NOW + 601_000)


def test_the_coverage_of_a_limited_asker(opened: OpenHome) -> None:
    """Whoever sees one unit is told its figures alone."""
    asker = Asker("lead", frozenset({"search"}), units=("it",))

    told = opened.services.coverage(since=None, until=None, asker=asker)

    assert told["total"]["events"] == 1
