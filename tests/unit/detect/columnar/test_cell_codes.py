"""Codes tell apart what JSON tells apart, and nothing else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from doubles.detections import values
from ombud.detect.columnar.groups import Group
from ombud.detect.columnar.rows import Absent
from ombud.detect.columnar.tables import Table
from ombud.detect.matching.predicates import text_pattern

ALIKE = [1, 1.0, True, "1", 0, 0.0, -0.0, False, "0", None, "null", UNSET, [], {}, [1], [1.0],
         [True], ["1"], [None], [[]], {"a": 1}, {"a": True}, {"a": 1, "b": 2}, {"b": 2, "a": 1},
         "True", "[1]", 2**70, float(2**70)]  # fmt: skip


def test_cells_of_different_kinds_have_different_codes() -> None:
    """Python takes 1 for True and 0.0 for -0.0; JSON and rules do not."""
    table = Table()

    codes = table.column(ALIKE).tolist()

    assert codes == list(range(len(ALIKE)))
    assert table.column(ALIKE).tolist() == codes
    assert [table.cells[code] for code in codes] == ALIKE
    assert table.column(Absent(2)).tolist() == [ALIKE.index(UNSET)] * 2


@given(cells=st.lists(st.one_of(values, st.just(UNSET)), max_size=20))
def test_a_code_stands_for_its_cell(cells: list[Any]) -> None:
    """Whatever the cells, in whatever company, a code leads back to a cell that is the same."""
    table = Table()
    for cell, code in zip(cells, table.column(cells).tolist(), strict=True):
        assert repr(table.cells[code]) == repr(cell)
        assert table.column([cell]).tolist() == [code]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda row: f"{row}".rjust(500, "x"), id="text"),
        pytest.param(lambda row: f"{row}".rjust(500, "\U0001f600"), id="letters of four bytes"),
        pytest.param(lambda row: [row, *([] for _ in range(500))], id="lists"),
        pytest.param(lambda row: [row, *({"": 0} for _ in range(500))], id="objects"),
        pytest.param(lambda row: {str(n + row): "" for n in range(500)}, id="keys"),
    ],
)
def test_weight_is_what_cells_take(make: Callable[[int], Any]) -> None:
    """The bound on memory holds whatever cells are made of: what is counted is what is taken."""
    table = Table()
    tracemalloc.start()
    try:
        table.column([make(row) for row in range(200)])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken < 1.2 * table.weight


def test_nested_too_deeply_to_be_spelt() -> None:
    """Such a cell gets a code of its own each time."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    table = Table()

    assert table.column([deep, deep]).tolist() == [0, 1]
    while deep:  # Taken apart step by step: Python would not survive it at once.
        deep = deep[0]


def test_forgetting() -> None:
    """A table that forgets begins anew, its verdicts too."""
    table = Table()
    hits = table.hits(Group("a", frozenset((text_pattern(["x"]),))))
    assert [*table.column(["x"]).tolist(), *table.column(["y"]).tolist()] == [0, 1]
    assert (hits[0], hits[1]) == (True, False)
    assert table.weight > 0

    table.forget()

    assert table.weight == 0
    assert table.column(["y"]).tolist() == [0]
    assert hits[0] is False
