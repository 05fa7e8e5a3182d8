"""Same record, same rules, same alerts: whatever the batches, wherever it stops."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.batch import Committed
from ombud.core.errors import Conflict, InputError
from ombud.core.event import Event
from ombud.detect.alerting.actors import ACTORS_MAX
from ombud.detect.alerting.alert import Alert, AlertChange, finding_event
from ombud.detect.alerting.engine import Engine
from ombud.detect.alerting.tally import EVENTS_MAX, OVERFLOW
from ombud.detect.loading.rule_set import load_rules
from ombud.detect.rule import Rule, parse_rules

CommittedOf = Callable[..., Committed]
Act = Callable[..., Event]
DAY = 86_400_000
NOON = 1_795_348_800_000

RULES = """
title: Export
id: export
level: high
logsource: {product: ombud, service: records}
detection: {s: {action: export}, condition: s}
ombud: {group_by: [resource.dataset], explain: "{rows.returned} rows of {resource.dataset}"}
---
title: Woke
id: woke
logsource: {product: ombud}
detection: {s: {derived.idle_days|gte: 30}, condition: s}
---
title: Stopped
id: stopped
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: StopLogging}, condition: s}
---
title: Seldom
id: seldom
logsource: {product: ombud}
detection: {s: {attributes.canary: true, case: null}, condition: s}
"""

TWO_DATASETS = b"""---
title: Many
id: many
correlation: {type: value_count, rules: [export], group-by: [actor.id], timespan: 1h,
              condition: {field: resource.id, gte: 2}}
"""
WITHOUT_EXPORT = b"""---
title: Alone
id: alone
correlation: {type: temporal, rules: [stopped, export], timespan: 1h,
              condition: stopped and not export}
---
title: Few
id: few
correlation: {type: event_count, rules: [stopped, export], timespan: 1h, condition: {lt: 2}}
---
title: Mean
id: mean
correlation: {type: value_avg, rules: [stopped, export], timespan: 1h,
              condition: {field: rows.returned, gte: 2}}
---
title: Either
id: either
correlation: {type: event_count, rules: [stopped, export], timespan: 1h, condition: {gte: 1}}
---
title: Upon
id: upon
correlation: {type: temporal, rules: [stopped, either], timespan: 1h,
              condition: stopped and not either, generate: true}
"""


def rules_of(text: str = RULES) -> list[Rule]:
    """Return the rules of a text, none refused."""
    rules, refusals = parse_rules(text, path="t.yml")
    assert not refusals
    return rules


def merged(changes: Sequence[AlertChange]) -> dict[str, Any]:
    """Return alerts as a store would hold them after these changes."""
    alerts: dict[str, Any] = {}
    for change in changes:
        alert = alerts.setdefault(change.alert_id, {"opened": change.opened, "events": []})
        alert["events"] += change.events
        alert["now"] = (change.count, change.first_time, change.last_time, change.last_index)
    return alerts


events: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        time=st.integers(0, 200).map(lambda days: NOON + days * DAY),
        source=st.sampled_from(["county.records", "aws.cloudtrail", "ombud.look", "ombud.detect"]),
        action=st.sampled_from(["read", "export", "tick", "configure"]),
        actor_id=st.sampled_from(["ana", "ben", None]),
        resource_dataset=st.sampled_from(["plates", "cases", None]),
        attributes=st.sampled_from([None, {"canary": True}, {"canary": False}]),
        raw=st.sampled_from([b'{"eventName": "StopLogging"}', b'{"eventName": "x"}', b"text"]),
    ),
    min_size=1,
    max_size=24,
)


@given(rows=events, data=st.data())
def test_alerts_do_not_depend_on_batches_or_restarts(
    committed_of: CommittedOf, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Any cut of the record, with a restart at any cut, gives the same alerts and state."""
    rules = rules_of()
    record = [Event(**row) for row in rows]
    whole = Engine(rules)
    expected = merged(whole.feed(committed_of(record)))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(record)))) | {len(record)})
    restarts = data.draw(st.sets(st.sampled_from(cuts)))

    engine, start, changes = Engine(rules), 0, []
    for cut in cuts:
        changes += engine.feed(committed_of(record[start:cut], first_index=start))
        start = cut
        if cut in restarts:
            engine = Engine.restore(rules, engine.snapshot())

    assert merged(changes) == expected
    assert engine.snapshot() == whole.snapshot()
    assert engine.unused_fields() == whole.unused_fields()
    assert engine.silent_rules() == whole.silent_rules()


