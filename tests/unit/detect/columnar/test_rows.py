"""Cells of plain views: what every other kind of rows is measured by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from ombud.detect.columnar.prefetched import Prefetched
from ombud.detect.columnar.rows import Absent, Cells, Rows, ViewRows, cell_of, values_of
from ombud.detect.matching.paths import find_values, is_present

NAMES = ("a", "b", "a.b", "a.b.c", "b.c")
values = st.recursive(
    st.one_of(st.none(), st.integers(0, 3), st.text("xy", max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c", "b.c"]), inner, max_size=3),
    ),
    max_leaves=8,
)
events = st.dictionaries(st.sampled_from(["a", "b", "a.b", "a.b.c", "b.c"]), values, max_size=4)


@settings(deadline=None)
@given(views=st.lists(events, max_size=4))
def test_a_cell_says_what_the_paths_say(views: list[dict[str, Any]]) -> None:
    """Opened, a cell is the values found; and it is UNSET exactly when there are none."""
    rows: Rows = ViewRows(views)
    cells = rows.cells(frozenset(NAMES))
    for name in NAMES:
        for view, cell in zip(views, cells[name], strict=True):
            assert list(values_of(cell)) == list(find_values(view, name))
            assert (cell is not UNSET) is is_present(view, name)


@pytest.mark.parametrize(
    ("event", "cell"),
    [
        ({}, UNSET),
        ({"a": {"b": None}}, None),
        ({"a": {"b": []}}, []),
        ({"a": {"b": {"c": 1}}}, {"c": 1}),
        ({"a": [{"b": 1}, {"b": [2]}]}, [1, [2]]),
        ({"a": [{"b": 1}]}, 1),
        ({"a.b": 1, "a": {"b": 2}}, [1, 2]),
    ],
)
def test_cell(event: dict[str, Any], cell: object) -> None:
    """One value stands for itself, several for a list of them."""
    assert cell_of(event, "a.b") == cell


def test_some_rows_in_the_order_asked() -> None:
    """A subset of rows gives its cells in the order of the subset."""
    rows = ViewRows([{"a": number} for number in range(4)])
    assert rows.cells(frozenset({"a"}), [2, 0])["a"] == [2, 0]
    assert rows.view(3) == {"a": 3}
    assert rows.texts([0]) is None


def test_absent_column() -> None:
    """It is a sequence of UNSET of the length said, and so are its slices."""
    column = Absent(3)
    assert list(column) == [UNSET] * 3
    assert column[-1] is UNSET
    assert len(column[1:]) == 2
    assert isinstance(column[1:], Absent)
    with pytest.raises(IndexError):
        column[3]


def test_prefetched_rows_are_the_rows() -> None:
    """What is at hand is not decoded again, and everything else is as the rows have it."""
    views: list[dict[str, Any]] = [{"a": 1, "b": "x"}, {"b": None}]
    asked: list[frozenset[str]] = []

    class Watched(ViewRows):
        def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
            asked.append(names)
            return super().cells(names, rows)

    rows = Prefetched(Watched(views), frozenset("ab"))
    plain = ViewRows(views)

    for names in (frozenset("a"), frozenset("ab"), frozenset("abc"), frozenset[str]()):
        assert rows.cells(names) == plain.cells(names)
        assert rows.cells(names, [1]) == plain.cells(names, [1])
    assert [rows.view(row) for row in range(rows.count)] == views
    assert rows.texts([0]) is None
    assert asked.count(frozenset("a")) == 1  # For the one row that was asked for.
