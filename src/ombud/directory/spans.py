"""Spans: accounts, moves, hierarchy, acting supervisors and zones, flattened over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ombud.directory.kinds import Row, Rows, begins_of, ends_of
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.directory.timeline import Stretch, Timelines, disjoint

SPANS_MAX = 5_000_000  # Bounds memory; a person who moves monthly for ten years has 120.


class TooManySpansError(Exception):
    """There are more spans than `SPANS_MAX`."""


class Belonging(NamedTuple):
    """Where a person belongs for a while."""

    begins: int
    ends: int
    unit: str | None
    units: tuple[str, ...]
    role: str | None
    manager: str | None
    zone: str | None


class Belongings:
    """Where each person belongs, over all time."""

    def __init__(self, memberships: Iterable[Row], timelines: Timelines) -> None:
        by_person: dict[str, list[Stretch]] = defaultdict(list)
        for row in memberships:
            person, unit, _, from_, to = row.values
            by_person[person].append(Stretch(begins_of(from_), ends_of(to), unit, row))
        self._by_person = by_person
        self._timelines = timelines

    def of(self, person: str) -> list[Belonging]:
        """Return belongings that fill all time, in order; no two that follow say the same."""
        joined: list[Belonging] = []
        for one in self._parts(person):
            if joined and joined[-1][2:] == one[2:]:
                joined[-1] = joined[-1]._replace(ends=one.ends)
            else:
                joined.append(one)
        return joined

    def _parts(self, person: str) -> Iterator[Belonging]:
        at = BEGINNING
        for begins, ends, unit, row in disjoint(self._by_person.get(person, ())):
            if at < begins:
                yield Belonging(at, begins, None, (), None, None, None)
            role = row.values[2]
            for piece in self._timelines.within(str(unit), begins, ends):
                # A unit that is not there at the time is nobody's unit.
                here = unit if piece.units else None
                manager = next((one for one in piece.answering if one != person), None)
                yield Belonging(
                    piece.begins, piece.ends, here, piece.units, role, manager, piece.zone
                )
            at = ends
        if at < END:
            yield Belonging(at, END, None, (), None, None, None)


def account_spans(rows: Rows) -> list[AccountSpan]:
    """Return the spans of every account, in the order of account, system and time.

    Raises what `stream_spans` does.
    """
    return sorted(
        stream_spans(rows), key=lambda span: (span.account, span.system or "", span.begins)
    )


def stream_spans(rows: Rows) -> Iterator[AccountSpan]:
    """Yield the spans of every account, person by person.

    `rows` has been checked.  Who is acting for a unit answers for it meanwhile; a
    unit for which nobody answers is answered for above, and nobody by themself.
    Raises `TooManySpansError`, and `TooManyPiecesError` of the timelines.
    """
    timelines = Timelines(rows.get("unit", ()), rows.get("supervision", ()))
    belongings = Belongings(rows.get("membership", ()), timelines)
    names = {row.values[0]: row.values[1] for row in rows.get("person", ())}
    by_person: dict[str, list[Row]] = defaultdict(list)
    for row in rows.get("account", ()):
        by_person[row.values[2]].append(row)
    count = 0
    for person, accounts in by_person.items():
        spans = list(_spans_of(person, names.get(person), accounts, belongings.of(person)))
        count += len(spans)
        if count > SPANS_MAX:
            raise TooManySpansError
        yield from spans


def _spans_of(
    person: str, name: str | None, accounts: Iterable[Row], belongings: Iterable[Belonging]
) -> Iterator[AccountSpan]:
    belongings = tuple(belongings)
    for row in accounts:
        account, system, _, from_, to = row.values
        first, last = begins_of(from_), ends_of(to)
        for one in belongings:
            begins, ends = max(one.begins, first), min(one.ends, last)
            if begins < ends:
                yield AccountSpan(account, system, begins, ends, person, name, *one[2:])
