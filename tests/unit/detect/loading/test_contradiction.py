"""Contradiction: what is proven, what is not, and that nothing false is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.detect.loading import contradiction
from ombud.detect.loading.contradiction import is_never
from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.predicates import (
    Compare,
    Number,
    Predicate,
    Regex,
    Truth,
    Wild,
    text_pattern,
)
from ombud.detect.matching.tree import All, Not, Some
from ombud.detect.rule import Rule


@pytest.mark.parametrize(
    "detection",
    [
        pytest.param("{s: {a: 1}, condition: s and not s}", id="contrary"),
        pytest.param("{s: {a: xyz}, t: {a|contains: y}, condition: s and not t}", id="contains"),
        pytest.param(
            "{s: {a|endswith: xyz}, t: {a|endswith: yz}, condition: s and not t}", id="end"
        ),
        pytest.param("{s: {a: xy*}, t: {a: x*}, condition: s and not t}", id="start"),
        pytest.param("{s: {a: XyZ}, t: {a: x?z}, condition: s and not t}", id="wildcard"),
        pytest.param("{s: {a|cased: Xy}, t: {a|re: X.}, condition: s and not t}", id="expression"),
        pytest.param("{s: {a: 5}, t: {a: '*'}, condition: s and not t}", id="anything"),
        pytest.param("{s: {a: 5}, t: {a|exists: true}, condition: s and not t}", id="exists"),
        pytest.param("{s: {a: 5}, t: {a|exists: false}, condition: s and t}", id="absent"),
        pytest.param(
            "{s: {a|fieldref: b}, t: {b|exists: false}, condition: s and t}", id="fieldref"
        ),
        pytest.param(
            "{s: {a|fieldref: b}, t: {b|exists: true}, condition: s and not t}", id="pair"
        ),
        pytest.param("{s: {a|exists: true}, t: {a|exists: false}, condition: s and t}", id="both"),
        pytest.param("{s: {a|exists: false}, t: {a: null}, condition: s and not t}", id="null"),
        pytest.param("{s: [abc], t: [b], condition: s and not t}", id="keyword"),
        pytest.param("{s: {a: [x, y]}, t: {a: [x, y, z]}, condition: s and not t}", id="list"),
        pytest.param(
            "{s: {a: [x, y]}, t: {a: x}, u: {a: y, b: 1}, v: {b: 1}, "
            "condition: s and not t and not u and v}",
            id="alternatives struck out one by one",
        ),
    ],
)
def test_proven(rule_of: Callable[..., Rule], detection: str) -> None:
    """Conditions that no event can meet."""
    assert is_never(rule_of(detection).tree)


@pytest.mark.parametrize(
    "detection",
    [
        pytest.param("{s: {a: x}, t: {a: y}, condition: s and t}", id="a list may hold both"),
        pytest.param("{s: {a: x}, t: {a: null}, condition: s and t}", id="and null"),
        pytest.param("{s: {a: x}, t: {a|cased: x}, condition: s and not t}", id="case"),
        pytest.param("{s: {a: x}, t: {a|re: x}, condition: s and not t}", id="case of expressions"),
        pytest.param("{s: {a: 1}, t: {a: '1'}, condition: s and not t}", id="1.0 is 1"),
        pytest.param("{s: {a: x}, t: {b: x}, condition: s and not t}", id="other field"),
        pytest.param("{s: {a|contains: x}, t: {a: x}, condition: s and not t}", id="wider"),
        pytest.param("{s: {a: [x, y]}, t: {a: x}, condition: s and not t}", id="y is left"),
    ],
)
def test_not_proven(rule_of: Callable[..., Rule], detection: str) -> None:
    """Conditions that some event meets."""
    assert not is_never(rule_of(detection).tree)


@pytest.mark.parametrize(
    "detection",
    [
        pytest.param("{s: {action: read}, t: {action: export}, condition: s and t}", id="texts"),
        pytest.param("{s: {actor.id: a*}, t: {actor.id: b*}, condition: s and t}", id="starts"),
        pytest.param("{s: {actor.id: a}, t: {actor.id: null}, condition: s and t}", id="null"),
        pytest.param(
            "{s: {rows.returned|gt: 9}, t: {rows.returned|lte: 9}, condition: s and t}", id="range"
        ),
        pytest.param(
            "{s: {rows.returned: 9}, t: {rows.returned: 8}, condition: s and t}", id="two"
        ),
        pytest.param(
            "{s: {rows.returned: 9}, t: {rows.returned|lt: 9}, condition: s and t}", id="number"
        ),
        pytest.param(
            "{s: {derived.first_seen: true}, t: {derived.first_seen: false}, condition: s and t}",
            id="truth",
        ),
    ],
)
def test_proven_of_own_fields_only(rule_of: Callable[..., Rule], detection: str) -> None:
    """A field of the event model holds one value, that of an original may be a list."""
    tree = rule_of(detection).tree

    assert is_never(tree, is_own=True)
    assert not is_never(tree)


def test_gives_up_after_some_steps(
    rule_of: Callable[..., Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proof that takes too long claims nothing."""
    monkeypatch.setattr(contradiction, "STEPS_MAX", 2)

    assert not is_never(rule_of("{s: {a: 1}, condition: s and not s}").tree)


