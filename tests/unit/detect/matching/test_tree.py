"""The plain and the compiled form of a rule say the same, and tell what matched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigma.types import SigmaNumber, SigmaString

from ombud.detect.loading.sigma_values import keyword_of, predicate_of
from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.tree import All, Not, Some, matched_fields
from ombud.detect.rule import Rule

NAMES = ["a", "b", "a.b", "a.b.c", "b.c"]
names = st.sampled_from(NAMES)
texts = st.sampled_from(["x", "X", "xy", "*", "x*", "*y", "*x*", "?", "x?y", "", "1", "true"])
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(0, 2), st.sampled_from([1.0, "x", "XY", "", "1", "True"])
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c", "b.c"]), inner, max_size=3),
    ),
    max_leaves=6,
)
events = st.dictionaries(st.sampled_from([*NAMES, "c"]), values, max_size=4)


def field_is(name: str, text: str | int) -> FieldIs:
    """Return the condition that a field has a value."""
    value = SigmaString(text) if isinstance(text, str) else SigmaNumber(text)
    return FieldIs(name, predicate_of(value))


leaves = st.one_of(
    st.builds(field_is, names, st.one_of(texts, st.integers(0, 2))),
    st.builds(FieldIsNull, names),
    st.builds(FieldExists, names, st.booleans()),
    st.builds(FieldsAgree, names, names, st.booleans(), st.booleans()),
    st.builds(lambda text: Keyword(keyword_of(SigmaString(text))), texts),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, min_size=1, max_size=4).map(tuple)),
        st.builds(Some, st.lists(inner, min_size=1, max_size=4).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=8,
)


@given(tree=trees, event=events)
def test_compiled_says_the_same(tree: Node, event: dict[str, Any]) -> None:
    """The compiled form agrees with the definition on every tree and event."""
    assert bool(tree.compiled()(event)) is tree.is_match(event)


@given(tree=trees, event=events)
def test_verdict_is_kept(tree: Node, event: dict[str, Any]) -> None:
    """What is decided by the absence of fields is what an event without them gets."""
    carried = {name for name in NAMES if FieldExists(name, exists=True).is_match(event)}

    verdict = tree.verdict(carried.__contains__)

    assert verdict in (None, tree.is_match(event))


@given(tree=trees, event=events, data=st.data())
def test_given_leaves_the_rest(tree: Node, event: dict[str, Any], data: st.DataObject) -> None:
    """What is left of a tree when some fields are known decides as the whole."""
    top = [name for name in event if "." not in name]
    known = data.draw(st.sets(st.sampled_from(top))) if top else set()

    left = tree.given({name: event[name] for name in known})

    assert (left.is_match(event) if isinstance(left, Node) else left) is tree.is_match(event)


@given(tree=trees, event=events)
def test_matched_fields_are_fields_of_the_tree(tree: Node, event: dict[str, Any]) -> None:
    """Only what the tree names, or where a keyword stands, is told as matched."""
    told = matched_fields(tree, event) if tree.is_match(event) else {}

    assert all(values for values in told.values())
    if not any(isinstance(part, Keyword) for part in _parts(tree)):
        assert set(told) <= set(tree.fields())


def _parts(tree: Node) -> list[Node]:
    match tree:
        case All(parts) | Some(parts):
            return [inner for part in parts for inner in _parts(part)]
        case Not(part):
            return _parts(part)
    return [tree]


@pytest.mark.parametrize(
    ("detection", "event", "told"),
    [
        pytest.param("{a: x, b: [1, 2]}", {"a": "X", "b": [2, 3]}, {"a": ["X"], "b": [2]}, id="is"),
        pytest.param("a: null", {}, {"a": [None]}, id="absent"),
        pytest.param("a|exists: true", {"a": [1, 1]}, {"a": [1]}, id="exists"),
        pytest.param("a|exists: false", {}, {"a": [None]}, id="does not exist"),
        pytest.param(
            "a|fieldref: b", {"a": ["x", "y"], "b": "y"}, {"a": ["y"], "b": ["y"]}, id="reference"
        ),
        pytest.param(
            "{k: [evil], condition: k}",
            {"p": {"q": ["an evil", "x"]}},
            {"p.q": ["an evil"]},
            id="keyword",
        ),
        pytest.param(
            "{x: {a: 1}, y: {b: 1}, condition: x or y}",
            {"a": 0, "b": 1},
            {"b": [1]},
            id="the alternative that holds",
        ),
        pytest.param(
            "{x: {a: 1}, y: {b: 1}, condition: x and not y}",
            {"a": 1},
            {"a": [1]},
            id="not tells nothing",
        ),
        pytest.param("a: ['1', 1]", {"a": [1, "1", True]}, {"a": [1, "1"]}, id="kinds apart"),
    ],
)
def test_told(
    rule_of: Callable[..., Rule], detection: str, event: dict[str, Any], told: dict[str, list[Any]]
) -> None:
    """A match says which fields it was by, with the values that count."""
    rule = rule_of(detection)

    assert rule.matches(event)
    assert matched_fields(rule.tree, event) == told
