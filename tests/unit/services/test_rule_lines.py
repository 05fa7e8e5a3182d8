"""Rule lines: what many records at once match is what each alone matches."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import pytest

from ombud.collect.sources import get_source
from ombud.core.errors import EventError, InputError
from ombud.detect.logsource import sees_event
from ombud.detect.rule import Rule, parse_rules
from ombud.detect.view import view_of_event, view_of_original
from ombud.services.matching import LinePool
from ombud.services.rule_lines import RuleLines, WholeLines, routed

RULES = """\
title: Stopped
id: stopped
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: StopLogging}, condition: s}
---
title: Configured
id: named
logsource: {product: ombud, service: control}
detection: {s: {operation: '*Logging'}, condition: s}
---
title: Records only
id: records
logsource: {product: ombud, service: records}
detection: {s: {operation: '*Logging'}, condition: s}
---
title: Word
id: word
logsource: {product: aws}
detection: {s: [startlogging], condition: s}
"""
KIND = "aws.cloudtrail"


def rules() -> list[Rule]:
    """Return the rules."""
    found, refusals = parse_rules(RULES, path="r.yml")
    assert not refusals
    return found


def trail(name: str, number: int) -> bytes:
    """Return one record of CloudTrail."""
    return (
        b'{"eventVersion": "1.08", "eventTime": "2026-11-22T12:00:00Z", "eventID": "%d", '
        b'"eventSource": "cloudtrail.amazonaws.com", "eventName": "%s"}' % (number, name.encode())
    )


LINES = [
    *(
        trail(name, number)
        for number, name in enumerate(["StopLogging", "GetTrail", "StartLogging"])
    ),
    b"nonsense",
    b"[1]",
    b"{}",
    trail("stoplogging", 9),
]


def plain(lines: list[bytes], kind: str | None) -> tuple[list[tuple[int, int]], list[int]]:
    """Return matches and faulty rows by putting every rule to every record: the oracle."""
    found, faulty = [], []
    for row, raw in enumerate(lines):
        view = view_of_original(raw, kind)
        named = None
        try:
            if kind is not None:
                named = view_of_event(get_source(kind).parse(raw, now_ms=0))
        except EventError:
            faulty.append(row)
            continue
        if kind is None and raw[:1] != b"{":
            faulty.append(row)
            continue
        for place, rule in enumerate(rules()):
            if kind is None or not rule.logsource.is_own:
                is_match = rule.matches(view)
            else:
                assert named is not None
                is_seen = sees_event(rule.logsource, named["source"], named["action"])
                is_match = is_seen and rule.matches(named)
            if is_match:
                found.append((row, place))
    return found, faulty


@pytest.mark.parametrize("kind", [KIND, None])
@pytest.mark.parametrize("step", [1, 3, 100])
def test_is_the_plain_answer(kind: str | None, step: int) -> None:
    """However records are cut into steps, matches and faults are those of one by one."""
    read = RuleLines(rules(), kind)
    found: list[tuple[int, int]] = []
    faulty: list[int] = []
    for start in range(0, len(LINES), step):
        matches, faults = read.match(LINES[start : start + step])
        found += [(start + row, rule) for row, rule in matches]
        faulty += [start + row for row, _ in faults]
    assert (found, faulty) == plain(LINES, kind)
    assert found


def test_view_is_what_the_rule_saw() -> None:
    """A rule of our product is told by the names of the model, any other by the original."""
    read = RuleLines(rules(), KIND)
    assert read.view(LINES[0], 0)["eventName"] == "StopLogging"
    assert read.view(LINES[0], 1)["operation"] == "StopLogging"
    assert "operation" not in RuleLines(rules(), None).view(LINES[0], 1)


def test_in_processes(tmp_path: Path) -> None:
    """Rules survive the way to another process, and find there what they find here."""
    pickle.loads(pickle.dumps(rules()))
    path = tmp_path / "trail.ndjson"
    path.write_bytes(b"\n".join([*LINES[:4], *LINES[5:]]) + b"\n")
    with LinePool(partial(WholeLines, rules(), KIND), jobs=2) as pool:
        (part,) = pool.match(path)
    found, faulty = plain([*LINES[:4], *LINES[5:]], KIND)
    assert [(hit.line - 1, hit.rule) for hit in part.hits] == found
    assert [fault.line - 1 for fault in part.faults] == faulty


@pytest.mark.parametrize(
    "line", [b'{"Records": [{"a": 1}]}', b"[1]", b'{"eventVersion": "1.08",', b"{", b" [{}]"]
)
def test_documents_are_not_shared(line: bytes) -> None:
    """A file whose records are not lines is refused for several processes, not misread."""
    with pytest.raises(InputError, match="not one record per line"):
        WholeLines(rules(), KIND).match([LINES[0], line])


def test_routed() -> None:
    """Rules of other products than the source's are not put to it."""
    assert [rule.id for rule in routed(rules(), KIND)] == ["stopped", "named", "records", "word"]
    assert [rule.id for rule in routed(rules(), "okta.systemlog")] == ["named", "records"]
