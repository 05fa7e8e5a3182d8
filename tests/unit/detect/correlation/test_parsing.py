"""Correlations as documents: what each key may say, and every reason why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.errors import RuleError
from ombud.detect.correlation.condition import COUNT_MAX
from ombud.detect.correlation.expression import ALTERNATIVES_MAX, alternatives_of
from ombud.detect.correlation.model import (
    Alternative,
    Bound,
    Correlation,
    CorrelationType,
    Judging,
    Operator,
)
from ombud.detect.correlation.parsing import parse_correlation

Build = Callable[..., Correlation]


def test_a_whole_document_is_read() -> None:
    """Head, section and guidance end up where they belong."""
    document = yaml.safe_load("""
title: Many exports by one person
id: 0e95725d-7320-415d-80f7-004da920fc11
name: many_exports
status: test
level: high
tags: [attack.exfiltration]
description: Somebody exported again and again.
correlation:
  type: value_count
  rules: [export, other]
  group-by: [who, resource.system]
  timespan: 90m
  condition: {gt: 5, lte: 10, field: [resource.dataset, purpose]}
  aliases: {who: {export: actor.id, other: attributes.person}}
  generate: true
ombud: {response: Ask.}
""")

    one = parse_correlation(document, path="many.yml")

    assert (one.id, one.name, one.path) == (document["id"], "many_exports", "many.yml")
    assert (one.level, one.status, one.tags) == ("high", "test", ("attack.exfiltration",))
    assert one.type is CorrelationType.VALUE_COUNT
    assert one.rules == ("export", "other")
    assert one.group_by == ("who", "resource.system")
    assert one.timespan_ms == 90 * 60 * 1000
    assert one.bounds == (Bound(Operator.GT, 5), Bound(Operator.LTE, 10))
    assert one.fields == ("resource.dataset", "purpose")
    assert one.field_of("who", "other") == "attributes.person"
    assert one.field_of("resource.system", "other") == "resource.system"
    assert one.generate
    assert one.guidance.response == "Ask."


def test_version_is_that_of_the_content() -> None:
    """Any change of the document is a change of version; without id and name it is the id."""
    document: dict[str, Any] = {
        "title": "t",
        "correlation": {
            "type": "event_count", "rules": "a", "timespan": "1m", "condition": {"gte": 2},
        },
    }  # fmt: skip
    one = parse_correlation(document, path="a.yml")
    document["correlation"]["condition"]["gte"] = 3

    assert one.id == one.version != parse_correlation(document, path="a.yml").version


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10), ("90m", 5400), ("1h", 3600), ("2d", 172_800), ("1w", 604_800),
        ("1M", 2_629_746), ("1y", 31_556_952),
    ],
)  # fmt: skip
def test_units_of_time(correlation: Build, text: str, seconds: int) -> None:
    """A month and a year have the average length of the Gregorian calendar, as in pySigma."""
    one = correlation(f"{{type: event_count, rules: [a], timespan: {text}, condition: {{gte: 2}}}}")

    assert one.timespan_ms == seconds * 1000


@pytest.mark.parametrize("value", [0.5, 0.000001, 2.75, 100, -3])
def test_thresholds_are_not_cut_off(correlation: Build, value: float) -> None:
    """A threshold of 0.5 is 0.5; pySigma 1.5 made it 0."""
    one = correlation(
        "{type: value_avg, rules: [a], timespan: 1m, condition: {gte: %s, field: n}}" % f"{value:f}"  # noqa: UP031
    )

    assert one.bounds == (Bound(Operator.GTE, value),)
    assert one.bounds[0].holds(value)
    assert not one.bounds[0].holds(value - 1e-12 if abs(value) < 1 else value - 1)


EVENTS = "type: event_count, rules: [a], timespan: 1m"
FIELD = "rules: [a], timespan: 1m"


@pytest.mark.parametrize(
    ("section", "reason"),
    [
        ("[]", "section `correlation` is no map"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, group_by: [u]}}", "no key `group_by`"),
        ("{rules: [a], timespan: 1m, condition: {gte: 2}}", "`type` `None` is none of"),
        ("{type: near, rules: [a], timespan: 1m, condition: {gte: 2}}", "`type` `near`"),
        ("{type: event_count, timespan: 1m, condition: {gte: 2}}", "`rules` is no list"),
        ("{type: event_count, rules: [], timespan: 1m, condition: {gte: 2}}", "`rules` is no"),
        ("{type: temporal, rules: [a, a], timespan: 1m}", "names a rule twice"),
        (f"{{type: temporal, rules: [{', '.join(f'r{n}' for n in range(65))}], timespan: 1m}}",
         "more than 64"),
        ("{type: event_count, rules: [a], condition: {gte: 2}}", "`timespan` `None`"),
        ("{type: event_count, rules: [a], timespan: 5, condition: {gte: 2}}", "`timespan` `5`"),
        ("{type: event_count, rules: [a], timespan: 0s, condition: {gte: 2}}", "not between"),
        ("{type: event_count, rules: [a], timespan: 11y, condition: {gte: 2}}", "not between"),
        ("{type: event_count, rules: [a], timespan: 1H, condition: {gte: 2}}", "`timespan` `1H`"),
        ("{type: event_count, rules: [a], timespan: 1h30m, condition: {gte: 2}}", "`timespan`"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, group-by: [u, u]}}", "names a field twice"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, group-by: [1]}}", "`group-by` is no list"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, group-by: [{', '.join('abcdefghi')}]}}",
         "more than 8"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, generate: perhaps}}", "`generate`"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, aliases: [u]}}", "`aliases` is no map"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, aliases: {{u: {{b: x}}}}}}", "names `b`"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, aliases: {{u: x}}}}", "alias `u` is no map"),
        (f"{{{EVENTS}, condition: {{gte: 2}}, aliases: {{u: {{a: 1}}}}}}", "`aliases.u`"),
        (f"{{{EVENTS}}}", "`condition` is missing"),
        (f"{{{EVENTS}, condition: 5}}", "`condition` is no map"),
        (f"{{{EVENTS}, condition: a and b}}", "is a map"),
        (f"{{{EVENTS}, condition: {{}}}}", "compares with nothing"),
        (f"{{{EVENTS}, condition: {{gte: 2, field: x}}}}", "no key `field`"),
        (f"{{{EVENTS}, condition: {{ge: 2}}}}", "no key `ge`"),
        (f"{{{EVENTS}, condition: {{gte: many}}}}", "`gte` is no number"),
        (f"{{{EVENTS}, condition: {{gte: true}}}}", "`gte` is no number"),
        (f"{{{EVENTS}, condition: {{gte: .inf}}}}", "beyond every number"),
        (f"{{{EVENTS}, condition: {{gte: .nan}}}}", "beyond every number"),
        (f"{{{EVENTS}, condition: {{gte: {COUNT_MAX + 1}}}}}", f"beyond {COUNT_MAX}"),
        (f"{{{EVENTS}, condition: {{gt: {COUNT_MAX}}}}}", "never met"),
        (f"{{{EVENTS}, condition: {{lt: 1}}}}", "never met: a group in which nothing"),
        (f"{{{EVENTS}, condition: {{eq: 0}}}}", "never met"),
        (f"{{{EVENTS}, condition: {{eq: 1.5}}}}", "never met"),
        (f"{{{EVENTS}, condition: {{gt: 5, lt: 6}}}}", "never met"),
        (f"{{{EVENTS}, condition: {{gte: 3, lte: 3, neq: 3}}}}", "never met"),
        (f"{{type: value_sum, {FIELD}, condition: {{gt: 5, lt: 5, field: n}}}}", "never met"),
        (f"{{type: value_sum, {FIELD}, condition: {{eq: 5, neq: 5, field: n}}}}", "never met"),
        (f"{{type: value_count, {FIELD}, condition: {{gte: 2}}}}", "names no `field`"),
        (f"{{type: value_count, {FIELD}, condition: {{gte: 2, field: []}}}}", "no list of fields"),
        (f"{{type: value_sum, {FIELD}, condition: {{gte: 2, field: [x, y]}}}}", "is one field"),
        (f"{{type: value_percentile, {FIELD}, condition: {{lte: 1, field: n}}}}",
         "wants `percentile`"),
        (f"{{type: value_percentile, {FIELD}, condition: {{lte: 1, field: n, percentile: 0}}}}",
         "above 0"),
        (f"{{type: value_percentile, {FIELD}, condition: {{lte: 1, field: n, percentile: 101}}}}",
         "up to 100"),
        (f"{{type: value_sum, {FIELD}, condition: {{lte: 1, field: n, percentile: 5}}}}",
         "no key `percentile`"),
        ("{type: temporal, rules: [a, b], timespan: 1m, condition: {gte: 3}}", "never met"),
        ("{type: temporal_ordered, rules: [a, b], timespan: 1m, condition: {gte: 1}}",
         "demands every rule"),
        ("{type: temporal, rules: [a, b], timespan: 1m, condition: a and c}", "names `c`"),
        ("{type: temporal, rules: [a, b], timespan: 1m, condition: a}", "does not name `b`"),
        ("{type: temporal, timespan: 1m, condition: not a}", "met where nothing happens"),
        ("{type: temporal, timespan: 1m, condition: a or not b}", "met where nothing happens"),
        ("{type: temporal, timespan: 1m, condition: a and not a}", "contradicts itself"),
        ("{type: temporal, timespan: 1m, condition: (a and b}", "parenthesis"),
        ("{type: temporal, timespan: 1m, condition: a b}", "not understood at `b`"),
        ("{type: temporal, timespan: 1m, condition: a and}", "wants a rule before `its end`"),
        ("{type: temporal, timespan: 1m, condition: a and or b}", "wants a rule before `or`"),
        ("{type: temporal_ordered, timespan: 1m, condition: a and b and a}", "twice in one order"),
        (f"{{type: temporal, timespan: 1m, condition: {'not ' * 40}a}}", "nested deeper"),
        (f"{{type: temporal, timespan: 1m, condition: {'(' * 40}a{')' * 40}}}", "nested deeper"),
        (f"{{type: temporal, timespan: 1m, condition: {'a or ' * 500}a}}", "longer than"),
    ],
)  # fmt: skip
def test_refused_with_the_reason(correlation: Build, section: str, reason: str) -> None:
    """What cannot be judged is refused, and says which key is at fault."""
    with pytest.raises(RuleError) as caught:
        correlation(section)

    assert reason in str(caught.value)


def test_every_fault_is_told_at_once() -> None:
    """One correction suffices."""
    document = {"correlation": {"type": "near", "timespan": "soon", "rules": ["a"], "x": 1}}

    with pytest.raises(RuleError) as caught:
        parse_correlation(document, path="a.yml")

    for part in ("`title`", "`x`", "`near`", "`soon`"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("condition", "judging"),
    [
        ("{gte: 2}", Judging.SLIDING),
        ("{gt: 2, gte: 4}", Judging.SLIDING),
        ("{gt: 2, lte: 4}", Judging.CLOSING),
        ("{lt: 4}", Judging.CLOSING),
        ("{eq: 4}", Judging.CLOSING),
        ("{neq: 4}", Judging.CLOSING),
    ],
)
def test_when_a_condition_is_judged(correlation: Build, condition: str, judging: Judging) -> None:
    """Only what more events cannot undo is judged before the window has closed."""
    assert correlation(f"{{{EVENTS}, condition: {condition}}}").judging is judging


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("a and b", [((0, 1), ())]),
        ("b and a", [((1, 0), ())]),
        ("a AND NOT b", [((0,), (1,))]),
        ("a or b", [((0,), ()), ((1,), ())]),
        ("(a or b) and c", [((0, 2), ()), ((1, 2), ())]),
        ("a and not (b or c)", [((0,), (1, 2))]),
        ("a and not (b and c)", [((0,), (1,)), ((0,), (2,))]),
        ("not not a and b", [((0, 1), ())]),
        ("a or b and c", [((0,), ()), ((1, 2), ())]),
    ],
)
def test_alternatives(text: str, ways: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    """`not` binds more closely than `and`, and that than `or`; order within `and` is kept."""
    rules = [name for name in "abc" if name in text.replace("and", "").replace("AND", "")]

    assert alternatives_of(text, rules) == tuple(Alternative(*way) for way in ways)


def test_alternatives_are_bounded() -> None:
    """A product of sums is refused before it is multiplied out."""
    text = " and ".join(f"(a{n} or b{n})" for n in range(40))

    with pytest.raises(RuleError, match=f"more than {ALTERNATIVES_MAX} ways"):
        alternatives_of(text, ["x"])


_TREES = st.recursive(
    st.sampled_from("abcd"),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner), st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=6,
)


def _text(tree: Any) -> str:
    if isinstance(tree, str):
        return tree
    if tree[0] == "not":
        return f"not ({_text(tree[1])})"
    return f"({_text(tree[1])}) {tree[0]} ({_text(tree[2])})"


@given(tree=_TREES)
def test_alternatives_mean_what_the_words_mean(tree: Any) -> None:
    """Over every set of rules that match, one alternative holds just where the words do."""
    text = _text(tree)
    rules = sorted(_names(tree))
    meaning = text.replace("(", " ( ").replace(")", " ) ")
    subsets = [
        {name for at, name in enumerate(rules) if mask >> at & 1} for mask in range(1 << len(rules))
    ]
    truth = [
        bool(eval(" ".join(_word(word, held) for word in meaning.split()))) for held in subsets
    ]
    try:
        ways = alternatives_of(text, rules)
    except RuleError:
        # Refused are: what is never met, and what is met by nothing.
        assert truth[0] or not any(truth)
        return
    found = [
        any(
            {rules[at] for at in way.needed} <= held and not {rules[at] for at in way.absent} & held
            for way in ways
        )
        for held in subsets
    ]

    assert found == truth


def _names(tree: Any) -> set[str]:
    return {tree} if isinstance(tree, str) else set().union(*map(_names, tree[1:]))


def _word(word: str, held: set[str]) -> str:
    return str(word in held) if word in "abcd" else word
