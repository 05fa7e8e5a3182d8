"""Placeholders: the file that gives them, and rules that ask for them."""

from __future__ import annotations

import pytest

from ombud.core.errors import RuleError
from ombud.detect.loading.placeholders import parse_placeholders
from ombud.detect.loading.rule_set import load_rules

RULE = b"""
title: T
id: t
logsource: {product: p}
detection: {s: {user|expand: '%admins%'}, condition: s}
"""


def test_values_are_texts() -> None:
    """A name has one value or several; numbers are their text."""
    given = parse_placeholders(b"admins: [ana, 7]\nhost: h\n", path="p.yml")

    assert given == {"admins": ("ana", "7"), "host": ("h",)}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("a: b: c", "line 1:", id="no YAML"),
        pytest.param("", "holds no rule", id="empty"),
        pytest.param("- a", "are one map", id="list"),
        pytest.param("a: 1\n---\nb: 2\n", "are one map", id="two documents"),
        pytest.param("a: 1\na: 2\n", "duplicate key `a`", id="duplicate"),
        pytest.param("1: a", "placeholder `1` is no text", id="number as name"),
        pytest.param("'%a%': a", "no text without `%`", id="percent"),
        pytest.param("a: []", "none or more than 200", id="no value"),
        pytest.param(f"a: [{'x, ' * 201}]", "none or more than 200", id="many values"),
        pytest.param("a: true", "value `True` of placeholder `a`", id="boolean"),
        pytest.param("a: {b: c}", "is no text", id="map"),
        pytest.param(f"a: {'x' * 1025}", "longer than 1024", id="long"),
        pytest.param("".join(f"a{n}: x\n" for n in range(1001)), "at most 1000", id="many names"),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    """A file that is no such map is refused with its name."""
    with pytest.raises(RuleError) as caught:
        parse_placeholders(text.encode(), path="p.yml")
    assert reason in caught.value.message
    assert caught.value.origin == "p.yml"


def test_version_is_of_the_values_too() -> None:
    """A rule that asks for a placeholder is another rule when its values change."""
    ana, ben, same = (
        load_rules([("t.yml", RULE)], placeholders=given).rules[0]
        for given in ({"admins": ["ana"]}, {"admins": ["ben"]}, {"admins": ["ana"], "x": ["y"]})
    )

    assert ana.version != ben.version
    assert ana.version == same.version
    assert ana.matches({"user": "ANA"})
    assert not ben.matches({"user": "ana"})
