"""Sequences: how cases of correlations are written, and what they are put to."""

from __future__ import annotations

import pytest

from ombud.core.errors import RuleError
from ombud.detect.cases import parse_cases, run_cases
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.rule_set import RuleSet, load_rules
from ombud.detect.rule import Rule
from ombud.detect.sequences import EVENTS_MAX, START_MS, SequenceCase

RULES = """\
title: Read
id: read
name: reading
logsource: {product: ombud, service: records}
detection: {s: {action: read}, condition: s}
---
title: Export
id: export
logsource: {product: ombud, service: records}
detection: {s: {action: export}, condition: s}
---
title: Many
id: many
correlation: {type: value_count, rules: [reading], group-by: [actor.id], timespan: 1h,
  condition: {field: subject.key, gte: 3}}
---
title: Then export
id: then
name: then_export
correlation: {type: temporal_ordered, rules: [many, export], group-by: [actor.id], timespan: 1h}
---
title: Export without reading
id: without
correlation: {type: temporal, rules: [export, reading], group-by: [actor.id], timespan: 1h,
  condition: export and not reading}
"""
READS = "{repeat: 3, every: 10m, event: {action: read, actor.id: a, subject.key: 'p{n}'}}"
EXPORT = "event: {action: export, actor.id: a}"


def loaded() -> RuleSet:
    """Return the rules and correlations."""
    found = load_rules([("r.yml", RULES.encode())])
    assert not found.refusals
    return found


def sequence(events: str, **head: str) -> SequenceCase:
    """Return a sequence from its YAML."""
    told = "".join(f"{key}: {value}, " for key, value in head.items())
    (case,) = parse_cases(f"raises: [{{{told}events: [{events}]}}]", path="t")
    assert isinstance(case, SequenceCase)
    return case


def test_times() -> None:
    """Events follow by a second, or as said; repetitions are numbered in every text."""
    case = sequence(
        "{event: {a: 'x{n}'}}, {event: {}}, "
        "{at: 5m, repeat: 2, every: 1h, event: {a: ['{n}'], b: {c: 'p{n}'}, d: 1}}"
    )
    assert [(time - START_MS, event) for time, event in case.events] == [
        (0, {"a": "x{n}"}),
        (1000, {}),
        (300_000, {"a": ["1"], "b": {"c": "p1"}, "d": 1}),
        (3_900_000, {"a": ["2"], "b": {"c": "p2"}, "d": 1}),
    ]


@pytest.mark.parametrize(
    ("rule", "events", "raised"),
    [
        ("many", READS, True),
        ("many", READS.replace("p{n}", "p"), False),
        ("many", READS.replace("10m", "40m"), False),
        ("many", READS.replace("actor.id: a", "actor.id: 'a{n}'"), False),
        ("many", READS.replace("read", "search"), False),
        ("then_export", f"{READS}, {{at: 30m, {EXPORT}}}", True),
        ("then_export", f"{{{EXPORT}}}, {READS}", False),
        ("without", f"{{{EXPORT}}}", True),
        ("without", f"{{{EXPORT}}}, {{at: 10m, event: {{action: read, actor.id: a}}}}", False),
        ("without", f"{{{EXPORT}}}, {{at: 10m, event: {{action: read, actor.id: b}}}}", True),
    ],
)
def test_raised(rule: str, events: str, raised: bool) -> None:
    """A sequence raises a correlation, chained or of what never came, exactly when it should."""
    case = sequence(events, rule=rule)
    known = loaded()
    (result,) = run_cases([*known.rules, *known.correlations], [case], path="t", within=known)
    assert result.matched is raised
    assert result.passed is raised


def test_quiet() -> None:
    """What must stay quiet passes when it does; cases of both kinds may stand in one file."""
    text = (
        f"matches: [{{rule: export, {EXPORT}}}]\n"
        f"quiet: [{{rule: many, events: [{READS}]}}, {{rule: then, events: [{READS}]}}]\n"
    )
    known = loaded()
    rules: list[Rule | Correlation] = [*known.rules, *known.correlations]
    results = run_cases(rules, parse_cases(text, path="t"), path="t", within=known)
    assert [(row.rule_id, row.passed) for row in results] == [
        ("export", True),
        ("many", False),
        ("then", True),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raises: [{}]", "raises 1 has no list of `events`"),
        ("quiet: [{events: [], x: 1}]", "quiet 1 has an unknown key `x`"),
        ("raises: [{name: n, events: [1]}]", "case `n`: one of its events has no `event`"),
        ("raises: [{events: [{event: {}, in: 5m}]}]", "unknown key `in`"),
        ("raises: [{events: [{event: {}, at: 5 minutes}]}]", "`5 minutes` is no duration"),
        ("raises: [{events: [{event: {}, at: 5}]}]", "`5` is no duration"),
        ("raises: [{events: [{event: {}, repeat: 0}]}]", "`repeat` is a number from 1"),
        ("raises: [{events: [{event: {}, repeat: true}]}]", "`repeat` is a number from 1"),
        (f"raises: [{{events: [{{event: {{}}, repeat: {EVENTS_MAX + 1}}}]}}]", "more than 10,000"),
        ("raised: []", "cases are a map of `matches`, `misses`, `raises`, `quiet`"),
    ],
)
def test_refused(text: str, message: str) -> None:
    """What is no case is refused with the file and the fault."""
    with pytest.raises(RuleError, match=message) as caught:
        parse_cases(text, path="t.tests.yml")
    assert caught.value.origin == "t.tests.yml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raises: [{name: n, events: []}]", "case `n`: it is about no rule of the file"),
        ("raises: [{name: n, rule: read, events: []}]", "about no rule"),
        ("matches: [{name: n, rule: many, event: {}}]", "about no rule"),
        ("raises: [{name: n, rule: many, events: [{event: {x: 1}}]}]", "unknown field `x`"),
    ],
)
def test_about_nothing(text: str, message: str) -> None:
    """A sequence is about a correlation, an event about a rule, and events are possible ones."""
    known = loaded()
    with pytest.raises(RuleError, match=message):
        run_cases([*known.rules, *known.correlations], parse_cases(text, path="t"), path="t")
