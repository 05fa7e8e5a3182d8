"""SQL of people: what the directory says of an event's account at the event's time.

Tests are made on the spans, of which there are thousands, and not on the events.
"""

from __future__ import annotations

from collections.abc import Callable

from ombud.query.bindings import Bindings
from ombud.query.columns import Column, Storage
from ombud.query.names import PEOPLE
from ombud.query.tree import Equals, Test

Compile = Callable[[Column, Test], str]


def person_test(name: str, test: Test, compile_test: Compile, bindings: Bindings) -> str:
    """Return SQL that is true when the person, or a unit at or above theirs, passes the test."""
    if name == "actor.unit":
        one = compile_test(Column("one", Storage.TEXT), test)
        passes = f'len(list_filter("units", lambda one: {one})) > 0'
    else:
        passes = compile_test(Column(f'"{PEOPLE[name]}"', Storage.TEXT), test)
        if name == "person" and isinstance(test, Equals):
            # By it the spans are sorted: a few are read instead of all.
            passes = f'"person_hash" = hash({bindings.add(test.value)}::VARCHAR) AND {passes}'
    return bindings.of_span(f"({passes})")


def has_person(name: str, bindings: Bindings) -> str:
    """Return SQL that is true when the directory says something here."""
    return bindings.of_span(f"(trim(\"{PEOPLE[name]}\") <> '')")


def person_column(name: str, bindings: Bindings) -> str:
    """Return SQL for what the directory says, to count by; the unit is the nearest one."""
    return bindings.of_span(f'"{PEOPLE[name]}"')


def unit_test(units: str, bindings: Bindings) -> str:
    """Return SQL that is true when the unit or one above it is in the list, false when not.

    It is null when the directory does not know the account, or no unit of it.
    """
    return bindings.of_span(
        f'CASE WHEN "unit" IS NOT NULL THEN list_has_any("units", {units}::VARCHAR[]) END'
    )
