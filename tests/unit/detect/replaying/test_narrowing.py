"""Narrowing: whatever is stored of events, no row that a rule matches is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from doubles.detections import NAMES, events, trees, values
from ombud.detect.columnar.rows import cell_of
from ombud.detect.correlation.model import Correlation
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.matching.atoms import FieldIs, FieldsAgree, Node
from ombud.detect.matching.predicates import Compare, Text
from ombud.detect.matching.tree import All, Not, Some
from ombud.detect.replaying import narrowing
from ombud.detect.replaying.narrowing import (
    ANYTHING,
    Cells,
    Elements,
    Narrowing,
    OneOf,
    Rows,
    distinct,
)
from ombud.detect.replaying.replay import warm_up

texts = st.lists(st.sampled_from(("a", "A", "ß", "ẞ", "İ", "b")), max_size=3)


class Stored:
    """Views, with what a store tells of each of their fields."""

    def __init__(self, views: Sequence[Mapping[str, Any]], tell: Mapping[str, str]) -> None:
        self._views = views
        self._tell = tell

    def cells(self, field: str, rows: Rows) -> Cells | None:
        """Return a field as it is, as one of two, as anything, or not at all."""
        way = self._tell.get(field, "as it is")
        if way == "not stored":
            return None
        found = [self._cell(dict(self._views[row]), field, way) for row in rows.tolist()]
        return Cells(np.arange(len(rows)), found)

    def _cell(self, view: dict[str, Any], field: str, way: str) -> Any:
        cell = cell_of(view, field)
        if way == "anything":
            return ANYTHING
        return OneOf(("other", cell, UNSET)) if way == "one of" and not _nested(cell) else cell

    def elements(self, field: str, rows: Rows) -> Elements | None:
        """Return a field that has lists of text in every row."""
        lists = [self._views[row].get(field, []) for row in rows.tolist()]
        if self._tell.get(field) != "lists" or not all(_is_texts(one) for one in lists):
            return None
        every = [text for one in lists for text in one]
        places = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
        return Elements(places, np.arange(len(every)), every)

    def cost(self, field: str) -> int:
        """Return some cost."""
        return NAMES.index(field) if field in NAMES else 9


def _nested(cell: Any) -> bool:
    return isinstance(cell, list | dict)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def left(node: Node, stored: Stored, count: int) -> set[int]:
    """Return the rows that narrowing leaves."""
    rows = Narrowing(node).rows(stored, np.arange(count, dtype=np.int64))
    assert sorted(set(rows.tolist())) == rows.tolist()
    return set(rows.tolist())


@given(
    trees,
    st.lists(events, max_size=8),
    st.dictionaries(
        st.sampled_from(NAMES), st.sampled_from(("one of", "anything", "not stored")), max_size=3
    ),
)
def test_no_match_is_left_out(
    tree: Node, views: list[dict[str, Any]], tell: dict[str, str]
) -> None:
    """Of any tree over any events, whatever is known of their fields."""
    matching = {row for row, view in enumerate(views) if tree.is_match(view)}

    assert matching <= left(tree, Stored(views, tell), len(views))


@given(trees, st.lists(events, max_size=8))
def test_what_is_known_wholly_is_narrowed_wholly(tree: Node, views: list[dict[str, Any]]) -> None:
    """Without keywords, and with every field known, what is left is what matches.

    But for conditions on more than one field at different depths, which no store knows.
    """
    parts = [tree]
    while parts:
        part = parts.pop()
        if isinstance(part, All | Some):
            parts.extend(part.parts)
        elif isinstance(part, Not):
            parts.append(part.part)
        elif not list(part.fields()):
            return
    matching = {row for row, view in enumerate(views) if tree.is_match(view)}

    assert left(tree, Stored(views, {}), len(views)) == matching


@pytest.mark.parametrize("is_turned", [False, True])
@given(st.lists(st.tuples(texts, st.one_of(st.none(), values)), max_size=6), st.booleans())
def test_lists_agree_with_texts(
    is_turned: bool,
    pairs: list[tuple[list[str], Any]],
    is_negated: bool,
) -> None:
    """As the definition says, for one text beside a list, and for what is no text."""
    views = [{"a": some} | ({} if one is None else {"b": one}) for some, one in pairs]
    node: Node = FieldsAgree("b", "a") if is_turned else FieldsAgree("a", "b")
    node = Not(node) if is_negated else node
    matching = {row for row, view in enumerate(views) if node.is_match(view)}

    found = left(node, Stored(views, {"a": "lists"}), len(views))

    assert matching <= found
    clear = {row for row, (_, one) in enumerate(pairs) if one is None or isinstance(one, str)}
    assert found & clear == matching & clear


@pytest.mark.parametrize("operator", ["lt", "lte", "gt", "gte", "neq"])
@pytest.mark.parametrize("is_negated", [False, True])
def test_fractions_at_once(operator: str, *, is_negated: bool) -> None:
    """They compare as they do one by one; a missing one is met by nothing."""
    numbers = [0.0, -0.0, 29.999999999999996, 30.0, 30.000000000000004, None, 1e300]
    node: Node = FieldIs("d", Compare(operator, 30))
    node = Not(node) if is_negated else node
    views = [{} if one is None else {"d": one} for one in numbers]

    class Fractions(Stored):
        def cells(self, field: str, rows: Rows) -> Cells | None:
            told = super().cells(field, rows)
            assert told is not None
            by_row = np.array([np.nan if one is UNSET else one for one in told.cells])
            return Cells(told.codes, told.cells, by_row)

    matching = {row for row, view in enumerate(views) if node.is_match(view)}
    assert left(node, Fractions(views, {}), len(views)) == matching


def test_a_value_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again when more of them are known than are kept; the same is found."""
    asked: list[Any] = []
    node = FieldIs("a", Text(("x",)))

    def test(view: dict[str, Any]) -> bool:
        asked.append(view.get("a"))
        return view.get("a") == "x"

    def check(text: str) -> bool:
        asked.append(text)
        return text == "x"

    monkeypatch.setattr(FieldIs, "compiled", lambda _self: test)
    monkeypatch.setattr(Text, "check", lambda _self: check)
    views = [{"a": one} for one in ("x", "y", "x", 0.0, -0.0, True, 1)]
    narrowing_ = Narrowing(node)
    every = np.arange(len(views), dtype=np.int64)
    stored = Stored(views, {})

    assert narrowing_.rows(stored, every).tolist() == [0, 2]
    assert asked == ["x", "y", 0.0, -0.0, True, 1]
    narrowing_.rows(stored, every)
    assert len(asked) == 6
    monkeypatch.setattr(narrowing, "OUTCOMES_MAX", 1)
    assert narrowing_.rows(Stored([{"a": "z"}, *views], {}), every).tolist() == [1, 3]
    assert len(asked) > 6


