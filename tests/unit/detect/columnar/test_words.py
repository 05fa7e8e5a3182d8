"""Keywords are found by the text of an event only where that is certain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.detections import events, keywords, plain_hits, rules_of, trees
from ombud.detect.columnar.plain_text import plain_texts
from ombud.detect.columnar.program import Program
from ombud.detect.columnar.rows import ViewRows
from ombud.detect.columnar.words import literal_of
from ombud.detect.matching.atoms import FieldIs, Keyword, Node
from ombud.detect.matching.predicates import (
    Number,
    NumberWithin,
    Predicate,
    Regex,
    Wild,
    text_pattern,
)
from ombud.detect.matching.tree import All

MANY = Wild.MANY


class TextRows(ViewRows):
    """Views with the JSON they are written in, where every text stands as it is."""

    def __init__(self, views: list[dict[str, Any]]) -> None:
        super().__init__(views)
        self.looked_at = 0

    def view(self, row: int) -> dict[str, Any]:
        """Return the view, and count that it was asked for."""
        self.looked_at += 1
        return super().view(row)

    def texts(self, rows: Sequence[int]) -> Sequence[bytes | memoryview] | None:
        """Return the JSON of views, if all of them have one."""
        try:
            return plain_texts([orjson.dumps(self._views[row]) for row in rows])
        except TypeError:
            return None


@pytest.mark.parametrize(
    ("predicate", "literal"),
    [
        pytest.param(text_pattern([MANY, "Drop Table", MANY]), "drop table", id="text"),
        pytest.param(text_pattern([MANY, "Ab", MANY], cased=True), "ab", id="cased"),
        pytest.param(text_pattern([MANY, "ab", MANY, "cde", MANY]), "cde", id="longest"),
        pytest.param(
            text_pattern([MANY, "\u0391\u03a3ab\u03a3", MANY]), "ab", id="letters outside of ASCII"
        ),
        pytest.param(text_pattern([MANY, "\u03a3", MANY]), None, id="no ASCII"),
        pytest.param(text_pattern([MANY, '\\a b/c"de', MANY]), "a b", id="may be escaped"),
        pytest.param(text_pattern([MANY, "10.5", MANY]), None, id="may be written 1.05e1"),
        pytest.param(text_pattern([MANY, "e+1", MANY]), None, id="part of a number"),
        pytest.param(text_pattern([MANY, "na", MANY]), None, id="part of no number"),
        pytest.param(text_pattern([MANY]), None, id="anything"),
        pytest.param(NumberWithin("true"), None, id="boolean"),
        pytest.param(Number("1"), None, id="number"),
        pytest.param(Regex("abc"), None, id="expression"),
    ],
)
def test_literals(predicate: Predicate, literal: str | None) -> None:
    """The literal of a keyword stands in every event that it matches, or there is none."""
    assert literal_of(predicate) == literal


@settings(max_examples=250, deadline=None)
@given(
    nodes=st.lists(st.one_of(trees, keywords.map(Keyword)), min_size=1, max_size=8),
    views=st.lists(events, max_size=8),
)
def test_equals_the_plain_matcher(nodes: list[Node], views: list[dict[str, Any]]) -> None:
    """With texts to look at, a program finds the same."""
    rules = rules_of(nodes)

    assert Program(rules).match(TextRows(views)) == plain_hits(rules, views)


def test_events_without_the_words_are_not_decoded() -> None:
    """Only the event in whose text a keyword stands is looked at as a whole."""
    word = Keyword(text_pattern([MANY, "secret", MANY]))
    both = All((word, FieldIs("b", text_pattern(["x"]))))
    rows = TextRows(
        [{"a": "b"}, {"a": "my SECRET"}, {"secret": "a"}, {"b": "x"}, {"b": ["x", "secret"]}]
    )

    assert Program(rules_of([word])).match(rows) == [(1, 0), (4, 0)]
    assert rows.looked_at == 3
    assert Program(rules_of([both])).match(rows) == [(4, 0)]
    assert rows.looked_at == 5
