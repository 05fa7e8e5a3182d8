"""Rules put to lines of a file: as the plain matcher does, in whatever process."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from ombud.bench.plain_lines import PlainLines
from ombud.bench.raw_lines import RawLines
from ombud.detect.rule import Rule, parse_rules
from ombud.services.matching import LinePool

DETECTIONS = (
    "{s: {eventName: GetObject}, condition: s}",
    "{s: {userIdentity.userName|startswith: a}, condition: s}",
    "{s: {errorCode: null}, t: {eventName: PutObject}, condition: s and t}",
    "{s: [needle], condition: s}",
    "{s: {eventName: GetObject}, condition: not s}",
)
EVENTS: tuple[dict[str, Any], ...] = (
    {"eventName": "GetObject", "userIdentity": {"userName": "ana"}},
    {"eventName": "getobject", "errorCode": "AccessDenied"},
    {"eventName": "PutObject", "request": ["a needle in it"]},
    {"eventName": ["PutObject", "GetObject"], "errorCode": None},
    {},
)


@pytest.fixture
def rules() -> tuple[Rule, ...]:
    """Return some rules about originals."""
    return tuple(
        parse_rules(
            f"title: T\nid: r{number}\nlogsource: {{product: aws}}\ndetection: {detection}",
            path="t.yml",
        )[0][0]
        for number, detection in enumerate(DETECTIONS)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file of many events."""
    file = tmp_path / "lines"
    lines = [orjson.dumps({**EVENTS[n % len(EVENTS)], "n": n}) for n in range(4_000)]
    file.write_bytes(b"\n".join([*lines, b"no JSON, but a needle", b"[1]"]))
    return file


@pytest.mark.parametrize("jobs", [1, 2])
def test_lines_match_as_plainly(rules: tuple[Rule, ...], path: Path, jobs: int) -> None:
    """One process or two find what the plain matcher finds, in order."""
    plain, _ = PlainLines(rules).match(path.read_bytes().splitlines())

    with LinePool(partial(RawLines, rules), jobs=jobs) as pool:
        found = [hit for part in pool.match(path) for hit in part.hits]

    assert len(plain) > 4_000
    assert [(hit.line - 1, hit.rule) for hit in found] == list(plain)


def test_rules_that_ran_can_be_sent(rules: tuple[Rule, ...]) -> None:
    """What was compiled of a rule stays behind; the rule is the same."""
    assert rules[0].matches({"eventName": "GetObject"})

    assert pickle.loads(pickle.dumps(rules)) == rules