TEXTS = st.sampled_from(["", "a", "b", "ab", "A", "aB", "1", "true"])
TOKENS = st.lists(st.sampled_from(["a", "b", "A", Wild.MANY, Wild.ONE]), max_size=3)
NUMBERS = st.sampled_from([0, 1, 2])
PREDICATES: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(lambda tokens, cased: text_pattern(tokens, cased=cased), TOKENS, st.booleans()),
    st.builds(lambda number: Number(str(number)), NUMBERS),
    st.builds(Compare, st.sampled_from(["lt", "lte", "gt", "gte", "neq"]), NUMBERS),
    st.builds(Truth, st.booleans()),
    st.builds(Regex, st.sampled_from(["a", "^A", "b$", "1"])),
)


def nodes(names: list[str]) -> st.SearchStrategy[Node]:
    """Return trees over a few fields."""
    name = st.sampled_from(names)
    atoms: st.SearchStrategy[Node] = st.one_of(
        st.builds(FieldIs, name, PREDICATES),
        st.builds(FieldIsNull, name),
        st.builds(FieldExists, name, st.booleans()),
        st.builds(FieldsAgree, name, name),
        st.builds(Keyword, PREDICATES),
    )
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(All, st.lists(inner, min_size=1, max_size=4).map(tuple)),
            st.builds(Some, st.lists(inner, min_size=1, max_size=4).map(tuple)),
        ),
        max_leaves=10,
    )


VALUES = st.one_of(st.none(), TEXTS, NUMBERS, st.booleans(), st.just(1.0))
ORIGINALS = st.dictionaries(st.sampled_from(["a", "b"]), VALUES | st.lists(VALUES, max_size=3))
OWN_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["a", "ab", "A", "b"]),
        "rows.returned": NUMBERS,
    },
)


@settings(max_examples=200, deadline=None)
@given(nodes(["a", "b"]), st.lists(ORIGINALS, max_size=12))
def test_no_event_meets_what_is_never(tree: Node, events: list[dict[str, Any]]) -> None:
    """What is proven of originals holds for every event, lists and nulls included."""
    if is_never(tree):
        assert not any(tree.is_match(event) for event in events)


@settings(max_examples=200, deadline=None)
@given(nodes(["action", "rows.returned"]), st.lists(OWN_EVENTS, max_size=12))
def test_no_own_event_meets_what_is_never(tree: Node, events: list[dict[str, Any]]) -> None:
    """What is proven of our own events holds for each of them."""
    if is_never(tree, is_own=True):
        assert not any(tree.is_match(event) for event in events)
