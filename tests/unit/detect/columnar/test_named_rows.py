"""Cells of the record: what the plain named view would have said, and who is no event."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.core.canonical import NO_DATA_SUBJECT, encode_groups
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.fields import FIELDS
from ombud.detect.columnar.named_rows import NamedColumns, NamedRows
from ombud.detect.columnar.rows import Absent, values_of
from ombud.detect.matching.paths import find_values, is_present
from ombud.detect.view import SUBJECT_FIELDS, view_of_row

NOON = 1_795_348_800_000
NAMES = frozenset(
    (
        *(field.name for field in FIELDS),
        *SUBJECT_FIELDS,
        *(
            "attributes.a",
            "attributes.a.b",
            "attributes.",
            "unmapped.x y",
            "time.x",
            "subjects.kind",
        ),
        *("", "nothing", "source.", "derived.idle_days"),
    )
)
EVENTS = (
    Event(time=NOON, source="county.records", action="read", raw=b""),
    Event(
        time=NOON,
        source="county.records",
        action="search",
        actor_id="ana",
        on_behalf_of=("ben", "cy"),
        subjects=(("patient", "dee"), ("patient", "é")),
        place_lat=52.0,
        attributes={"a": {"b": [1, {"c": 2}]}, "a.b": None, "": 0},
        unmapped={"x y": "é", "n": 2**63},
        flags=(),
        raw=b"",
    ),
    Event(time=NOON, source="x", action="y", actor_id="ana", subjects=(), raw=b""),
)


def committed_of(rows: Sequence[tuple[bytes, bytes, bytes]], *, is_view: bool = False) -> Committed:
    """Return the stretch of the record with these groups, whatever they are."""
    columns = [*zip(*rows, strict=True), (b"",) * len(rows)]
    offsets = []
    for column in columns:
        ends = array("i", [0])
        for part in column:
            ends.append(ends[-1] + len(part))
        offsets.append(ends)
    blobs = [b"".join(column) for column in columns]
    times = array("q", range(NOON, NOON + len(rows)))
    return Committed(
        0, len(rows), times, tuple(offsets), tuple(map(memoryview, blobs) if is_view else blobs)
    )


def check(committed: Committed, columns: NamedColumns, names: frozenset[str] = NAMES) -> None:
    """Hold every cell, and what is unreadable, against the plain view."""
    cells = NamedRows(columns).cells(names)
    unreadable = set()
    for row in range(committed.count):
        try:
            view = view_of_row(committed, row)
        except EventError:
            unreadable.add(row)
            assert all(cells[name][row] is UNSET for name in names)
            continue
        for name in names:
            cell, found = cells[name][row], find_values(view, name)
            said = values_of(cell)
            assert [(type(x), repr(x)) for x in said] == [(type(x), repr(x)) for x in found], name
            assert (cell is not UNSET) is is_present(view, name), name
    assert columns.unreadable == unreadable


_GOOD = [encode_groups(event) for event in EVENTS]
_MAP = _GOOD[1][2]
_BAD = (
    *(b"", NO_DATA_SUBJECT, b"[]", b"{}", b"null", b"[1]", b"[2,null]", b"\xff", b"[1,", b"[1]x"),
    _GOOD[1][0].replace(b"[1,", b"[1.0,"),
    _GOOD[1][0].replace(b"[1,", b"[true,"),
    _GOOD[1][0].replace(b"[1,", b"[2,"),
    _GOOD[1][0].replace(b'"ana"', b"17"),
    _GOOD[1][0].replace(b'"ana"', b'{"a":1}'),
    _GOOD[1][0].replace(b'"ana"', b'"\\ud800"'),
    _GOOD[1][0][:-1] + b",null]",
    _GOOD[1][1].replace(b'["patient","dee"]', b'["patient"]'),
    _GOOD[1][1].replace(b'["patient","dee"]', b"[1,null]"),
    _GOOD[1][1].replace(b"52.0", b"52"),
    _GOOD[1][1].replace(b"52.0", b"18446744073709551616"),
    _GOOD[1][1].replace(b"52.0", b"1e999"),
    _MAP.replace(b"9223372036854775808", b"18446744073709551616"),
    _MAP.replace("é".encode(), b"\xe9"),
    _MAP.replace(b'"n":', b'"\\u006e":'),
    _MAP.replace(str(NOON).encode(), b"null"),
    _MAP.replace(str(NOON).encode(), b'"noon"'),
    _MAP.replace(b'{"":0', b'[{"a":3}, 7, {"b":1'),
    _MAP.replace(b'{"":0', b'{"":0,"a":1,"a":' + b"[" * 1100 + b"]" * 1100),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(
        st.tuples(
            *(st.sampled_from([*(good[n] for good in _GOOD)] * 4 + [*_BAD]) for n in range(3))
        ),
        min_size=1,
        max_size=6,
    ),
    names=st.sets(st.sampled_from(sorted(NAMES)), min_size=1).map(frozenset),
    is_foreseen=st.booleans(),
    is_view=st.booleans(),
)
def test_any_record(
    rows: list[tuple[bytes, bytes, bytes]],
    names: frozenset[str],
    *,
    is_foreseen: bool,
    is_view: bool,
) -> None:
    """Whatever the record holds, cells and unreadable rows are those of the plain view."""
    committed = committed_of(rows, is_view=is_view)
    check(committed, NamedColumns(committed, names if is_foreseen else ()), names)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("bad", _BAD)
def test_each_fault(bad: bytes, number: int) -> None:
    """One fault beside good rows, in each group: the good rows are none the worse."""
    faulty = tuple(bad if at == number else part for at, part in enumerate(_GOOD[1]))
    committed = committed_of([_GOOD[0], faulty, _GOOD[2]])  # type: ignore[list-item]
    check(committed, NamedColumns(committed))
    check(committed, NamedColumns(committed, NAMES))


def test_chosen_rows_and_what_is_derived(
    committed_of: Callable[..., Committed], act: Callable[..., Event]
) -> None:
    """The engine chooses rows and brings columns; views and cells have both."""
    committed = committed_of([act(actor_id=name) for name in ("ana", "ben", "cy")])
    columns = NamedColumns(committed)
    rows = NamedRows(columns, [2, 0], {"derived.first_seen": [True, UNSET]})
    assert rows.count == 2
    cells = rows.cells(frozenset({"actor.id", "derived.first_seen", "x"}))
    assert list(cells["actor.id"]) == ["cy", "ana"]
    assert list(cells["derived.first_seen"]) == [True, UNSET]
    assert isinstance(cells["x"], Absent)
    some = rows.cells(frozenset({"actor.id", "derived.first_seen", "x"}), [1])
    assert [list(some[name]) for name in sorted(some)] == [["ana"], [UNSET], [UNSET]]
    assert rows.view(0)["derived.first_seen"] is True
    assert rows.view(0)["actor.id"] == "cy"
    assert "derived.first_seen" not in rows.view(1)
    assert rows.texts([0]) is None
    assert list(columns.column("source")) == ["county.records"] * 3


def test_a_number_too_large_in_a_map() -> None:
    """No encoder writes it: it is noticed where its map is asked for, at the latest then."""
    content = _MAP.replace(b"9223372036854775808", b"1e999")
    committed = committed_of([_GOOD[0], (*_GOOD[1][:2], content)])
    assert NamedColumns(committed, {"unmapped.n"}).unreadable == {1}
    columns = NamedColumns(committed, {"source"})
    assert columns.unreadable == set()
    assert list(columns.column("unmapped.n")) == [UNSET, UNSET]
    assert columns.unreadable == {1}
