"""Sources of vendors: whatever becomes of a record, an event or a refusal, and never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.memory_record import MemoryRecord
from doubles.spoilt_records import spoilt
from ombud.collect.act_table import ACTION_UNKNOWN
from ombud.collect.fit import fit
from ombud.collect.intake import IntakeResult
from ombud.collect.sources import get_source
from ombud.core.canonical import encode_groups
from ombud.core.errors import EventError
from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES

FOLDER = Path(__file__).resolve().parents[2] / "golden" / "sources"
LOGS = {
    "databricks.audit": "delivered.ndjson",
    "github.audit": "audit.ndjson",
    "okta.systemlog": "log.ndjson",
    "snowflake.query_history": "rows.ndjson",
    "trino.events": "events.ndjson",
}
each_kind = pytest.mark.parametrize("kind", LOGS)


def lines_of(kind: str) -> list[bytes]:
    """Return the records of the golden log."""
    return (FOLDER / kind / LOGS[kind]).read_bytes().splitlines()


def records_of(kind: str) -> list[dict[str, Any]]:
    """Return the records of the golden log, read."""
    return [json.loads(line) for line in lines_of(kind)]


SPOILT = {kind: spoilt(records_of(kind)) for kind in LOGS}


@each_kind
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_spoilt_records(kind: str, data: st.DataObject) -> None:
    """Members replaced, removed and misplaced: an event in the closed words, or a refusal."""
    raw = data.draw(SPOILT[kind])
    try:
        event = get_source(kind).parse(raw, now_ms=1)
    except EventError:
        return
    fitted, groups = fit(event, now_ms=1)
    assert fitted.raw == raw
    assert groups == encode_groups(fitted)
    assert fitted.source == kind
    assert fitted.action in ACTIONS
    assert fitted.actor_type in {None, *ACTOR_TYPES}
    assert fitted.outcome in {None, *OUTCOMES}
    assert fitted.time_known is ("time_unknown" not in (fitted.flags or ()))
    assert len(fitted.flags or ()) < 64


@each_kind
def test_an_array_and_lines_are_the_same(
    kind: str,
    feed: Callable[..., IntakeResult],
    sink: MemoryRecord,
) -> None:
    """Records come through whole from lines, and from an array of the same."""
    lines = lines_of(kind)

    assert feed(get_source(kind), b"\n".join(lines)).recorded == len(lines)
    assert [event.raw for event in sink.events] == lines
    again = feed(get_source(kind), b"[" + b",\n".join(lines) + b"]", "array.json")
    assert (again.read, again.quarantined) == (len(lines), 0)
    assert {event.raw for event in sink.events} == set(lines)


@each_kind
def test_unknown_acts_are_counted(kind: str) -> None:
    """An operation that no row knows is `other` and flagged; each golden log has one."""
    source = get_source(kind)
    events = [source.parse(line, now_ms=1) for line in lines_of(kind)]

    unknown = [event for event in events if ACTION_UNKNOWN in (event.flags or ())]
    assert unknown
    assert {event.action for event in unknown} == {"other"}


@each_kind
@pytest.mark.parametrize("raw", [b"{}", b"[]", b'{"a":1}', b"1", b""])
def test_what_is_no_record(kind: str, raw: bytes) -> None:
    """JSON of something else is refused, so that it is kept in quarantine."""
    with pytest.raises(EventError):
        get_source(kind).parse(raw, now_ms=1)
