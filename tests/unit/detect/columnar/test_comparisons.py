"""Comparisons: what is said of a column of numbers is what each check says of each number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.detect.columnar.comparisons import PREDICATES_MAX, Comparisons
from ombud.detect.columnar.screen import Screen
from ombud.detect.matching.predicates import Compare, text_pattern

numbers = st.one_of(
    st.integers(-5, 5),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 0.5, -0.0, 1e308]),
    st.floats(allow_nan=False, allow_infinity=False),
)
cells = st.one_of(numbers, st.sampled_from([UNSET, None]))
others = st.one_of(cells, st.sampled_from(["3", "x", True, [1, 9], {"a": 1}]))
predicates = st.builds(Compare, st.sampled_from(["lt", "lte", "gt", "gte", "neq"]), numbers)


@given(
    some=st.lists(predicates, min_size=1, max_size=6, unique=True),
    column=st.lists(others, max_size=12) | st.lists(cells, max_size=12),
)
def test_columns_are_as_their_cells(some: list[Compare], column: list[Any]) -> None:
    """A screen gives every cell the rules whose comparison it meets, however it looks."""
    screen = Screen({one: [number] for number, one in enumerate(some)})

    rules, places = screen.candidates(screen.column(column))

    expected = {
        (rule, place)
        for rule, one in enumerate(some)
        for place, cell in enumerate(column)
        for value in (cell if isinstance(cell, list) else [cell])
        if value is not None and value is not UNSET and one.check()(value)
    }
    assert set(zip(rules.tolist(), places.tolist(), strict=True)) == expected


@pytest.mark.parametrize(
    "some",
    [
        pytest.param([], id="none"),
        pytest.param([Compare("gt", 1), text_pattern(("a",), cased=False)], id="a text"),
        pytest.param([Compare("gt", 1, "hour")], id="a part of a time"),
        pytest.param([Compare("gt", 2**60 + 1)], id="a bound that no double is"),
        pytest.param([Compare("gt", one) for one in range(PREDICATES_MAX + 1)], id="too many"),
    ],
)
def test_what_is_no_plain_comparison_is_left_alone(some: list[Any]) -> None:
    """Only bounds on numbers are compared by the column."""
    assert Comparisons.of(some) is None