def test_restart_at_every_offset(committed_of: CommittedOf, act: Act) -> None:
    """Restored at any event and fed the whole record again, nothing is doubled or lost."""
    rules = rules_of()
    record = [
        act(action="export", resource_dataset="plates", time=NOON + n * 31 * DAY) for n in range(6)
    ]
    expected = merged(Engine(rules).feed(committed_of(record)))

    for offset in range(1, len(record)):
        before = Engine(rules)
        changes = before.feed(committed_of(record[:offset]))
        after = Engine.restore(rules, before.snapshot())
        changes += after.feed(committed_of(record))  # From 0: what was taken is skipped.

        assert merged(changes) == expected
        assert after.position == len(record)


def test_one_alert_for_one_key(committed_of: CommittedOf, act: Act) -> None:
    """Rule, actor and group make one alert, which counts and keeps its events."""
    record = [
        act(action="export", resource_dataset="plates", rows_returned=7),
        act(action="export", resource_dataset="plates", time=NOON - DAY),
        act(action="export", resource_dataset="cases"),
        act(action="export", resource_dataset="plates", actor_id="ben"),
    ]

    first, *others = Engine(rules_of()).feed(committed_of(record, recorded=[NOON + DAY] * 4))

    assert len(others) == 2
    assert first.opened is not None
    assert (first.opened.actor, first.opened.group) == ("ana", (("resource.dataset", "plates"),))
    assert (first.opened.level, first.opened.title) == ("high", "Export")
    assert first.opened.sentence == "7 rows of plates"
    assert first.opened.opened_at == NOON + DAY
    assert [event.index for event in first.events] == [0, 1]
    assert first.events[0].fields == {"action": ["export"]}
    assert (first.count, first.first_time, first.last_time) == (2, NOON - DAY, NOON)
    assert first.last_index == 1


def test_events_of_an_alert_are_bounded(committed_of: CommittedOf, act: Act) -> None:
    """An alert keeps so many events and counts all."""
    record = [act(action="export") for _ in range(EVENTS_MAX + 5)]

    (change,) = Engine(rules_of()).feed(committed_of(record))

    assert (len(change.events), change.count) == (EVENTS_MAX, EVENTS_MAX + 5)


def test_alerts_are_bounded(committed_of: CommittedOf, act: Act) -> None:
    """Beyond the bound one alert a rule takes the rest, so that none is lost in silence."""
    record = [act(action="export", actor_id=f"actor-{n}") for n in range(5)]

    changes = Engine(rules_of(), alerts_max=2).feed(committed_of(record))

    assert [change.count for change in changes] == [1, 1, 3]
    assert changes[2].opened is not None
    assert (changes[2].opened.actor, changes[2].opened.group) == (None, OVERFLOW)


def test_own_acts_are_watched_but_findings_are_not(committed_of: CommittedOf, act: Act) -> None:
    """An overseer's act can raise an alert; the finding of an alert cannot raise another."""
    engine = Engine(rules_of())
    (change,) = engine.feed(committed_of([act(source="ombud.look", action="export")]))
    assert isinstance(change.opened, Alert)

    finding = finding_event(change.opened)
    record = [
        Event(**{**{n: getattr(finding, n) for n in finding.__struct_fields__}, "action": "export"})
    ]

    assert engine.feed(committed_of(record, first_index=1)) == []


def test_ticks_move_time_and_match_nothing(committed_of: CommittedOf, act: Act) -> None:
    """Log time is the latest time of recording; a tick is no act."""
    rules = rules_of(
        "title: T\nlogsource: {product: ombud}\ndetection: {s: {case: null}, condition: s}\n"
    )
    engine = Engine(rules)

    tick = act(source="ombud.tick", action="tick")
    assert engine.feed(committed_of([tick], recorded=[NOON + 60_000])) == []
    assert engine.time == NOON + 60_000


@pytest.mark.parametrize(
    ("times", "recorded", "woken"),
    [
        pytest.param([0, 31], [31, 31], [1], id="after a month"),
        pytest.param([0, 29], [31, 31], [], id="within a month"),
        pytest.param([0], [0], [], id="first act"),
        pytest.param([40, 0, 41], [41, 41, 41], [], id="late event wakes nobody"),
        pytest.param(
            [0, 900_000, 31], [0, 1, 31], [1, 2], id="a date far ahead hides nothing later"
        ),
    ],
)
def test_idle_days(
    committed_of: CommittedOf, act: Act, times: list[int], recorded: list[int], woken: list[int]
) -> None:
    """Days since the actor's last act come from the events, not from their arrival."""
    record = [act(time=NOON + day * DAY) for day in times]
    engine = Engine(rules_of())

    changes = engine.feed(committed_of(record, recorded=[NOON + day * DAY for day in recorded]))

    assert [event.index for change in changes for event in change.events] == woken


