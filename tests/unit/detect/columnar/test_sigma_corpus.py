"""Other people's rules and events: a program finds what the plain matcher finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from ombud.detect.columnar.program import Program
from ombud.detect.columnar.rows import ViewRows
from ombud.detect.rule import Rule, parse_rules
from ombud.detect.view import view_of_original, with_short_names

CLOUDTRAIL_STEP = 145  # One event in so many: the plain matcher takes its time.


@pytest.fixture(scope="module")
def corpus(vectors: Path) -> list[Rule]:
    """Return every published rule."""
    folder = vectors / "sigma" / "rules"
    return [
        rule
        for file in sorted(folder.rglob("*.yml"))
        for rule in parse_rules(file.read_bytes(), path=file.name)[0]
    ]


@pytest.fixture(scope="module")
def views(vectors: Path) -> list[dict[str, Any]]:
    """Return the events of the regression cases, and some of an hour of CloudTrail."""
    cases = (vectors / "sigma" / "regression.ndjson").read_bytes().splitlines()
    trail = (vectors / "cloudtrail" / "stratus-run.ndjson").read_bytes().splitlines()
    return [
        *(with_short_names(event) for case in cases for event in orjson.loads(case)["events"]),
        *(view_of_original(line) for line in trail[::CLOUDTRAIL_STEP]),
    ]


def test_all_rules_on_all_events(corpus: list[Rule], views: list[dict[str, Any]]) -> None:
    """All 3,141 rules in one program, routed to nothing, all at once and in small spans."""
    rows = ViewRows(views)
    expected = [
        (row, number)
        for row, view in enumerate(views)
        for number, rule in enumerate(corpus)
        if rule.matches(view)
    ]

    assert len(corpus) == 3141
    assert len(expected) > 300
    assert Program(corpus).match(rows) == expected
    assert Program(corpus, span_max=50, memory_max=100_000).match(rows) == expected
