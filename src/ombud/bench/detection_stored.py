"""Detection stored: rules over what a home has sealed, as `ombud rules backtest` reads it.

The segments are written as the sealer writes them, of a county's events, by as many
processes as there are cores; that takes far longer than all that is measured.
Seconds are told for ten million events, however many there were: `--events` says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ombud.bench.meter import Meter
from ombud.bench.report import Figures, Limit, Options, Report
from ombud.bench.segments import make_segments
from ombud.config.rule_files import read_rules, shipped_rules_folder
from ombud.core.errors import Conflict
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.replaying.replay import Replay
from ombud.detect.rule import Rule, parse_rules
from ombud.record.reader import RecordReader
from ombud.services.backtest_report import Report as Raised
from ombud.services.backtest_scan import Scan
from ombud.services.looking import jobs_for

TOLD_EVENTS = 10_000_000  # For so many events seconds are told.
LIMITS = (
    Limit("stored_names_events_per_second", 2_000_000.0, is_most=False),
    Limit("backtest_one_seconds", 10.0),
    Limit("backtest_pack_seconds", 60.0),
)
_END_MS = 1 << 42  # Beyond every event of the load.
_HEAD = "title: {name}\nid: {name}\nlogsource: {{product: ombud}}\n"
# What rules about names ask of them, in each way that they do.
_NAMES = {
    "one": "{operation: [DeleteTrail, StopLogging, UpdateTrail, PutEventSelectors]}",
    "beginning": "{operation|startswith: [Delete, Detach, Disable]}",
    "middle": "{operation|contains: [LoginProfile, AccessKey]}",
    "expression": "{operation|re: '^(Create|Update)LoginProfile$'}",
    "act": "{action: export, actor.type: person}",
    "outcome": "{action: [grant, approve], outcome: denied}",
    "source": "{source: aws.cloudtrail, operation|endswith: Snapshot}",
}


def stored(options: Options, report: Report) -> Callable[[int], Figures]:
    """Make a home of so many events and put rules to all of them."""
    root = options.folder / "stored"
    size = make_segments(root, options.events)
    names = [_rule(name, demand) for name, demand in _NAMES.items()]
    pack = read_rules([shipped_rules_folder()])
    report.notes.append(
        f"stored: {size:,} events of a county; `names`: {len(names)}"
        f" rules on names of acts, `one`: the first of them, `pack`: {len(pack.rules)} shipped"
        f" rules with {len(pack.correlations)} correlations;"
        f" seconds are for {TOLD_EVENTS:,} events"
    )
    sets = {
        "stored_names": RuleSet(tuple(names)),
        "backtest_one": RuleSet(tuple(names[:1])),
        "backtest_pack": pack,
    }

    def once(rep: int) -> Figures:
        figures: Figures = {}
        for name, rules in sets.items():
            figures |= _backtest(root, name, rules, size)
        if rep == options.reps - 1:
            shutil.rmtree(root)
        return figures

    return once


def _rule(name: str, demand: str) -> Rule:
    text = _HEAD.format(name=name) + f"detection: {{s: {demand}, condition: s}}"
    (rule,), _ = parse_rules(text, path="benchmark.yml")
    return rule


def _backtest(root: Path, name: str, rules: RuleSet, size: int) -> Figures:
    with Meter() as meter:
        replay = Replay(
            rules.rules, rules.correlations, feeding=rules.feeding, since=0, until=_END_MS
        )
        raised = Raised((*rules.rules, *rules.correlations), feeding=rules.feeding)
        scan = Scan(RecordReader(root), replay, jobs=jobs_for(size))
        for _ in scan.run(size):
            raised.add(replay.taken())
    if scan.scanned.events != size:
        raise Conflict(f"{name}: {scan.scanned.events:,} of {size:,} events were looked at")
    return {
        f"{name}_events_per_second": size / meter.wall_seconds,
        f"{name}_cpu_us_per_event": meter.cpu_seconds / size * 1e6,
        f"{name}_seconds": meter.wall_seconds * TOLD_EVENTS / size,
        f"{name}_decoded": float(scan.scanned.decoded),
        f"{name}_sealed": float(scan.scanned.sealed),
    }
