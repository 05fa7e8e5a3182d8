"""Backtesting: the alerts of the past as the engine would have raised them, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ombud.app.home import OpenHome, open_here
from ombud.bench.events import county_batches
from ombud.config.rule_files import read_rules, shipped_rules_folder
from ombud.core.errors import Forbidden, InputError, TamperError, Unavailable
from ombud.core.event import Event
from ombud.detect.alerting import evidence
from ombud.detect.alerting.alert import AlertChange
from ombud.detect.alerting.engine import Engine
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.loading.rule_set import load_rules
from ombud.detect.replaying.replay import Replay, warm_up
from ombud.detect.rule import Rule, parse_rules
from ombud.record.sealer import Sealer
from ombud.services import backtest_scan, backtesting
from ombud.services.asker import Asker
from ombud.services.backtest_scan import Scan
from ombud.services.backtest_wanted import BacktestWanted
from ombud.services.record_port import record_events

ANA = Asker(person="ana", scopes=frozenset({"search"}), via="cli")
LOOK: dict[str, Any] = {"why": "before we switch it on", "case": "C-1"}
DAY = 86_400_000
NOW = 1_795_392_000_000  # 2026-11-23T00:00:00Z, after all that happens here.
ALWAYS = (-(1 << 60), 1 << 60)
RULES = """
title: Export
id: export
level: high
logsource: {product: ombud, service: records}
detection: {s: {action: export, rows.returned|gte: 100}, condition: s}
ombud: {group_by: [resource.dataset], explain: "{rows.returned} rows"}
---
title: Woke
id: woke
logsource: {product: ombud}
detection: {s: {derived.idle_days|gte: 10}, condition: s}
---
title: New
id: new
logsource: {product: ombud}
detection:
  s: {derived.first_seen: true}
  own: {source|startswith: ombud.}
  condition: s and not own
---
title: Stopped
id: stopped
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: StopLogging}, condition: s}
---
title: Anything said
id: said
logsource: {product: aws}
detection: {s: ['*logging*'], condition: s}
---
title: Never
id: never
logsource: {product: ombud}
detection: {s: {attributes.canary: true}, condition: s}
---
title: Not here
id: nothere
logsource: {product: windows}
detection: {s: {a: b}, condition: s}
"""
CLOUDTRAIL = (
    b'{"eventID":"%d","eventTime":"2026-11-01T08:00:00Z","eventName":"%s",'
    b'"eventSource":"cloudtrail.amazonaws.com"}'
)


def event(number: int, **other: Any) -> Event:
    """Return an act of so many hours ago."""
    said: dict[str, Any] = {
        "time": NOW - number * 3_600_000,
        "source": "county",
        "action": "read",
        "actor_id": "ana",
        "native_id": f"n{number}{sorted(other.items())}",
        "raw": b"{}",
    }
    return Event(**{**said, **other})


@pytest.fixture
def opened(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenHome]:
    """Return a home with the shipped rules."""
    monkeypatch.setattr(backtesting, "now_ms", lambda: NOW)
    with open_here(home) as one:
        one.services.backtesting._clock = lambda: NOW
        yield one


def seal(opened: OpenHome) -> None:
    """Seal all that is recorded."""
    Sealer(opened.paths.home, opened.appender).seal_all()  # type: ignore[arg-type]


def ask(opened: OpenHome, text: str = RULES, **other: Any) -> dict[str, Any]:
    """Put rules to the past."""
    wanted = BacktestWanted(**{"files": {"t.yml": text} if text else {}, **LOOK, **other})
    return opened.services.backtesting.backtest(wanted, asker=ANA)


def by_id(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the rows of an answer by the rule's id."""
    return {row["id"]: row for row in answer["rules"]}


def merged(changes: list[AlertChange]) -> list[Any]:
    """Return alerts with their events and counts, in the order in which they opened."""
    alerts: dict[str, Any] = {}
    for change in changes:
        before = alerts.get(change.alert_id, (change.opened, ()))
        end = (change.count, change.first_time, change.last_time, change.last_index)
        alerts[change.alert_id] = (before[0], (*before[1], *change.events), *end[:])
    return [(key, *value) for key, value in alerts.items()]


