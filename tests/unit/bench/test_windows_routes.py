"""Events of Windows reach the rules that are about them."""

from __future__ import annotations

import orjson

from ombud.bench.plain_lines import PlainLines
from ombud.bench.windows_routes import RoutedLines
from ombud.detect.rule import Rule, parse_rules


def rule(name: str, logsource: str) -> Rule:
    """Return a rule that matches every event it sees."""
    text = (
        f"title: T\nid: {name}\nlogsource: {logsource}\ndetection: {{s: {{x: null}}, condition: s}}"
    )
    (parsed,), refusals = parse_rules(text, path=name)
    assert not refusals
    return parsed


RULES: tuple[tuple[str, str, list[int]], ...] = (
    ("process", "{product: windows, category: process_creation}", [0]),
    ("registry", "{product: windows, category: registry_event}", [1]),
    ("value", "{product: windows, category: registry_set}", [1]),
    ("sysmon", "{product: windows, service: sysmon}", [0, 1]),
    ("security", "{product: windows, service: security}", [2]),
    ("windows", "{product: windows}", [0, 1, 2, 3]),
    ("linux", "{product: linux, category: process_creation}", []),
    ("any", "{category: process_creation}", [0]),
)


def test_events_are_routed_by_channel_and_number() -> None:
    """A rule sees the events that its logsource covers, in order of lines and rules."""
    sysmon = "Microsoft-Windows-Sysmon/Operational"
    kinds = ((sysmon, 1), (sysmon, 13), ("Security", 4624), ("Elsewhere", 1))
    lines = [orjson.dumps({"Channel": channel, "EventID": n}) for channel, n in kinds]
    rules = [rule(name, logsource) for name, logsource, _ in RULES]

    found, faults = RoutedLines(rules, PlainLines).match(lines)

    wanted = [(row, at) for at, (_, _, rows) in enumerate(RULES) for row in rows]
    assert list(found) == sorted(wanted)
    assert faults == ()
