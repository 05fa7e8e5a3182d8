"""Condition syntax: the trees that pySigma makes, and nothing that grows without bound."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR, SigmaCondition
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetections

from ombud.core.errors import RuleError
from ombud.detect.loading.condition_syntax import condition_tree
from ombud.detect.matching.atoms import FieldExists, Node
from ombud.detect.matching.expressions import POLICY
from ombud.detect.matching.tree import All, Not, Some

NAMES = ("s", "s1", "s_2", "t-3", "_h", "notable", "them1")
DETECTIONS = SigmaDetections.from_dict(
    {**{name: {name: 1} for name in NAMES}, "condition": "s"}, policy=POLICY
)


def ours(text: str) -> Node:
    """Return our tree, each selection being the existence of a field of its name."""
    return condition_tree(text, NAMES, lambda name: FieldExists(name, exists=True))


def theirs(text: str) -> Node:
    """Return the tree of pySigma, told in the same way."""
    return _told(SigmaCondition(text, DETECTIONS).parse())


def _told(item: Any) -> Node:
    match item:
        case ConditionAND(args):
            return All(tuple(map(_told, args)))
        case ConditionOR(args):
            return Some(tuple(map(_told, args)))
        case ConditionNOT(args):
            return Not(_told(args[0]))
    return FieldExists(item.field, exists=True)


@pytest.mark.parametrize(
    "text",
    [
        "s",
        " ( s ) ",
        "s and s1 or s_2",
        "s or s1 and s_2",
        "not s and s1",
        "not (s and s1)",
        "not not s",
        "s and (s1 and s_2)",
        "s and s1 and s_2 or t-3 or not s",
        "1 of them",
        "any of s*",
        "all of s_*",
        "1 of _*",
        "1 of s1",
        "all of *",
        "not 1 of s* and notable",
        "(s)and(s1)",
        "them1 or notable",
    ],
)
def test_trees_are_those_of_pysigma(text: str) -> None:
    """Binding, selectors and hidden names are as pySigma has them."""
    assert ours(text) == theirs(text)


WORDS = st.sampled_from(
    [
        "s",
        "s1",
        "t-3",
        "notable",
        "and",
        "or",
        "not",
        "(",
        ")",
        "1 of",
        "all of",
        "s*",
        "them",
        "_*",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=9))
def test_what_is_taken_is_what_pysigma_takes(words: list[str]) -> None:
    """No text has another tree here; a few odd ones, with words for names, have none."""
    text = " ".join(words)
    try:
        tree = ours(text)
    except RuleError:
        return
    try:
        assert tree == theirs(text)
    except SigmaError as error:  # pragma: no cover
        raise AssertionError(f"pySigma refuses `{text}`") from error


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "its end where the name of a selection is expected", id="empty"),
        pytest.param("s and", "its end where", id="half"),
        pytest.param("s s1", "`s1` where `and`, `or` or the end", id="nothing between"),
        pytest.param("(s", "its end where `)`", id="open"),
        pytest.param("s)", "`)` where", id="closed"),
        pytest.param("s AND s1", "`AND` where", id="capitals"),
        pytest.param("s & s1", "has `&` at character 3", id="other language"),
        pytest.param("s | count() > 1", "of Sigma 1", id="aggregation"),
        pytest.param("nope", "`nope` is not defined", id="undefined"),
        pytest.param("1 of nope*", "does not match any selection", id="empty pattern"),
        pytest.param("1 of", "its end where `them`", id="no pattern"),
        pytest.param("2 of s*", "`2` is not defined", id="two of"),
        pytest.param("and", "`and` where", id="word"),
        pytest.param("not " * 101 + "s", "deeper than 100 levels", id="negations"),
        pytest.param("(" * 4000 + "s" + ")" * 4000, "deeper than 100 levels", id="brackets"),
        pytest.param("s or " * 2000 + "s", "longer than 8192", id="long"),
        pytest.param("1 of " + "*a" * 2000, "does not match", id="pattern that explodes"),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    """What is no condition is refused with the reason, at once."""
    with pytest.raises(RuleError) as caught:
        ours(text)
    assert reason in caught.value.message
