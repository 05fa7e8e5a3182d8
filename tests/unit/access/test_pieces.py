"""Pieces of the decision: names, hours, words, filters, budgets and grants, each by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.access_worlds import ATTRIBUTES, LOOK, NOW, look, snapshot
from ombud.access.attempt import Grant, Spent
from ombud.access.budget import Bounds
from ombud.access.condition import parse_condition
from ombud.access.filters import FilterText
from ombud.access.holdings import Holdings
from ombud.access.hours import Clock, Week
from ombud.access.judging import make_scene
from ombud.access.model import Hours, Limits, Terms
from ombud.access.scene import Scene
from ombud.access.terms import BarredTerms
from ombud.access.wildcards import Names
from ombud.core.errors import InputError

replace = msgspec.structs.replace


@given(st.text("ab*", max_size=8), st.text("ab\n", max_size=10))
def test_wildcards_match_as_the_shell_does(pattern: str, name: str) -> None:
    """Any run of characters, line ends among them."""
    assert Names([pattern]).match(name) == fnmatchcase(name, pattern)


def test_many_wildcards_take_no_long_time() -> None:
    """A pattern that others would try for ever on."""
    assert not Names(["*a" * 200 + "b"]).match("a" * 5_000)


def test_signs_of_expressions_are_only_signs() -> None:
    """Nothing but `*` means anything."""
    assert Names(["a.c", "(x)*"]).match("a.c")
    assert not Names(["a.c*"]).match("abc")
    assert Names(["(x)*"]).match_any(["no", "(x)yes"])


@settings(deadline=None)
@given(
    st.integers(315_532_800, 3_786_912_000),
    st.sampled_from(["UTC", "Europe/Dublin", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_the_clock_shows_what_the_zone_has(second: int, zone: str) -> None:
    """Also where clocks are set by half an hour, and right after another instant was asked."""
    clock = Clock(zone)
    at = datetime.fromtimestamp(second, UTC)
    for step in (timedelta(0), timedelta(minutes=14), timedelta(hours=1)):
        shown = (at + step).astimezone(ZoneInfo(zone))

        minute = clock.minute_of_week(int((at + step).timestamp() * 1000))

        assert minute == shown.weekday() * 1440 + shown.hour * 60 + shown.minute


@pytest.mark.parametrize(
    ("shown", "is_open"),
    [
        ("2026-11-23T07:59", False),  # Monday
        ("2026-11-23T08:00", True),
        ("2026-11-23T17:59", True),
        ("2026-11-23T18:00", False),
        ("2026-11-24T09:00", False),  # Tuesday
        ("2026-11-29T22:00", True),  # Sunday, past midnight
        ("2026-11-30T01:59", True),
        ("2026-11-30T02:00", False),
        ("2026-11-23T01:00", True),
        ("2026-11-27T12:00", True),  # Friday, all day
        ("2026-11-28T11:59", True),
        ("2026-11-28T12:00", False),
    ],
)
def test_hours_of_a_week(shown: str, is_open: bool) -> None:
    """Within a day, past midnight of the last day, and a stretch as long as a day."""
    week = Week(
        [
            Hours(days=(1,), since=480, until=1080, zone="Europe/Berlin"),
            Hours(days=(7,), since=1320, until=120, zone="Europe/Berlin"),
            Hours(days=(5,), since=720, until=720, zone="Europe/Berlin"),
        ],
        {},
    )
    instant = datetime.fromisoformat(shown).replace(tzinfo=ZoneInfo("Europe/Berlin"))

    assert week.holds(int(instant.timestamp() * 1000)) is is_open


def test_no_hours_are_never() -> None:
    """An empty list means none."""
    assert not Week([], {}).holds(NOW)


TERMS = BarredTerms(
    [
        Terms(name="a", jurisdiction="ie", reason="", words=("immigration status", "abort*")),
        Terms(name="b", jurisdiction="fr", reason="", words=("été",), codes=("X1",)),
    ]
)


@pytest.mark.parametrize(
    ("given_as_reason", "found"),
    [
        ("check of immigration  status", ("a",)),
        ("IMMIGRATION-STATUS", ("a",)),
        ("immi\u00adgra\u200btion status", ("a",)),
        ("ímmigratión status", ("a",)),
        ("immigration", ()),
        ("abortion", ("a",)),
        ("thermoabort", ()),
        ("\uff49mmigratio\uff4e status", ("a",)),
        ("un ete", ("b",)),
        (["x", {"text": "abort", "choice": ["X1"]}], ("a", "b")),
        ("x1", ()),
        ({"a": {"b": {"c": {"d": {"e": "abort"}}}}}, ("a",)),
        (None, ()),
        (7, ()),
        ("", ()),
    ],
)
def test_barred_words(given_as_reason: object, found: tuple[str, ...]) -> None:
    """However they are written, and wherever in the answers."""
    assert TERMS.find(given_as_reason) == found


def test_barred_lists_of_a_place() -> None:
    """Those of other places are left aside only if the place is known."""
    assert TERMS.find("abort été", jurisdiction="fr") == ("b",)
    assert TERMS.find("abort été", jurisdiction=None) == ("a", "b")
    assert TERMS.find("", ["X1"]) == ("b",)


def scene(**changes: Any) -> Scene:
    """Return the scene of an attempt."""
    made = snapshot(directory={("person", "ana"): {"unit": "north", "units": ["a", "b"]}})
    act = made.compiled.find_act("theft", "read", "dataset", "plates")
    assert act is not None
    return make_scene(look(**changes), act, made, NOW)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("row.a == actor.unit", 'row.a == "north"'),
        ("row.a in actor.units", 'row.a in ["a", "b"]'),
        ("row.a == 'actor.unit'", "row.a == 'actor.unit'"),
        ("row.a == actor . unit || row.b", 'row.a == "north" || row.b'),
        ("has(context.case) && row.b", "true && row.b"),
        ("has(context.recipient) || row.a == resource.id", 'false || row.a == "plates"'),
        ("row.t < context.time", 'row.t < timestamp("2026-11-22T12:00:00.000000Z")'),
        ("row.a == context.case", 'row.a == "say \\"7\\" \\\\ \\U0000000a"'),
        ("row.a == action.name && row.b == action.soft", 'row.a == "read" && row.b == true'),
        ("row.a in ['x', actor.id]", "row.a in ['x', \"ana\"]"),
    ],
)
def test_filters_have_the_values_put_in(text: str, written: str) -> None:
    """As literals, whatever is in them; texts that look like names are left alone."""
    here = scene(context={"case": 'say "7" \\ \n'}, action_properties={"soft": True})
    made = FilterText(text, ATTRIBUTES)

    assert made.find_missing(here) is None
    assert made.put_in(here) == written
    types = {"a": "string", "b": "bool", "t": "timestamp"}
    parse_condition(written, attributes=ATTRIBUTES, columns=types)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20))
def test_no_value_breaks_out_of_its_quotes(value: str) -> None:
    """What the asking program says stays one text, or there is no filter at all."""
    here = scene(context={"case": value})
    made = FilterText("row.a == context.case", ATTRIBUTES)

    if made.find_missing(here) is None:
        condition = parse_condition(
            made.put_in(here), attributes=ATTRIBUTES, columns={"a": "string"}
        )
        assert condition.test({}, {}, {}, {}, {"a": value})
        assert not condition.test({}, {}, {}, {}, {"a": f"{value}x"})
        assert condition.names == {"row.a"}


@pytest.mark.parametrize("value", [None, 7, ["x"], "\ud800", "x" * 5_000])
def test_what_cannot_be_put_in_is_missing(value: object) -> None:
    """Of another type, no text at all, or too long to be read."""
    made = FilterText("row.a == context.case", ATTRIBUTES)

    assert made.find_missing(scene(context={"case": value})) == "context.case"


def test_an_empty_list_has_no_literal() -> None:
    """So a filter over it cannot be made."""
    made = FilterText("row.a in actor.units", ATTRIBUTES)
    bare = snapshot(directory={("person", "ana"): {"units": []}})
    act = bare.compiled.find_act("theft", "read", "dataset", "plates")
    assert act is not None

    assert made.find_missing(make_scene(LOOK, act, bare, NOW)) == "actor.units"


@pytest.mark.parametrize("text", ["row.a ==", "actor.nothing == row.a"])
def test_refuses_filters_that_cannot_be_filled(text: str) -> None:
    """When the policy is compiled, not when somebody asks."""
    with pytest.raises(InputError, match="row filter"):
        FilterText(text, ATTRIBUTES)


@pytest.mark.parametrize(
    ("limits", "context", "spent", "outcome"),
    [
        ([], {"rows": 9}, Spent(), ((), None, None)),
        ([Limits(rows_per_query=5)], {}, Spent(rows=99), ((), 5, None)),
        ([Limits(rows_per_query=5)], {"rows": 5}, Spent(), ((), 5, None)),
        ([Limits(rows_per_query=0)], {}, Spent(), ((), 0, None)),
        (
            [Limits(rows_per_query=5), Limits(rows_per_query=3, bytes_per_query=9)],
            {"rows": 4, "bytes": 10}, Spent(),
            (("budget_spent:rows", "budget_spent:bytes"), 3, 9),
        ),
        ([Limits(rows_per_day=5)], {}, Spent(rows=7), (("budget_spent:rows",), 0, None)),
        ([Limits(bytes_per_day=5)], {}, Spent(bytes=2), ((), None, 3)),
        ([Limits(subjects_per_day=5)], {"subjects": 3}, Spent(subjects=3),
         (("budget_spent:subjects",), None, None)),
        ([Limits(subjects_per_day=5)], {"subjects": 2}, Spent(subjects=3), ((), None, None)),
    ],
)  # fmt: skip
def test_bounds(
    limits: list[Limits], context: dict[str, Any], spent: Spent, outcome: object
) -> None:
    """The narrowest of all, and what is left of the day."""
    bounds = Bounds(*limits)

    assert bounds.spend(context, spent) == outcome
    assert bool(bounds) is bool(limits)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from("pq"), st.integers(0, 9), st.integers(0, 9)
        ),
        max_size=12,
    ),
    st.integers(0, 9),
)
def test_holdings_find_what_a_list_would(rows: list[tuple[str, str, int, int]], now: int) -> None:
    """The nearest in force, and of these the longest; the same in any order."""
    grants = [
        Grant(str(number), "person", actor, purpose, begins, ends)
        for number, (actor, purpose, begins, ends) in enumerate(rows)
    ]
    held = Holdings(grants)
    for lineage in (("p",), ("p", "q"), ("q", "p")):
        expected = None
        for purpose in lineage:
            fitting = [
                each
                for each in grants
                if (each.actor_id, each.purpose) == ("a", purpose)
                and each.begins <= now < each.ends
            ]
            if fitting:
                expected = min(fitting, key=lambda each: (-each.ends, each.begins, each.id))
                break

        assert held.find("person", "a", lineage, now) == expected
        assert Holdings(grants[::-1]).find("person", "a", lineage, now) == expected
        assert held.find("service", "a", lineage, now) is None
        all_mine = {each.id for each in grants if each.actor_id == "a" and each.purpose in lineage}
        assert {each.id for each in held.find_all("person", "a", lineage)} == all_mine
    assert held.find_holders("person") == {each.actor_id for each in grants}
    assert bool(held) is bool(grants)