def lived(opened: OpenHome, rules: tuple[Rule, ...], *more: Any, **other: Any) -> list[Any]:
    """Return the alerts of the engine over the whole record."""
    engine = Engine(rules, *more, **other)
    size, _ = opened.appender.head()
    changes = [c for chunk in opened.reader.read(0, size) for c in engine.feed(chunk)]
    return merged(changes)


def replayed(
    opened: OpenHome,
    rules: tuple[Rule, ...],
    *more: Any,
    is_whole: bool = False,
    jobs: int = 1,
    **other: Any,
) -> tuple[list[Any], Scan]:
    """Return the alerts of a replay over the whole record, and the scan."""
    replay = Replay(rules, *more, since=ALWAYS[0], until=ALWAYS[1], **other)
    scan = Scan(opened.reader, replay, is_whole=is_whole, jobs=jobs)
    size, _ = opened.appender.head()
    changes: list[AlertChange] = []
    for _ in scan.run(size):
        changes += replay.taken()
    return merged(changes), scan


def rules_of(text: str = RULES) -> tuple[Rule, ...]:
    """Return the rules of a text."""
    found, refusals = parse_rules(text, path="t.yml")
    assert not refusals
    return tuple(found)


def county(opened: OpenHome, count: int) -> None:
    """Record events of a county."""
    for batch in county_batches(count, days=60):
        opened.appender.append([batch])


