"""Plain paths of a mapping are followed without the interpreter, to the same end."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.collect.mapping_value import evaluate, plain_path

NAMES = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(document=st.dictionaries(NAMES, JSON, max_size=3), names=st.lists(NAMES, min_size=1))
def test_same_as_the_interpreter(document: dict[str, Any], names: list[str]) -> None:
    """A path finds what JMESPath finds, through whatever stands in its way."""
    expression = jmespath.compile(".".join(names))

    assert plain_path(expression) == tuple(names)
    assert evaluate(expression, document) == expression.search(document)


@pytest.mark.parametrize("text", ["a[0]", "a[?b=='x'].c", "a || b", "length(a)", "a.*", "@"])
def test_richer_expressions_are_no_path(text: str) -> None:
    """Anything but names and dots is left to the interpreter."""
    assert plain_path(jmespath.compile(text)) is None
