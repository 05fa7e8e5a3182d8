"""The rules that ship: each says what a reader needs, and does what its events say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ombud.config.rule_files import cases_file, find_rule_files, read_rules, shipped_rules_folder
from ombud.detect.cases import parse_cases, run_cases
from ombud.detect.rule import Rule
from ombud.detect.view import DERIVED_FIELDS

FILES = find_rule_files([shipped_rules_folder()])
LOADED = read_rules(FILES)
RULES, REFUSALS = LOADED.rules, LOADED.refusals

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: Path(rule.path).stem)


def test_all_load() -> None:
    """No shipped rule is refused, and there are at least ten."""
    assert not REFUSALS
    assert len(RULES) >= 10


@each_rule
def test_guidance_is_whole(rule: Rule) -> None:
    """A rule says what it means, misses and mistakes, how grave it is and what to do."""
    guidance = rule.guidance

    assert rule.logsource.is_own
    assert guidance.description
    assert guidance.falsepositives
    assert guidance.blind_spots
    assert guidance.response
    assert guidance.explain
    assert not any(name.startswith("actor.") for name in guidance.fields), (
        "a sentence speaks of the act: who acted may still be a pseudonym to its reader"
    )


@each_rule
def test_events(rule: Rule) -> None:
    """A rule matches the events it must match and no event that it must not."""
    path = cases_file(Path(rule.path))
    cases = parse_cases(path.read_bytes(), path=path.name)
    results = run_cases([rule], cases, path=path.name)

    assert {case.expected for case in cases} == {True, False}
    assert [result.name for result in results if not result.passed] == []


def test_no_events_without_a_rule() -> None:
    """Every file of events belongs to a rule."""
    stray = set(shipped_rules_folder().rglob("*.tests.yml")) - {cases_file(file) for file in FILES}

    assert not stray


def test_documented_example(tmp_path: Path) -> None:
    """The rule of the documentation can run and does what its events say."""
    text = (shipped_rules_folder().parent / "docs" / "rules.md").read_text(encoding="utf-8")
    rule, cases, night, _, values = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "late_export.yml").write_text(rule)
    (tmp_path / "night_shift.yml").write_text(night)
    (tmp_path / "placeholders.yml").write_text(values)

    loaded = read_rules([tmp_path])
    rules, refusals = loaded.rules, loaded.refusals
    results = run_cases(rules, parse_cases(cases, path="cases"), path="cases")

    assert not refusals
    assert all(result.passed for result in results)
    assert [len(one.filters) for one in rules] == [1]
    for field, meaning in DERIVED_FIELDS.items():
        assert f"| `{field}` | {meaning} |" in text
