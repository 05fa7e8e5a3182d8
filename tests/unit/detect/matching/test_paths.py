"""Where names of fields lead, by the short way and by the long one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ombud.detect.matching.paths import (
    find_values,
    flatten,
    is_present,
    leaves,
    opened,
    peeker,
    presence,
)

names = st.sampled_from(["a", "b", "a.b", "a.b.c", "a.b.c.d", "b.c"])
values = st.recursive(
    st.one_of(st.none(), st.integers(0, 3), st.text("xy", max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c", "d", "b.c", "c.d"]), inner, max_size=3),
    ),
    max_leaves=8,
)
events = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "a.b.c", "b.c", "b.c.d"]), values, max_size=4
)


@given(name=names, event=events)
def test_short_ways_lead_to_the_same(name: str, event: dict[str, Any]) -> None:
    """The prepared peeker and presence agree with the plain search."""
    peeked = peeker(name)(event)
    values = list(find_values(event, name))
    assert list(opened(peeked)) == values or (peeked is None and values in ([], [None]))
    assert presence(name)(event) is is_present(event, name)


@given(event=events)
def test_leaves_are_reached_by_their_paths(event: dict[str, Any]) -> None:
    """Every leaf is among the values of the path it is given with."""
    for path, value in leaves(event):
        assert any(found is value or found == value for found in find_values(event, path))


def test_order_is_that_of_the_event() -> None:
    """Elements keep their order, however deep they lie."""
    assert flatten([1, [2, [3]], [], 4]) == [1, 2, 3, 4]
    assert list(find_values({"a": [{"b": 1}, [{"b": [2, 3]}], {"b": 4}]}, "a.b")) == [1, 2, 3, 4]
    assert list(leaves({"a": [1, {"b": 2}], "c": None, "d": 3})) == [("a", 1), ("a.b", 2), ("d", 3)]


def test_depth_is_no_matter() -> None:
    """A log nested beyond Python's own stack is walked like any other."""
    deep: Any = "x"
    for _ in range(5000):
        deep = [{"a": deep}]

    assert [value for _, value in leaves({"a": deep})] == ["x"]
