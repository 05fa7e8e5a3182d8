"""What becomes a rule, and what is refused, by which name and for which reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ombud.detect.loading.condition_syntax import CONDITION_LENGTH_MAX
from ombud.detect.loading.documents import DOCUMENTS_MAX, FILE_SIZE_MAX
from ombud.detect.loading.rule_set import load_rules
from ombud.detect.rule import Refusal, Rule, parse_rules

OWN = "title: T\nid: t\nlogsource: {product: ombud}\n"
GOOD = "title: T\nid: t\nlogsource: {product: p}\ndetection: {s: {a: 1}, condition: s}\n"
BOMB = "".join(
    f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" if n else "x0: &x0 [1,1,1,1,1,1,1,1,1]\n"
    for n in range(9)
)


@pytest.mark.parametrize(
    ("detection", "reason"),
    [
        pytest.param("a|starts: x", "in `a|starts`: did you mean `startswith`", id="misspelled"),
        pytest.param("a|re: '^(?!x)y'", "RE2 has no look-around", id="look ahead"),
        pytest.param("a|re: '(?<=x)y'", "RE2 has no look-around", id="look behind"),
        pytest.param("a|re: '(a)\\1'", "RE2 has no back references", id="back reference"),
        pytest.param("a|nope: 1", "unknown modifier 'nope'", id="unknown modifier"),
        pytest.param("a|utf16le: x", "unknown modifier 'utf16le'", id="modifier of the future"),
        pytest.param("a|re: '(?=x)y'", "invalid perl operator: (?=", id="look-ahead"),
        pytest.param("a|re: '(a){1001}'", "invalid repetition size", id="repetition"),
        pytest.param(r"a|re: '(a)\1'", "invalid escape sequence", id="back reference"),
        pytest.param("a|re: '('", "missing )", id="broken pattern"),
        pytest.param("a|re: 5", "", id="pattern that is no text"),
        pytest.param("a|re: '(a{1000}){1000}'", "invalid repetition size", id="repetition bomb"),
        pytest.param("a|re: '(\\pL{30}){33}'", "pattern too large", id="pattern that grows"),
        pytest.param(f"a|re: '{'x' * 8193}'", "longer than 8192", id="long pattern"),
        pytest.param(f"a|re: [{'x, ' * 501}]", "more than 500 regular", id="many patterns"),
        pytest.param(
            f"a|windash: [{'-a -b -c, ' * 401}]", "make more than 50,000 values", id="dash bomb"
        ),
        pytest.param(
            f"{{s: {{a: [{'x, ' * 9000}]}}, condition: s{' or s' * 6}}}",
            "asks for more than 50,000 values",
            id="condition bomb",
        ),
        pytest.param(f"a: [{'x, ' * 100_001}]", "more than", id="endless list"),
        pytest.param("{1: {a: 1}, condition: s}", "name of selection `1`", id="number as name"),
        pytest.param("{s: {1: a}, condition: s}", "field `1` of `s`", id="number as field"),
        pytest.param("{s: {a: {b: c}}, condition: s}", "name `a.b`, not a map", id="map as value"),
        pytest.param("{s: {a: [[b]]}, condition: s}", "neither text nor", id="list in a list"),
        pytest.param("{s: [], condition: s}", "null must be the value of a field", id="empty list"),
        pytest.param("{s: {}, condition: s}", "detection is empty", id="empty map"),
        pytest.param("{condition: s}", "has no selection", id="no selection"),
        pytest.param("{s: {a: 1}, condition: []}", "`condition` is missing", id="no condition"),
        pytest.param("{s: {a: 2026-11-22}, condition: s}", "unsupported type", id="date"),
        pytest.param("a|cidr: 10.0.0.1/8", "has host bits set", id="network with host bits"),
        pytest.param("a|gt: x", "incompatible to value type", id="order of text"),
        pytest.param("a|exists: x", "incompatible to value type", id="exists without truth"),
        pytest.param("a|contains: 5", "incompatible to value type", id="contains a number"),
        pytest.param("a|fieldref: 'x*'", "must not contain wildcards", id="reference to many"),
        pytest.param("a|base64: 'x*'", "wildcards is not allowed", id="encoded wildcard"),
        pytest.param("a|expand: '%who%'", "placeholder `%who%` has no value", id="placeholder"),
        pytest.param("{k: {'|expand': '%who%'}, condition: k}", "has no value", id="keyword too"),
        pytest.param("a: 12345678901234567891", "write it in quotes", id="inexact number"),
        pytest.param("{s: {a: 1}, condition: t}", "not defined", id="undefined selection"),
        pytest.param(
            "{s: {a: 1}, condition: 1 of t*}", "does not match any selection", id="empty pattern"
        ),
        pytest.param("{s: {a: 1}, condition: s and}", "name of a selection", id="broken condition"),
        pytest.param("{s: {a: 1}, condition: s | count() > 5}", "of Sigma 1", id="pipe"),
        pytest.param("{s: {a: 1}, timeframe: 5m, condition: s}", "correlation", id="timeframe"),
        pytest.param("{s: {a: 1}, condition: 5}", "`condition` is missing", id="odd condition"),
        pytest.param(
            f"{{s: {{a: 1}}, condition: s{' or s' * CONDITION_LENGTH_MAX}}}",
            "longer than",
            id="endless condition",
        ),
        pytest.param(
            f"{{s: {{a: 1}}, condition: {'not ' * 120}s}}",
            "nested deeper than 100 levels",
            id="deep condition",
        ),
        pytest.param(
            f"{{s: {{a: 1}}, condition: {'not ' * 1500}s}}",
            "nested",
            id="bottomless condition",
        ),
        pytest.param(f"{'a.' * 40}b: 1", "more than 32 parts", id="endless field"),
        pytest.param("{s: [null], condition: s}", "cannot be keywords", id="null keyword"),
    ],
)
def test_refuses_detection(refusal_of: Callable[..., Refusal], detection: str, reason: str) -> None:
    """A detection that cannot be evaluated is refused by name, with the reason."""
    refusal = refusal_of(detection)

    assert (refusal.path, refusal.rule_id) == ("t.yml", "t")
    assert reason.lower() in refusal.reason.lower()
    assert "\n" not in refusal.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "file holds no rule", id="empty"),
        pytest.param("a: b: c", "line 1:", id="no YAML"),
        pytest.param("a:\n\tb: c", "such as a tab: YAML is indented with spaces", id="tab"),
        pytest.param(GOOD + "title: U\n", "duplicate key", id="duplicate key"),
        pytest.param(GOOD.replace("a: 1", "a: 1, a: 2"), "duplicate key", id="duplicate inside"),
        pytest.param("- 1", "a rule is a YAML map", id="list"),
        pytest.param(GOOD.replace("{product: p}", "[p]"), "no map", id="list as log source"),
        pytest.param(GOOD.replace("product: p", "product: [p]"), "are texts", id="two products"),
        pytest.param(GOOD.replace("product: p", "prodct: p"), "neither product", id="typing error"),
        pytest.param(GOOD.replace("id: t", "date: 2026-13-45"), "month must be", id="no date"),
        pytest.param(GOOD.replace("id: t", "? [a]\n: b"), "a key is neither", id="list as key"),
        pytest.param(GOOD + "name: [n]\n", "`name` is no text", id="name"),
        pytest.param("title: a\0b\n" + GOOD, "control characters", id="NUL"),
        pytest.param(GOOD + BOMB, "aliases make more than", id="aliases that explode"),
        pytest.param("[" * 500_000, "nested deeper than 50 levels", id="deep YAML"),
        pytest.param("a: !!python/object:os.system x", "could not determine", id="foreign tag"),
        pytest.param("x" * (FILE_SIZE_MAX + 1), "larger than 1024 KiB", id="large"),
        pytest.param("---\na: 1\n" * (DOCUMENTS_MAX + 1), "more than 1000 rules", id="many"),
        pytest.param(GOOD.replace("title: T\n", ""), "`title` is missing", id="no title"),
        pytest.param(GOOD + "level: bad\n", "level `bad` is none of", id="level"),
        pytest.param(GOOD.replace("id: t", "id: [t]"), "`id` is no text", id="id"),
        pytest.param(GOOD.replace("logsource: {product: p}\n", ""), "`logsource` is", id="nowhere"),
        pytest.param("title: T\nlogsource: {product: p}", "detection", id="nothing detected"),
        pytest.param("title: T\ncorrelation: {}\n", "this is a correlation", id="correlation"),
        pytest.param("title: T\nfilter: {}\n", "this is a filter", id="filter"),
        pytest.param("action: global\n", "obsolete", id="collection"),
        pytest.param(GOOD + "ombud: {grup_by: [a]}\n", "no key `grup_by`", id="our typo"),
        pytest.param(GOOD + "ombud: {explain: '{a'}\n", "brace", id="open brace"),
        pytest.param(GOOD + "ombud: {group_by: [1]}\n", "no list of texts", id="group of numbers"),
        pytest.param(GOOD + "ombud: [a]\n", "no map", id="no section"),
        pytest.param(GOOD + "description: [a]\n", "`description` is no text", id="description"),
        pytest.param(GOOD + f"ombud: {{group_by: {list('abcdefghi')}}}\n", "more than 8", id="9"),
    ],
)
def test_refuses_document(text: str, reason: str) -> None:
    """A document that is no rule is refused with its file and the reason."""
    rules, refusals = parse_rules(text, path="t.yml")

    assert not rules
    assert refusals[0].path == "t.yml"
    assert reason in str(refusals[0])


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        pytest.param("{product: ombud, service: nope}", "no service `nope`", id="service"),
        pytest.param("{product: ombud, category: nope}", "no categories", id="category"),
    ],
)
def test_refuses_logsource_of_ombud(
    refusal_of: Callable[..., Refusal], head: str, reason: str
) -> None:
    """A logsource of our own that no event can have is refused."""
    refusal = refusal_of("action: read", head=f"title: T\nlogsource: {head}\n")

    assert reason in refusal.reason


def test_refuses_unknown_field_with_a_suggestion(refusal_of: Callable[..., Refusal]) -> None:
    """A field that no event can carry is a typing error, named with what was meant."""
    refusal = refusal_of("resource.datset: x", head=OWN)

    assert "unknown field `resource.datset`: did you mean `resource.dataset`" in refusal.reason


def test_tells_every_fault(refusal_of: Callable[..., Refusal]) -> None:
    """All faults of a rule are told at once."""
    refusal = refusal_of("{foo.a: x, bar.b: y}", head=f"{OWN}level: bad\n")

    assert refusal.reason.count("unknown field") == 2
    assert "level `bad`" in refusal.reason


def test_nul_in_quotes_is_a_character(does_match: Callable[..., bool]) -> None:
    """A character that YAML can write, an event can hold."""
    assert does_match('a: "x\\0y"', {"a": "X\0Y"})
    assert not does_match('a: "x\\0y"', {"a": "x"})


def test_the_rest_runs() -> None:
    """A refused rule takes none of its neighbours with it."""
    bad = GOOD.replace("id: t", "id: bad").replace("a: 1", "a|nope: 1")

    rules, refusals = parse_rules(f"{bad}---\n{GOOD}", path="t.yml")

    assert [rule.id for rule in rules] == ["t"]
    assert [refusal.rule_id for refusal in refusals] == ["bad"]


def test_second_rule_with_an_id_is_refused() -> None:
    """Alerts are keyed by the id, so it belongs to one rule."""
    loaded = load_rules([("a.yml", GOOD.encode()), ("b.yml", GOOD.encode())])
    rules, refusals = loaded.rules, loaded.refusals

    assert [rule.path for rule in rules] == ["a.yml"]
    assert str(refusals[0]) == "b.yml: `t`: id is already taken by a.yml"


def test_metadata_that_decides_nothing_is_not_judged() -> None:
    """A rule without id, or with an odd date or status, can still be evaluated."""
    text = GOOD.replace("id: t\n", "") + "date: soon\nstatus: odd\nreferences: 5\ntags: [Odd]\n"

    rules, refusals = parse_rules(text, path="t.yml")

    assert not refusals
    assert rules[0].id == rules[0].version
    assert rules[0].level == "medium"


@pytest.mark.parametrize(
    ("text", "is_same"),
    [
        pytest.param(GOOD + "# remark\n", True, id="remark"),
        pytest.param("id: t\n" + GOOD.replace("id: t\n", ""), True, id="order of keys"),
        pytest.param(GOOD + "level: high\n", False, id="level"),
        pytest.param(GOOD.replace("a: 1", "a: '1'"), False, id="type of a value"),
    ],
)
def test_version_is_of_what_the_rule_says(text: str, is_same: bool) -> None:
    """The version changes with the content of a rule and with nothing else."""
    first, second = (parse_rules(one, path="t.yml")[0][0].version for one in (GOOD, text))

    assert (first == second) is is_same


def test_fields_are_known(rule_of: Callable[..., Rule]) -> None:
    """A rule knows every field it asks for, references among them."""
    rule = rule_of("{s: {a: 1, b|fieldref: c}, n: {d: null, e|exists: true}, condition: s and n}")

    assert rule.fields == {"a", "b", "c", "d", "e"}
