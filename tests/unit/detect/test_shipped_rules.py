"""The rules that ship: each says what a reader needs, and does what its events say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ombud.config.rule_files import cases_file, find_rule_files, read_rules, shipped_rules_folder
from ombud.detect.cases import parse_cases, run_cases
from ombud.detect.correlation.model import Correlation
from ombud.detect.rule import Rule
from ombud.detect.view import DERIVED_FIELDS

FILES = find_rule_files([shipped_rules_folder()])
LOADED = read_rules(FILES)
EVERY: list[Rule | Correlation] = [*LOADED.rules, *LOADED.correlations]
RAISING = [rule for rule in EVERY if rule.id not in LOADED.feeding]

each_raising = pytest.mark.parametrize("rule", RAISING, ids=lambda rule: rule.title)
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_all_load() -> None:
    """No shipped rule is refused; at least ten raise alerts of single events, three of several."""
    assert not LOADED.refusals
    assert sum(isinstance(rule, Rule) for rule in RAISING) >= 10
    assert sum(isinstance(rule, Correlation) for rule in RAISING) >= 3
    assert all(rule.logsource.is_own for rule in LOADED.rules)


@each_raising
def test_guidance_is_whole(rule: Rule | Correlation) -> None:
    """What raises alerts says what it means, misses and mistakes, and what to do."""
    guidance = rule.guidance

    assert guidance.description
    assert guidance.falsepositives
    assert guidance.blind_spots
    assert guidance.response
    assert guidance.explain
    assert not any(name.startswith("actor.") for name in guidance.fields), (
        "a sentence speaks of the act: who acted may still be a pseudonym to its reader"
    )


@pytest.mark.parametrize("rule", sorted(LOADED.feeding))
def test_what_feeds_is_known(rule: str) -> None:
    """What only feeds correlations says so, and is no graver than they are."""
    (found,) = (one for one in EVERY if one.id == rule)
    assert "Feeds" in found.guidance.description
    assert found.level in {"informational", "low"}


@each_file
def test_events(path: Path) -> None:
    """Every rule finds the events it must find, and none that it must not."""
    cases = parse_cases(cases_file(path).read_bytes(), path=path.name)
    rules = [rule for rule in EVERY if rule.path == str(path)]
    results = run_cases(rules, cases, path=path.name, within=LOADED)

    assert [result.name for result in results if not result.passed] == []
    for rule in rules:
        is_link = isinstance(rule, Correlation) and rule.id in LOADED.feeding
        found = {result.expected for result in results if result.rule_id == rule.id}
        assert found == {True, False} or is_link, rule.title


def test_no_events_without_a_rule() -> None:
    """Every file of events belongs to a rule."""
    stray = set(shipped_rules_folder().rglob("*.tests.yml")) - {cases_file(file) for file in FILES}

    assert not stray


def test_documented_example(tmp_path: Path) -> None:
    """The rule of the documentation can run and does what its events say."""
    text = (shipped_rules_folder().parent / "docs" / "rules.md").read_text(encoding="utf-8")
    rule, cases, sequences, night, _, values = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "late_export.yml").write_text(rule)
    (tmp_path / "night_shift.yml").write_text(night)
    (tmp_path / "placeholders.yml").write_text(values)

    loaded = read_rules([tmp_path])
    rules, refusals = loaded.rules, loaded.refusals
    results = run_cases(rules, parse_cases(cases, path="cases"), path="cases")

    assert not refusals
    assert all(result.passed for result in results)
    assert [len(one.filters) for one in rules] == [1]
    assert {case.name for case in parse_cases(sequences, path="sequences")} == {
        "sixty people in half an hour",
        "looked up before it was exported",
    }
    for field, meaning in DERIVED_FIELDS.items():
        assert f"| `{field}` | {meaning} |" in text