@pytest.mark.parametrize("most", [0, 1 << 20])
def test_pairs_of_codes(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Those that rows have, whether looked up in a table or sorted."""
    monkeypatch.setattr(narrowing, "_TABLE_MAX", most)
    first, second = np.array([2, 0, 2, 1]), np.array([0, 1, 0, 1])

    pairs, codes = distinct(first, second, 2)

    assert [pairs[code] for code in codes.tolist()] == [(2, 0), (0, 1), (2, 0), (1, 1)]
    assert len(pairs) == 3
    assert distinct(first[:0], second[:0], 2)[0] == []


def test_how_far_correlations_look_back() -> None:
    """By their own timespan and those of what they refer to."""
    inner = correlation_of("inner", ["rule"], "5m")
    outer = correlation_of("outer", ["inner"], "1h")

    assert warm_up([]) == 0
    assert warm_up([inner]) == 300_000
    assert warm_up([inner, outer]) == 3_900_000


def correlation_of(name: str, rules: list[str], timespan: str) -> Correlation:
    """Return a correlation that counts matches of rules."""
    counted = {"type": "event_count", "rules": rules, "timespan": timespan}
    document = {"title": name, "id": name, "correlation": {**counted, "condition": {"gte": 2}}}
    return parse_correlation(document, path="c.yml")
