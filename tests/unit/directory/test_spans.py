"""Spans are exactly what the rows say of an instant: ten thousand moves against an oracle."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.directory.checks import check_rows
from ombud.directory.faults import Faults
from ombud.directory.kinds import Row, Rows
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.directory.spans import account_spans

ZONES = ("Europe/Berlin", "America/New_York", None)
Answer = tuple[Any, ...] | None


def rows_of(**kinds: list[tuple[Any, ...]]) -> Rows:
    """Return rows, each with the place of its own."""
    return {
        kind: [Row(values, f"{kind}.csv", line) for line, values in enumerate(rows, 2)]
        for kind, rows in kinds.items()
    }


def holds(values: tuple[Any, ...], at: int) -> bool:
    """Whether a row whose last values are `from` and `to` holds at an instant."""
    begins, ends = values[-2:]
    return (begins is None or begins <= at) and (ends is None or at < ends)


def oracle(rows: Rows, account: str, system: str | None, at: int) -> Answer:
    """Answer for one account, system and instant by reading every row, one question a time."""

    def those(kind: str, **wanted: int | str) -> Iterator[tuple[Any, ...]]:
        for row in rows.get(kind, []):
            if holds(row.values, at) and row.values[0] == wanted["first"]:
                yield row.values

    owners = [v for v in those("account", first=account) if v[1] in {None, system}]
    if not owners:
        return None
    ((_, _, person, _, _),) = owners
    name = next(row.values[1] for row in rows["person"] if row.values[0] == person)
    members = list(those("membership", first=person))
    if not members:
        return (person, name, None, (), None, None, None)
    ((_, unit, role, _, _),) = members
    path: list[str] = []
    zone = manager = None
    above: str | None = unit
    while above is not None:
        here = list(those("unit", first=above))
        if not here:
            break
        ((_, _, parent, own_zone, _, _),) = here
        path.append(above)
        zone = zone or own_zone
        heads = sorted(those("supervision", first=above), key=lambda v: not v[2])
        if manager is None and heads and heads[0][1] != person:
            manager = heads[0][1]
        above = parent
    found = unit if path else None
    return (person, name, found, tuple(path), role, manager, zone)


def answer_of(spans: list[AccountSpan], account: str, system: str | None, at: int) -> Answer:
    """Answer the same from spans; there is one span at most."""
    there = [
        span
        for span in spans
        if span.account == account
        and span.system in {None, system}
        and span.begins <= at < span.ends
    ]
    if not there:
        return None
    (span,) = there
    return (
        span.person,
        span.name,
        span.unit,
        span.units,
        span.role,
        span.manager,
        span.zone,
    )


class World:
    """A made-up organisation in which everything moves: times are 0 to 100."""

    def __init__(self, seed: int, *, moves: int) -> None:
        self.dice = random.Random(seed)
        self.persons = [f"p{n}" for n in range(8)]
        self.units = [f"u{n}" for n in range(7)]
        dice = self.dice
        self.rows = rows_of(
            person=[(person, f"name of {person}") for person in self.persons],
            unit=[
                (unit, None, self._parent(n, turned), dice.choice(ZONES), begins, ends)
                for n, unit in enumerate(self.units)
                for first, last in self._times(3)
                for turned, begins, ends in self._turn(first, last)
            ],
            supervision=[
                (unit, dice.choice(self.persons), acting, begins, ends)
                for unit in self.units
                for acting in (False, True)
                for begins, ends in self._times(3)
            ],
            membership=[
                (person, dice.choice(self.units), dice.choice(("clerk", None)), begins, ends)
                for person in self.persons
                for begins, ends in self._times(moves)
            ],
            account=[
                (f"a{n}", system, dice.choice(self.persons), begins, ends)
                for n in range(6)
                for system in ((None,) if n % 2 else ("db", "files"))
                for begins, ends in self._times(3)
            ],
        )

    def _parent(self, number: int, is_turned: bool) -> str | None:
        above = self.units[number + 1 :] if is_turned else self.units[:number]
        return self.dice.choice((None, *above))

    @staticmethod
    def _turn(
        begins: int | None, ends: int | None
    ) -> Iterator[tuple[bool, int | None, int | None]]:
        """Cut a time at 50, when what was above comes below."""
        if begins is None or begins < 50:
            yield False, begins, ends if ends is not None and ends <= 50 else 50
        if ends is None or ends > 50:
            yield True, begins if begins is not None and begins >= 50 else 50, ends

    def _times(self, count: int) -> Iterator[tuple[int | None, int | None]]:
        """Yield times that do not overlap: some always, some with gaps, some touching."""
        cuts = sorted(self.dice.sample(range(101), 2 * count))
        if self.dice.random() < 0.5:
            cuts[1::2] = [*cuts[2::2], cuts[-1]]
        for begins, ends in zip(cuts[::2], cuts[1::2], strict=True):
            first = None if begins == cuts[0] and self.dice.random() < 0.3 else begins
            last = None if ends == cuts[-1] and self.dice.random() < 0.3 else ends
            if begins == cuts[0] or self.dice.random() < 0.85:
                yield first, last


@pytest.mark.parametrize("seed", range(30))
def test_ten_thousand_moves(seed: int) -> None:
    """30 worlds of 8 people with some 42 moves each: at every instant what the rows say."""
    world = World(seed, moves=50)
    spans = account_spans(world.rows)
    instants = world.dice.sample(range(-1, 102), 12)
    for account in sorted({row.values[0] for row in world.rows["account"]}):
        for system in ("db", "files", "mail", None):
            for at in instants:
                said = answer_of(spans, account, system, at)
                assert said == oracle(world.rows, account, system, at), (account, system, at)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), at=st.integers(-1, 102), account=st.integers(0, 5))
def test_any_world_at_any_instant(seed: int, at: int, account: int) -> None:
    """Whatever the world, the spans say what the rows say."""
    world = World(seed, moves=4)
    spans = account_spans(world.rows)
    for system in ("db", "files", None):
        said = answer_of(spans, f"a{account}", system, at)
        assert said == oracle(world.rows, f"a{account}", system, at)


def test_worlds_are_in_order() -> None:
    """The made-up worlds pass the checks, so that they are what a load would let through."""
    for seed in range(25):
        faults = Faults()
        check_rows(World(seed, moves=4).rows, zones={zone for zone in ZONES if zone}, faults=faults)
        # By chance people answer for each other, or one is both named and acting; no more.
        assert {fault.reason.partition(":")[0] for fault in faults.shown} <= {
            "supervisors answer for each other",
            "this supervision stands twice, and differently",
        }


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_spans_never_overlap(seed: int) -> None:
    """Spans of one account on one system follow each other, and no two that touch are the same."""
    spans = account_spans(World(seed, moves=6).rows)
    for one, other in itertools.pairwise(spans):
        if (one.account, one.system) == (other.account, other.system):
            assert one.begins < one.ends <= other.begins < other.ends


STAFF: dict[str, list[tuple[Any, ...]]] = {
    "person": [("ana", "Ana Field"), ("ben", None), ("cy", None)],
    "account": [("adm", "db", "ana", None, None)],
    "unit": [
        ("county", None, None, "America/New_York", None, None),
        ("patrol", None, "county", None, None, None),
        ("annex", None, "county", "Europe/Berlin", 10, None),
    ],
    "membership": [("ana", "patrol", "officer", 0, 50), ("ana", "annex", None, 50, None)],
    "supervision": [
        ("patrol", "ben", False, None, None),
        ("patrol", "ana", True, 20, 30),
        ("county", "cy", False, None, None),
    ],
}


@pytest.mark.parametrize(
    ("at", "unit", "manager", "zone"),
    [
        pytest.param(-1, None, None, None, id="before the first unit"),
        pytest.param(0, "patrol", "ben", "America/New_York", id="zone of the unit above"),
        pytest.param(20, "patrol", "cy", "America/New_York", id="acting: nobody for themself"),
        pytest.param(30, "patrol", "ben", "America/New_York", id="the end itself does not count"),
        pytest.param(50, "annex", "cy", "Europe/Berlin", id="nobody named: answered for above"),
    ],
)
def test_one_career(at: int, unit: str | None, manager: str | None, zone: str | None) -> None:
    """Moves, acting supervisors and zones, each at its instant."""
    (span,) = [s for s in account_spans(rows_of(**STAFF)) if s.begins <= at < s.ends]

    assert (span.person, span.name, span.unit) == ("ana", "Ana Field", unit)
    assert (span.manager, span.zone) == (manager, zone)


def test_account_without_times_is_always() -> None:
    """From the beginning to the end of all time, in one span where nothing else changes."""
    (span,) = account_spans(
        rows_of(person=[("ana", None)], account=[("adm", None, "ana", None, None)])
    )

    assert span == AccountSpan("adm", None, BEGINNING, END, "ana")


def test_units_that_changed_places() -> None:
    """A above B, then B above A: each instant has its own order."""
    spans = account_spans(
        rows_of(
            person=[("ana", None)],
            account=[("adm", None, "ana", None, None)],
            membership=[("ana", "a", None, None, None)],
            unit=[
                ("a", None, None, None, None, 10),
                ("a", None, "b", None, 10, None),
                ("b", None, "a", None, None, 10),
                ("b", None, None, None, 10, None),
            ],
        )
    )

    assert [(span.ends, span.units) for span in spans] == [(10, ("a",)), (END, ("a", "b"))]
