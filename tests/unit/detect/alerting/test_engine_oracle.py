"""The engine against the plain one: same alerts, whatever the cuts and wherever it stops."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate, pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.plain_engine import PlainEngine
from ombud.bench.events import county_sources, to_batches, to_committed
from ombud.config.rule_files import read_rules, shipped_rules_folder
from ombud.core.batch import Committed
from ombud.core.stretch import join_committed, slice_committed
from ombud.detect.alerting import engine as engine_module
from ombud.detect.alerting.alert import Alert, AlertChange, AlertEvent
from ombud.detect.alerting.engine import Engine
from ombud.detect.correlation.linking import link
from ombud.detect.correlation.model import Correlation
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.rule import Rule, parse_rules
from ombud.simulate.county import simulate

END = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENTS = 1200

# What the shipped rules do not ask: each service, absence, keywords, originals of several sources.
RULES = """
title: Anything on data
id: records
logsource: {product: ombud, service: records}
detection: {s: {case: null}, condition: s}
ombud: {group_by: [resource.system]}
---
title: Not on data
id: control
logsource: {product: ombud, service: control}
detection: {s: {action: read}, condition: not s}
---
title: Any act
id: any
logsource: {product: ombud}
detection: {s: {derived.first_seen: true}, condition: s}
---
title: Slept
id: slept
logsource: {product: ombud}
detection: {s: {derived.idle_days|gt: 0.5}, condition: s}
---
title: Overseer
id: oversight
logsource: {product: ombud, service: oversight}
detection: {s: {action|exists: true}, condition: s}
---
title: Asked
id: decisions
logsource: {product: ombud, service: decisions}
detection: {s: {action|exists: true}, condition: s}
---
title: Person
id: person
logsource: {product: ombud, service: records}
detection: {s: {subject.kind: person, attributes.on_shift: false}, condition: s}
ombud: {group_by: [subject.key], explain: "[{case}|no case] of {subject.key}"}
---
title: Trail
id: trail
logsource: {product: aws}
detection: {s: {eventName|startswith: Get}, t: {userIdentity.type: Root}, condition: s or not t}
---
title: Words
id: words
logsource: {product: aws, service: cloudtrail}
detection: {keywords: ['*bucket*'], condition: keywords}
---
title: Database
id: database
logsource: {category: database}
detection: {s: {message|contains: select}, condition: s}
---
title: Elsewhere
id: elsewhere
logsource: {product: windows}
detection: {s: {EventID: 1}, condition: not s}
"""

# What is done to some event: the group, and the bytes replaced in it, or all of them.
SPOILT = (
    (3, b'"county.cases"', b'"ombud.tick"'),
    (3, b'"county.cases"', b'"ombud.detect"'),
    (3, b'"county.cases"', b'"ombud.decision"'),
    (3, b'"county.cases"', b'"ombud.look"'),
    (3, b"", b"[99]"),
    (1, b"", b"[1"),
    (2, b"", b"{}"),
    (3, b"", b""),
    (1, b"", b""),
    (4, b"", b"no \xff JSON: select"),
    (4, b"", b""),
)

CORRELATIONS = """
title: Many reads
id: many
correlation:
  type: event_count
  rules: [records]
  group-by: [actor.id]
  timespan: 1h
  condition: {gte: 4}
ombud: {explain: "{count} acts, {value} by then"}
---
title: Many persons
id: persons
correlation:
  type: value_count
  rules: [person, records]
  group-by: [actor.id]
  timespan: 1d
  condition: {field: resource.id, gte: 3}
---
title: Few
id: few
correlation: {type: event_count, rules: [any], timespan: 2h, condition: {lt: 3}}
---
title: Trail and control
id: both
correlation:
  type: temporal
  rules: [trail, control]
  group-by: [who]
  timespan: 12h
  aliases: {who: {trail: userIdentity.arn, control: actor.id}}
---
title: Asked and nothing done
id: absent
correlation:
  type: temporal
  rules: [decisions, records]
  timespan: 1h
  condition: decisions and not records
---
title: Upon many
id: upon
correlation: {type: event_count, rules: [many], timespan: 2d, condition: {gte: 2}}
"""
FEEDING = frozenset({"records", "any", "many"})

Merged = dict[str, tuple[Alert, list[AlertEvent], list[int]]]


@cache
def record() -> Committed:
    """Return a county's record, told by all its sources."""
    simulation = simulate(11, people=40, end=END, events=EVENTS, days=40)
    whole = join_committed(list(to_committed(to_batches(county_sources(), simulation, rows=64))))
    times = accumulate((whole.values(row)["time"] for row in range(whole.count)), max)
    return spoil(replace(whole, recorded_ms=array("q", times)))


