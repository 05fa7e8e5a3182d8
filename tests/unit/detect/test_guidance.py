"""The sentence and the group of an alert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ombud.detect.guidance import SENTENCE_LENGTH_MAX, Guidance
from ombud.detect.matching.matcher import explain
from ombud.detect.rule import Rule

HEAD = "title: T\nid: t\nlogsource: {product: test}\n"


@pytest.mark.parametrize(
    ("template", "event", "sentence"),
    [
        pytest.param("{a} of {b}", {"a": 7, "b": "x"}, "7 of x", id="fields"),
        pytest.param("{a} of {b}", {"a": 7}, "7 of unknown", id="absent"),
        pytest.param("{a}", {"a": [1, "x", None]}, "1, x", id="list"),
        pytest.param("{a}", {"a": list(range(9))}, "0, 1, 2, 3, 4 and 4 more", id="long list"),
        pytest.param("{a}", {"a": 45.501736}, "45.5017", id="fraction"),
        pytest.param("{a.b}", {"a": {"b": "x"}}, "x", id="nested"),
        pytest.param("plain", {}, "plain", id="no field"),
        pytest.param("{a}", {"a": "{b}", "b": 1}, "{b}", id="values are not templates"),
        pytest.param("[{a} rows|Rows] out", {"a": 3}, "3 rows out", id="told"),
        pytest.param("[{a} rows|Rows] out", {}, "Rows out", id="not told"),
        pytest.param("out[ to {a} by {b}]", {"a": 1}, "out", id="told in part"),
        pytest.param("[{a}]", {"a": "[{b}|c]"}, "[{b}|c]", id="values hold no choices"),
    ],
)
def test_sentence(template: str, event: dict[str, Any], sentence: str) -> None:
    """The template's fields are filled from the event."""
    assert Guidance(explain=template).sentence(event, {}) == sentence


def test_sentence_without_template(rule_of: Callable[..., Rule]) -> None:
    """A rule without a template says which fields matched."""
    rule = rule_of("{a: x, b: null}")

    assert rule.guidance.sentence({"a": "X"}, explain(rule, {"a": "X"})) == (
        "matched by a = X, b = none"
    )


def test_sentence_is_bounded() -> None:
    """A sentence stays one, whatever the values."""
    guidance = Guidance(explain="{a} " * 100)

    assert len(guidance.sentence({"a": "x" * 10_000}, {})) == SENTENCE_LENGTH_MAX


def test_group() -> None:
    """The group holds each field with its value, absent ones empty."""
    guidance = Guidance(group_by=("a", "b"))

    assert guidance.group_of({"a": ["x", "y"]}) == (("a", "x, y"), ("b", ""))