def test_first_seen(committed_of: CommittedOf, act: Act) -> None:
    """The first act of an actor says so, each later one does not."""
    rules = rules_of(
        "title: T\nlogsource: {product: ombud}\n"
        "detection: {s: {derived.first_seen: true}, condition: s}\n"
    )
    record = [act(), act(), act(actor_id="ben"), act(actor_id=None)]

    changes = Engine(rules).feed(committed_of(record))

    assert [event.index for change in changes for event in change.events] == [0, 2]


def test_longest_silent_actor_is_forgotten(
    committed_of: CommittedOf, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory of actors is bounded; who acted last is kept."""
    assert ACTORS_MAX > 2
    monkeypatch.setattr("ombud.detect.alerting.actors.ACTORS_MAX", 2)
    record = [act(actor_id=name) for name in ("ana", "ben", "ana", "cy")]
    record.append(act(actor_id="ana", time=NOON + 31 * DAY))
    record.append(act(actor_id="ben", time=NOON + 31 * DAY))

    changes = Engine(rules_of()).feed(committed_of(record))

    assert [event.index for change in changes for event in change.events] == [4]


def test_originals_are_routed(committed_of: CommittedOf, act: Act) -> None:
    """A rule of another product sees the original of its source and of no other."""
    raw = b'{"eventName": "stoplogging"}'
    record = [act(source="aws.cloudtrail", raw=raw), act(source="county.records", raw=raw)]

    (change,) = Engine(rules_of()).feed(committed_of(record))

    assert change.opened is not None
    assert (change.opened.rule_id, change.opened.actor) == ("stopped", "ana")
    assert change.opened.sentence == "matched by eventName = stoplogging"
    assert [event.index for event in change.events] == [0]


def test_fields_never_carried_are_told(committed_of: CommittedOf, act: Act) -> None:
    """A field that no event has carried is named, and the rules that are silent for it."""
    engine = Engine(rules_of())
    engine.feed(committed_of([act(), act(source="aws.cloudtrail", raw=b'{"x": 1}')]))

    unused = {(unused.source, unused.field): unused for unused in engine.unused_fields()}
    silent = {silent.rule_id: silent.reason for silent in engine.silent_rules()}

    assert unused["aws.cloudtrail", "eventName"].rule_ids == ("stopped",)
    assert unused["ombud", "attributes.canary"].event_count == 2
    assert ("ombud", "action") not in unused
    assert silent["stopped"] == "no event has carried eventName"
    assert silent["seldom"] == "no event has carried attributes.canary, case"
    assert "export" not in silent

    engine.feed(
        committed_of(
            [
                act(attributes={"canary": False}),
                act(source="aws.cloudtrail", raw=b'{"eventName": "x"}'),
            ],
            first_index=2,
        )
    )

    assert {"stopped", "seldom"} & {silent.rule_id for silent in engine.silent_rules()} == set()


def test_rules_without_a_source_are_told() -> None:
    """A rule whose logsource nothing here delivers is named; so is one that waits for events."""
    text = RULES.replace("product: aws, service: cloudtrail", "product: windows")

    silent = {silent.rule_id: silent.reason for silent in Engine(rules_of(text)).silent_rules()}

    assert silent["stopped"] == "no source here is windows/*/*"
    assert silent["export"] == "no event of ombud yet"


def test_other_rules_after_a_restart(committed_of: CommittedOf, act: Act) -> None:
    """State outlives a change of rules: old alerts are known, new fields are watched from now."""
    engine = Engine(rules_of())
    engine.feed(committed_of([act(action="export")]))
    changed = rules_of(RULES.replace("attributes.canary", "attributes.vip"))

    engine = Engine.restore(changed, engine.snapshot())
    changes = engine.feed(committed_of([act(action="export")], first_index=1))

    assert [(change.opened, change.count) for change in changes] == [(None, 2)]
    unused = {unused.field: unused.event_count for unused in engine.unused_fields()}
    assert unused["attributes.vip"] == 1
    assert unused["case"] == 2


def test_new_version_is_a_new_alert(committed_of: CommittedOf, act: Act) -> None:
    """A changed rule opens its own alerts."""
    ids = set()
    for text in (RULES, RULES.replace("level: high", "level: low")):
        (change,) = Engine(rules_of(text)).feed(committed_of([act(action="export")]))
        ids.add(change.alert_id)

    assert len(ids) == 2


def test_gap_is_refused(committed_of: CommittedOf, act: Act) -> None:
    """The engine is fed in log order without a gap."""
    with pytest.raises(Conflict, match="engine is at index 0 and was given 1"):
        Engine([]).feed(committed_of([act()], first_index=1))


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="no fields"),
        pytest.param(b"[]", id="no map"),
        pytest.param(b'{"version": 9}', id="version of the future"),
    ],
)
def test_foreign_state_is_refused(state: bytes) -> None:
    """Bytes that are no state of this version are refused, never half used."""
    with pytest.raises(InputError, match="engine state is"):
        Engine.restore([], state)


def test_unreadable_event_stops_nothing(committed_of: CommittedOf, act: Act) -> None:
    """An event of an unknown version is counted and passed over; `record verify` judges it."""
    good = committed_of([act(action="export")])
    content = b"[99]"
    offsets = (*good.offsets[:2], array("i", [0, len(content)]), good.offsets[3])
    bad = Committed(0, 1, good.recorded_ms, offsets, (*good.blobs[:2], content, good.blobs[3]))
    engine = Engine(rules_of())

    assert engine.feed(bad) == []
    assert (engine.unreadable_count, engine.position) == (1, 1)


def test_erased_groups_are_passed_over(committed_of: CommittedOf, act: Act) -> None:
    """An event whose groups are erased has a time of recording and nothing to match."""
    good = committed_of([act(action="export")])
    nothing = array("i", [0, 0])
    erased = Committed(0, 1, good.recorded_ms, (nothing,) * 4, (b"",) * 4)

    assert Engine(rules_of()).feed(erased) == []


def test_calling_an_act_a_tick_hides_it_from_no_rule(
    rule_of: Callable[..., Rule], committed_of: CommittedOf, act: Act
) -> None:
    """Only Ombud's own ticks are passed over; a sender's word `tick` is a word."""
    head = "title: T\nid: t\nlogsource: {product: ombud}\n"
    rule = rule_of("resource.dataset: plates", head=head)
    engine = Engine([rule])
    hidden = act(action="tick", resource_dataset="plates")
    assert [change.opened is not None for change in engine.feed(committed_of([hidden]))] == [True]


def test_a_correlation_counts_more_than_it_names(committed_of: CommittedOf, act: Act) -> None:
    """Of many contributing events an alert keeps the first, and that which completed it."""
    text = RULES.encode() + (
        b"---\ntitle: Many\nid: many\n"
        b"correlation: {type: event_count, rules: [export], timespan: 1h, condition: {gte: 150}}\n"
    )
    found = load_rules([("t.yml", text)])
    record = [act(action="export", time=NOON + number) for number in range(149)]
    record.append(act(action="export", time=NOON + 149, actor_id="ben"))
    engine = Engine(found.rules, found.correlations, feeding=found.feeding)

    (change,) = engine.feed(committed_of(record))

    assert change.opened is not None
    assert (change.opened.rule_id, change.opened.actor) == ("many", None)
    assert change.opened.sentence == "150 matches of Export in 1 hour"
    assert change.opened.opened_at == NOON + 149
    assert [event.index for event in change.events] == [*range(100), 149]
    assert (change.count, change.last_index) == (150, 149)
    assert (change.first_time, change.last_time) == (NOON, NOON + 149)


def test_an_alert_of_a_correlation_has_the_actor_of_all_its_events(
    committed_of: CommittedOf, act: Act
) -> None:
    """One actor is named, several are not; what is told of an event is what was read of it."""
    text = RULES.encode() + (
        b"---\ntitle: Many\nid: many\ncorrelation:\n  type: value_count\n  rules: [export]\n"
        b"  group-by: [resource.dataset]\n  timespan: 1h\n"
        b"  condition: {field: resource.id, gte: 2}\n"
    )
    found = load_rules([("t.yml", text)])
    record = [
        act(action="export", resource_dataset="Plates", resource_id="p1"),
        act(action="export", resource_dataset="Plates", resource_id="p2"),
        act(action="export", resource_dataset="cases", resource_id="c1"),
        act(action="export", resource_dataset="cases", resource_id="c2", actor_id="ben"),
    ]
    engine = Engine(found.rules, found.correlations, feeding=found.feeding)

    one, several = engine.feed(committed_of(record))

    assert one.opened is not None
    assert several.opened is not None
    assert (one.opened.actor, several.opened.actor) == ("ana", None)
    assert [event.fields for event in one.events] == [
        {"resource.dataset": ["Plates"], "resource.id": ["p1"]},
        {"resource.dataset": ["Plates"], "resource.id": ["p2"]},
    ]


def test_state_holds_the_correlator(committed_of: CommittedOf, act: Act) -> None:
    """A correlation goes on after a restart; bytes that are none of a correlator are refused."""
    text = RULES.encode() + (
        b"---\ntitle: Many\nid: many\n"
        b"correlation: {type: event_count, rules: [export], timespan: 1h, condition: {gte: 2}}\n"
    )
    found = load_rules([("t.yml", text)])
    engine = Engine(found.rules, found.correlations, feeding=found.feeding)
    engine.feed(committed_of([act(action="export")]))
    state = engine.snapshot()
    again = Engine.restore(found.rules, state, found.correlations, feeding=found.feeding)

    (change,) = again.feed(committed_of([act(action="export")], first_index=1))

    assert [event.index for event in change.events] == [0, 1]
    head, _, _ = state.partition(b"\n")
    with pytest.raises(InputError, match="state is unreadable"):
        Engine.restore(found.rules, head + b"\nno state", found.correlations)


@pytest.mark.parametrize("value", [None, "x", -5, 1.5, [], {}, [[]], 2**63, True], ids=repr)
def test_no_single_wrong_value_of_a_state_stops_the_engine_later(
    committed_of: CommittedOf, act: Act, value: Any
) -> None:
    """It is refused when it is read, or does no harm: never an error at some later event."""
    found = load_rules([("t.yml", RULES.encode() + TWO_DATASETS)])
    engine = Engine(found.rules, found.correlations, feeding=found.feeding)
    engine.feed(committed_of([act(action="export", resource_id=f"r{n}") for n in range(3)]))
    text, _, snapshot = engine.snapshot().partition(b"\n")
    refused = 0
    for path in places_of(orjson.loads(text)):
        state = orjson.loads(text)
        place = state
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        try:
            again = Engine.restore(
                found.rules,
                orjson.dumps(state) + b"\n" + snapshot,
                found.correlations,
                feeding=found.feeding,
            )
        except InputError:
            refused += 1
            continue
        again.feed(committed_of([act(action="export")], first_index=again.position))
        again.snapshot()
    assert refused > 20


def places_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from places_of(one, (*path, key))


def test_a_state_is_read_back_as_it_was(committed_of: CommittedOf, act: Act) -> None:
    """All of it, with alerts, actors, fields and evidence."""
    found = load_rules([("t.yml", RULES.encode() + TWO_DATASETS)])
    engine = Engine(found.rules, found.correlations, feeding=found.feeding)
    engine.feed(committed_of([act(action="export", resource_id=f"r{n}") for n in range(3)]))
    state = engine.snapshot()
    again = Engine.restore(found.rules, state, found.correlations, feeding=found.feeding)

    assert again.snapshot() == state


def test_nobody_is_accused_since_a_rule_is_switched_off(
    committed_of: CommittedOf, act: Act
) -> None:
    """What is demanded to be absent is absent only if it is looked for; what is left says why."""
    found = load_rules([("t.yml", RULES.encode() + WITHOUT_EXPORT)])
    assert not found.refusals
    record = [
        act(action="export"),
        act(action="configure", source="aws.cloudtrail", raw=b'{"eventName": "StopLogging"}'),
        act(source="ombud.tick", action="tick", time=NOON + 9 * DAY),
    ]
    running = [rule for rule in found.rules if rule.id != "export"]
    engine = Engine(running, found.correlations, feeding=found.feeding)
    changes = engine.feed(committed_of(record))

    assert {change.opened.rule_id for change in changes if change.opened} == {
        "stopped",
        "either",
    }
    silent = {one.rule_id: one.reason for one in engine.silent_rules()}
    assert set(silent) >= {"alone", "few", "mean", "upon"}
    assert "export is switched off" in silent["alone"]
    whole = Engine(found.rules, found.correlations, feeding=found.feeding)
    whole.feed(committed_of(record))
    assert not {"alone", "few", "mean", "upon"} & {one.rule_id for one in whole.silent_rules()}