def spoil(whole: Committed) -> Committed:
    """Return a record with ticks and findings, erased groups and bytes that are no event."""
    groups = [[whole.group(number, row) for row in range(whole.count)] for number in (1, 2, 3, 4)]
    for row in range(0, whole.count, 7):
        number, was, becomes = SPOILT[row % len(SPOILT)]
        part = groups[number - 1][row]
        groups[number - 1][row] = part.replace(was, becomes) if was else becomes
    ends = [array("i", [0]) for _ in groups]
    for offsets, parts in zip(ends, groups, strict=True):
        for part in parts:
            offsets.append(offsets[-1] + len(part))
    blobs = tuple(b"".join(parts) for parts in groups)
    return Committed(whole.first_index, whole.count, whole.recorded_ms, tuple(ends), blobs)


@cache
def rules() -> tuple[Rule, ...]:
    """Return the shipped rules and those above."""
    found, refusals = parse_rules(RULES, path="t.yml")
    assert not refusals
    return (*read_rules([shipped_rules_folder()]).rules, *found)


@cache
def correlations() -> tuple[Correlation, ...]:
    """Return the correlations above."""
    parsed = [parse_correlation(one, path="t.yml") for one in yaml.safe_load_all(CORRELATIONS)]
    kept, refusals = link(parsed, rules())
    assert not refusals
    return kept


def merged(changes: Sequence[AlertChange]) -> Merged:
    """Return alerts as a store would hold them after these changes, in the order they opened."""
    alerts: Merged = {}
    for change in changes:
        if change.alert_id not in alerts:
            assert change.opened is not None
            alerts[change.alert_id] = (change.opened, [], [])
        _, events, counts = alerts[change.alert_id]
        events += change.events
        counts[:] = [change.count, change.first_time, change.last_time, change.last_index]
    return alerts


def cut(data: st.DataObject, whole: Committed) -> list[Committed]:
    """Return a record in pieces."""
    at = sorted(data.draw(st.sets(st.integers(1, whole.count), max_size=6)) | {0, whole.count})
    return [slice_committed(whole, start, end) for start, end in pairwise(at)]


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_alerts_are_those_of_the_plain_engine(data: st.DataObject) -> None:
    """Random slices, rules, cuts and restarts give the plain engine's alerts, in its order."""
    events = record().count
    start = data.draw(st.integers(0, events - 2))
    end = data.draw(st.integers(start + 1, min(start + 400, events)))
    rows = slice_committed(record(), start, end)
    whole = Committed(0, rows.count, rows.recorded_ms, rows.offsets, rows.blobs)
    some = data.draw(st.lists(st.sampled_from(rules()), unique_by=id, min_size=1))
    most = data.draw(st.sampled_from([3, 100_000]))
    over = correlations() if data.draw(st.booleans()) else ()
    options: dict[str, Any] = {"feeding": FEEDING, "alerts_max": most}
    plain = PlainEngine(some, over, **options)
    plain.feed(whole)
    once = Engine(some, over, **options)
    once.feed(whole)

    engine, changes = Engine(some, over, **options), []
    for piece in cut(data, whole):
        changes += engine.feed(piece)
        if data.draw(st.booleans()):
            engine = Engine.restore(some, engine.snapshot(), over, **options)

    found = merged(changes)
    assert found == plain.alerts
    assert list(found) == list(plain.alerts)
    assert engine.unreadable_count == plain.unreadable
    assert engine.snapshot() == once.snapshot()


def test_the_whole_record_is_that_of_the_plain_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """All rules over all of it, also in steps: alerts, fields never seen, and enough of both."""
    monkeypatch.setattr(engine_module, "ROWS_MAX", 500)
    plain = PlainEngine(rules(), correlations(), feeding=FEEDING)
    engine = Engine(rules(), correlations(), feeding=FEEDING)
    plain.feed(record())

    found = merged(engine.feed(record()))

    assert found == plain.alerts
    assert len({alert.rule_id for alert, _, _ in found.values()}) >= 15
    assert {one.id for one in correlations()} - FEEDING <= {
        alert.rule_id for alert, _, _ in found.values()
    }
    assert engine.unreadable_count == plain.unreadable > 0
    unused = engine.unused_fields()
    assert unused
    assert all(field.field not in plain.carried[field.source] for field in unused)
    told = {(field.source, field.field) for field in unused}
    for source in {field.source for field in unused}:
        named = {
            name
            for rule in rules()
            for name in rule.fields
            if rule.logsource.is_own is (source == "ombud") and rule.id != "elsewhere"
        }
        assert {name for name in named if (source, name) in told} == {
            name for name in named if name not in plain.carried[source]
        }
