"""Linking: names become ids, and what cannot run is refused by name, with all that stands on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ombud.detect.correlation.linking import CHAIN_MAX, fields_read, link
from ombud.detect.correlation.model import Correlation
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.rule import Rule, parse_rules

COUNT = "{type: event_count, rules: [%s], timespan: 1m, condition: {gte: 2}}"
WHEN = "{logsource: {product: okta, service: okta}, detection: {a: {x: 1}, condition: a}}"
OWN = "{logsource: {product: ombud}, detection: {a: {action: export}, condition: a}}"


def _rule(rule_id: str, name: str = "", body: str = WHEN) -> Rule:
    document: dict[str, Any] = {"title": "t", "id": rule_id, **yaml.safe_load(body)}
    if name:
        document["name"] = name
    rules, refusals = parse_rules(yaml.safe_dump(document), path=f"{rule_id}.yml")
    assert not refusals
    return rules[0]


def _one(rule_id: str, section: str, name: str = "") -> Correlation:
    document = {"title": "t", "id": rule_id, "correlation": yaml.safe_load(section)}
    if name:
        document["name"] = name
    return parse_correlation(document, path=f"{rule_id}.yml")


def test_names_become_ids() -> None:
    """In rules and aliases, of rules and of correlations."""
    section = (
        "{type: temporal, rules: [logins, id2], group-by: [who], timespan: 1m,"
        " aliases: {who: {logins: user}}}"
    )
    outer = _one("outer", "{type: temporal, rules: [inner, id2], timespan: 1m}")

    kept, refusals = link(
        [outer, _one("id3", section, "inner")], [_rule("id1", "logins"), _rule("id2")]
    )

    assert refusals == ()
    assert [one.id for one in kept] == ["id3", "outer"]  # Each after what it refers to.
    assert kept[0].rules == ("id1", "id2")
    assert kept[0].field_of("who", "id1") == "user"
    assert kept[1].rules == ("id3", "id2")


@pytest.mark.parametrize(
    ("sections", "reasons"),
    [
        ({"x": COUNT % "missing"}, {"x": "refers to `missing`, which no rule has"}),
        ({"x": COUNT % "x"}, {"x": "refers to itself: `x` -> `x`"}),
        (
            {"x": COUNT % "y", "y": COUNT % "z", "z": COUNT % "x", "w": COUNT % "x"},
            {"x": "refers to itself", "y": "refers to itself", "z": "refers to itself",
             "w": "refers to `x`, which is refused"},
        ),
        ({"x": COUNT % "missing", "y": COUNT % "x"},
         {"x": "`missing`", "y": "refers to `x`, which is refused"}),
        ({"x": COUNT % "twice"}, {"x": "name of more than one rule"}),
        ({"x": COUNT % "a, first"}, {"x": "twice, by id and by name"}),
    ],
)  # fmt: skip
def test_refused_by_name(sections: dict[str, str], reasons: dict[str, str]) -> None:
    """What leads to itself or nowhere is refused, and so is what needs it; the rest runs."""
    good = _one("good", COUNT % "a")
    rules = [_rule("a", "first"), _rule("b", "twice"), _rule("c", "twice")]

    kept, refusals = link([*(_one(k, v) for k, v in sections.items()), good], rules)

    assert [one.id for one in kept] == ["good"]
    assert {one.rule_id for one in refusals} == set(reasons)
    for refusal in refusals:
        assert reasons[str(refusal.rule_id)] in refusal.reason
        assert refusal.path == f"{refusal.rule_id}.yml"


def test_chains_are_bounded() -> None:
    """A match goes through the whole chain at once, so it has an end."""
    chain = [_one("c0", COUNT % "a")]
    chain += [_one(f"c{n}", COUNT % f"c{n - 1}") for n in range(1, CHAIN_MAX + 2)]

    kept, refusals = link(chain, [_rule("a")])

    assert len(kept) == CHAIN_MAX
    assert [one.rule_id for one in refusals] == [f"c{CHAIN_MAX}", f"c{CHAIN_MAX + 1}"]
    assert "more than" in refusals[0].reason


def test_fields_that_cannot_be_there_are_refused() -> None:
    """A field of our own events that does not exist; one that a closed window does not carry."""
    few = "{type: event_count, rules: [a], group-by: [user], timespan: 1m, condition: {lt: 3}}"
    kept, refusals = link(
        [
            _one("typo", COUNT % "own" + "", ""),
            _one("field", "{type: event_count, rules: [own], group-by: [actor.idd],"
                 " timespan: 1m, condition: {gte: 2}}"),
            _one("few", few),
            _one("host", "{type: event_count, rules: [few], group-by: [host], timespan: 1m,"
                 " condition: {gte: 2}}"),
            _one("user", "{type: event_count, rules: [few], group-by: [user], timespan: 1m,"
                 " condition: {gte: 2}}"),
        ],
        [_rule("a"), _rule("own", body=OWN)],
    )  # fmt: skip

    assert [one.id for one in kept] == ["typo", "few", "user"]
    assert [one.rule_id for one in refusals] == ["field", "host"]
    assert "did you mean `actor.id`" in refusals[0].reason
    assert "it has no `host`" in refusals[1].reason


def test_version_covers_what_it_stands_on() -> None:
    """A changed rule makes another correlation, all the way up."""
    inner, outer = _one("inner", COUNT % "a"), _one("outer", COUNT % "inner")
    before, _ = link([inner, outer], [_rule("a")])
    again, _ = link([outer, inner], [_rule("a")])
    after, _ = link([inner, outer], [_rule("a", body=WHEN.replace("1", "2"))])

    assert before == again
    assert all(one.version != other.version for one, other in zip(before, after, strict=True))


def test_fields_read_reach_through_chains(correlation: Callable[..., Correlation]) -> None:
    """What stands upon a correlation may ask its rules for a field that it does not group by."""
    inner = correlation(
        "{type: event_count, rules: [a], group-by: [user], timespan: 1m, condition: {gte: 2}}", "in"
    )
    outer = correlation(
        "{type: value_count, rules: [in, b], group-by: [user], timespan: 1m,"
        " condition: {gte: 2, field: host}}",
        "out",
    )

    read = fields_read([inner, outer])

    assert read["a"] == {"user", "host"}
    assert read["b"] == {"user", "host"}


def test_ten_thousand_circles_cost_no_more_than_a_look_at_each() -> None:
    """Whoever may try rules may send as many: all are refused, each reason of bounded length."""
    count = 4_000
    pairs = [_one(f"x{number}", COUNT % f"x{number ^ 1}") for number in range(count)]
    chain = [
        _one(f"y{number}", COUNT % (f"y0, y{number + 1}" if number else "y1"))
        for number in range(count - 1)
    ]

    kept, refused = link([*pairs, *chain], [])

    assert not kept
    assert len(refused) == len(pairs) + len(chain)
    assert max(len(refusal.reason) for refusal in refused) < 400


def test_a_field_that_no_rule_below_has_is_refused() -> None:
    """A chain is looked through to its rules: what they cannot carry, nothing above is told."""
    rule = _rule("a", body=OWN)
    inner = _one("inner", COUNT % "a")
    for name, reason in (("nonsense.field", "nonsense.field"), ("resource.dataset", None)):
        section = COUNT.replace("timespan", f"group-by: [{name}], timespan") % "inner"
        outer = _one("outer", section)
        _, refused = link([inner, outer], [rule])
        assert [str(reason) in refusal.reason for refusal in refused] == ([True] if reason else [])