@pytest.mark.parametrize("step", [257, 16_384])
def test_the_whole_record_gives_the_alerts_of_the_engine(
    opened: OpenHome, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Byte for byte, narrowed or not, of sealed and unsealed events, by every shipped rule."""
    monkeypatch.setattr(backtest_scan, "STEP", step)
    county(opened, 2500)
    opened.catch_up()
    seal(opened)
    record_events(opened.appender, [event(1, action="export", rows_returned=7000)])
    rules = (*read_rules([shipped_rules_folder()]).rules, *rules_of())
    live = lived(opened, rules)
    narrowed, scan = replayed(opened, rules)
    whole, scan_whole = replayed(opened, rules, is_whole=True)

    assert len(live) > 20
    assert narrowed == live
    assert whole == live
    assert 1 <= scan.scanned.unsealed < 9
    assert scan.scanned.decoded < scan.scanned.events == scan_whole.scanned.decoded
    assert scan_whole.scanned.read_whole == scan.scanned.sealed > 2000


def test_correlations_as_the_engine_has_them(opened: OpenHome) -> None:
    """Over the matches of rules by name and by original, wherever pieces end."""
    county(opened, 1500)
    seal(opened)
    rules = rules_of()
    document = {
        "title": "Many",
        "id": "many",
        "level": "high",
        "correlation": {
            "type": "event_count",
            "rules": ["new"],
            "timespan": "1d",
            "condition": {"gte": 3},
        },
    }
    more = ([parse_correlation(document, path="c.yml")],)
    live = lived(opened, rules, *more, feeding={"new"})

    assert any(alert[1].rule_id == "many" for alert in live)
    found, _ = replayed(opened, rules, *more, feeding={"new"})
    assert sorted(found) == sorted(live)


FED = """
title: Opened
id: opened
logsource: {product: ombud}
detection: {s: {action: [read, reveal], subject.key|exists: true}, condition: s}
---
title: Signed in
id: signed
logsource: {product: ombud}
detection: {s: {action: authenticate}, condition: s}
---
title: Many people
id: people
level: high
correlation: {type: value_count, rules: [opened], group-by: [actor.id, source], timespan: 2d,
  condition: {field: subject.key, gte: 3}}
---
title: Signed in, then opened
id: then
level: low
correlation: {type: temporal_ordered, rules: [signed, opened], group-by: [actor.id], timespan: 1h}
"""


@pytest.mark.parametrize("kept", [3, 100_000])
def test_matches_that_columns_tell(
    opened: OpenHome, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Alerts of correlations are the engine's, byte for byte, by one process or by two.

    Also where less is remembered of their events than came since.
    """
    monkeypatch.setattr(evidence, "EVENTS_MAX", kept)
    county(opened, 2500)
    seal(opened)
    record_events(opened.appender, [event(1, action="export", rows_returned=7000)])
    one = load_rules([("f.yml", FED.encode())])
    assert not one.refusals
    more: dict[str, Any] = {"feeding": one.feeding}
    live = lived(opened, one.rules, one.correlations, **more)
    assert {alert[1].rule_id for alert in live} == {"people", "then"}

    found, scan = replayed(opened, one.rules, one.correlations, **more)
    assert sorted(found) == sorted(live)
    assert scan.scanned.decoded < 10
    whole, _ = replayed(opened, one.rules, one.correlations, is_whole=True, **more)
    assert sorted(whole) == sorted(live)
    monkeypatch.setattr(backtest_scan, "STEP", 257)
    spread, _ = replayed(opened, one.rules, one.correlations, jobs=1 + (kept > 3), **more)
    assert sorted(spread) == sorted(live)


MANY = """
---
title: Many
id: many
level: high
correlation: {type: event_count, rules: [export], group-by: [actor.id], timespan: 1d,
  condition: {gte: 3}}
"""


def test_correlations_look_back(opened: OpenHome) -> None:
    """Before the time asked for, as far as their timespan; what they found there is not told."""
    acts = [event(n, action="export", rows_returned=100) for n in (60, 59, 58, 12, 11, 10)]
    record_events(opened.appender, acts)
    seal(opened)
    rows = by_id(ask(opened, RULES + MANY, since=NOW - 11 * 3_600_000))

    assert (rows["many"]["alerts"], rows["many"]["matches"]) == (1, 1)
    assert rows["many"]["cannot_fire"] is None
    assert (rows["export"]["matches"], rows["export"]["alerts"]) == (2, 0)
    assert rows["export"]["is_feeding"]
    assert by_id(ask(opened, RULES + MANY, since=NOW - 9 * 3_600_000))["many"]["alerts"] == 0
    assert by_id(ask(opened, RULES + MANY))["many"]["matches"] == 2


def test_what_was_found_of_whom_and_when(opened: OpenHome) -> None:
    """Per rule, with examples, and why those that could not fire could not."""
    record_events(
        opened.appender,
        [
            event(9, action="export", rows_returned=500, resource_dataset="plates"),
            event(8, action="export", rows_returned=50),
            event(7, action="export", rows_returned=900, actor_id="ben"),
            event(6, source="aws.cloudtrail", raw=CLOUDTRAIL % (1, b"StopLogging"),
                  operation="StopLogging", actor_id="cy"),
            event(5, source="aws.cloudtrail", raw=CLOUDTRAIL % (2, b"StartLogging"),
                  operation="StartLogging", actor_id="cy"),
        ],
    )  # fmt: skip
    seal(opened)
    answer = ask(opened)
    rows = by_id(answer)

    export = rows["export"]
    assert (export["alerts"], export["matches"], export["actors"], export["groups"]) == (2, 2, 2, 2)
    assert export["examples"][0]["sentence"] == "500 rows"
    assert export["examples"][0]["actor_id"] == "ana"
    assert (export["first_at"], export["last_at"]) == (NOW - 9 * 3_600_000, NOW - 7 * 3_600_000)
    assert rows["stopped"]["matches"] == 1
    assert rows["said"]["matches"] == 2
    assert rows["never"]["cannot_fire"] == "no event carries attributes.canary"
    assert rows["nothere"]["cannot_fire"] == "no source here is windows/*/*"
    assert rows["export"]["runs_here"] == "no"
    assert rows["export"]["recorded"] is None
    assert answer["alerts"] == sum(row["alerts"] for row in answer["rules"])
    assert [row["alerts"] for row in answer["rules"]] == sorted(
        (row["alerts"] for row in answer["rules"]), reverse=True
    )


def test_the_time_asked_for(opened: OpenHome) -> None:
    """By the time of the events; earlier acts of an actor are remembered all the same."""
    acts = [event(24 * days, native_id=f"d{days}") for days in (40, 20, 19, 1)]
    record_events(opened.appender, acts)
    seal(opened)
    record_events(opened.appender, [event(2, action="export", rows_returned=100)])

    rows = by_id(ask(opened, days=10))
    assert (rows["woke"]["matches"], rows["new"]["matches"], rows["export"]["matches"]) == (1, 0, 1)
    rows = by_id(ask(opened, days=30))
    assert (rows["woke"]["matches"], rows["new"]["matches"]) == (2, 0)
    rows = by_id(ask(opened, days=50))
    assert rows["new"]["matches"] == 1
    rows = by_id(ask(opened, since=NOW - 41 * DAY, until=NOW - 39 * DAY))
    assert (rows["woke"]["matches"], rows["new"]["matches"]) == (0, 1)
    answer = ask(opened, RULES.split("---", maxsplit=1)[0], since=NOW - 3 * 3_600_000)
    assert answer["skipped"] >= 4
    assert answer["rules"][0]["matches"] == 1


def test_beside_what_is_recorded(opened: OpenHome) -> None:
    """Of a rule that runs here: which alerts are found again, which are new, and which lost."""
    record_events(
        opened.appender,
        [event(number, action="export", rows_returned=7000, actor_id=f"a{number}")
         for number in range(1, 5)],
    )  # fmt: skip
    opened.catch_up()
    shipped = next(rule for rule in opened.watch.rules if rule.title == "Bulk Export Of Records")
    (row,) = ask(opened, "", rules=[shipped.id])["rules"]
    assert row["runs_here"] == "same"
    assert row["recorded"] == {
        "alerts": 4, "same": 4, "new": 0, "lost": 0, "new_ids": [], "lost_ids": []
    }  # fmt: skip

    gone = opened.watch.alerts(limit=100)[0]["id"]
    opened._alerts.execute("DELETE FROM alert WHERE id = ?", [gone])
    (row,) = ask(opened, "", rules=[shipped.id])["rules"]
    assert (row["recorded"]["same"], row["recorded"]["new_ids"]) == (3, [gone])

    least = "(SELECT min(id) FROM alert WHERE rule_id = ?)"
    opened._alerts.execute(f"UPDATE alert SET id = 'other' WHERE id = {least}", [shipped.id])
    (row,) = ask(opened, "", rules=[shipped.id])["rules"]
    assert (row["recorded"]["new"], row["recorded"]["lost_ids"]) == (2, ["other"])


def test_the_look_is_on_record_first(opened: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rules, their versions and the time, even when nothing is answered."""
    monkeypatch.setattr(Scan, "run", lambda *_: (_ for _ in ()).throw(Unavailable("no")))
    size, _ = opened.appender.head()
    with pytest.raises(Unavailable, match="no"):
        ask(opened, days=10)

    (look,) = opened.reader.fetch([size])
    said = look.attributes or {}
    assert (look.operation, look.actor_id, look.case) == ("rules.backtest", "ana", "C-1")
    assert (said["since"], said["until"]) == (NOW - 10 * DAY, NOW)
    assert said["rules"][0] == f"export@{rules_of()[0].version}"
    assert said["rules_count"] == 7
    assert len(said["rules_sha256"]) == 64


def test_refused_rules_and_questions(opened: OpenHome) -> None:
    """A broken rule is named and the rest answers; a question that is none is refused."""
    answer = ask(opened, RULES + "---\ntitle: Broken\nid: broken\n")
    assert [row["rule_id"] for row in answer["refused"]] == ["broken"]
    assert len(answer["rules"]) == 7
    alone = ask(opened, "title: Broken\n")
    assert (alone["rules"], len(alone["refused"])) == ([], 1)

    run = opened.services.backtesting.backtest
    wanted = BacktestWanted({"t.yml": RULES}, **LOOK)
    for changed, said in (
        ({"why": None}, "looking needs a reason"),
        ({"days": 0}, "`days` is 0"),
        ({"since": NOW, "until": NOW}, "over some time"),
        ({"since": 0, "until": 10**18}, "outside of the calendar"),
        ({"rules": ["nobody"]}, "no rule is `nobody`"),
        ({"files": {}}, "no rules were given"),
    ):
        with pytest.raises(InputError, match=said):
            run(msgspec.structs.replace(wanted, **changed), asker=ANA)
    with pytest.raises(Forbidden, match="scope `search`"):
        run(wanted, asker=Asker("ben", frozenset({"ingest"})))
    with pytest.raises(Forbidden, match="limited to units"):
        run(wanted, asker=Asker("ben", frozenset({"search"}), units=("patrol",)))


def test_a_rule_named_twice(opened: OpenHome) -> None:
    """By file and by id is refused the second time."""
    known = opened.watch.known_rules[0]
    text = RULES.split("---", maxsplit=1)[0].replace("id: export", f"id: {known.id}")
    answer = ask(opened, text, rules=[known.id, known.id])

    assert [row["title"] for row in answer["rules"]] == ["Export"]
    assert answer["rules"][0]["runs_here"] == "other"
    assert [row["reason"] for row in answer["refused"]] == ["id is already taken by a file"]


def test_a_correlation_of_the_home_brings_its_rules(opened: OpenHome) -> None:
    """By its id alone, in the version that runs here."""
    found = load_rules([("t.yml", (RULES + MANY).encode())])
    opened.watch.known_rules = found.rules
    opened.watch.known_correlations = found.correlations
    record_events(
        opened.appender, [event(n, action="export", rows_returned=100) for n in (3, 2, 1)]
    )
    rows = by_id(ask(opened, "", rules=["many"]))

    assert sorted(rows) == ["export", "many"]
    assert rows["many"]["alerts"] == 1
    assert rows["export"]["is_feeding"]
    assert sorted(by_id(ask(opened, "", rules=["man"]))) == sorted(rows)


def test_placeholders(opened: OpenHome) -> None:
    """Are put for names in the files, and without them the rule is refused."""
    text = RULES.split("---", maxsplit=1)[0].replace("action: export", "action|expand: '%out%'")
    record_events(opened.appender, [event(1, action="share", rows_returned=100)])

    assert ask(opened, text, placeholders={"out": ["export", "share"]})["matches"] == 1
    assert ask(opened, text)["refused"]


def test_one_at_a_time_and_stopped(opened: OpenHome) -> None:
    """A second one waits; who goes away stops it; how far it is, is told."""
    record_events(opened.appender, [event(number) for number in range(1, 9)])
    run = opened.services.backtesting
    wanted = BacktestWanted({"t.yml": RULES}, **LOOK)
    told: list[tuple[int, int]] = []
    run.backtest(wanted, asker=ANA, on_progress=lambda *done: told.append(done))
    assert told[-1][0] == told[-1][1] >= 8
    with run._running, pytest.raises(Unavailable, match="another backtest"):
        run.backtest(wanted, asker=ANA)
    with pytest.raises(Unavailable, match="was stopped"):
        run.backtest(wanted, asker=ANA, is_stopped=lambda: True)
    assert run.backtest(wanted, asker=ANA)["rules"]


def test_a_damaged_segment_is_said(opened: OpenHome) -> None:
    """And nothing is answered as if it had been read."""
    record_events(opened.appender, [event(1)])
    seal(opened)
    (file,) = opened.reader.segments()
    data = file.path.read_bytes()
    file.path.chmod(0o600)
    file.path.write_bytes(data[:100] + data[-100:])

    with pytest.raises(TamperError, match="cannot be read"):
        ask(opened)


def test_layers_of_correlations_are_looked_back_once() -> None:
    """Sixteen layers of eight upon each other have 10^14 ways down: none is gone twice."""
    parts = [RULES.split("---", maxsplit=1)[0]]
    below = [rules_of()[0].id]
    for layer in range(16):
        here = [f"c{layer}-{number}" for number in range(8)]
        parts += [
            f"title: {one}\nid: {one}\ncorrelation: {{type: event_count, timespan: 1h,"
            f" rules: [{', '.join(below)}], condition: {{gte: 1}}}}\n"
            for one in here
        ]
        below = here
    found = load_rules([("t.yml", "---\n".join(parts).encode())])

    assert len(found.correlations) == 16 * 8
    assert warm_up(found.correlations) == 16 * 3_600_000
