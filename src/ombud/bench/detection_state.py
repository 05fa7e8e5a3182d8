"""Detection state: what correlations keep of a hundred thousand groups, and restarting with it."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ombud.bench.apart import run_apart
from ombud.bench.meter import pss_bytes
from ombud.bench.report import Figures, Limit, Options, Report
from ombud.core.errors import Conflict
from ombud.detect.correlation.correlator import Correlator
from ombud.detect.correlation.linking import link
from ombud.detect.correlation.model import Correlation, RuleMatch
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.rule import parse_rules

GROUPS = 100_000  # Of all correlations together; the figure of the limit, however few events.
GROUPS_PER_EVENT = 2  # Fewer for a run with few events.
MATCHES_PER_GROUP = 3
FEED = 512  # Matches given at once.
LIMITS = (Limit("state_memory_mb", 200.0), Limit("state_restart_seconds", 2.0))
_BEGIN_MS = 1_795_348_800_000
_RULES = ("search", "export")
_RULE = """
title: Benchmark {name}
id: {name}
logsource: {{product: ombud}}
detection: {{act: {{action: {name}}}, condition: act}}
"""
_KINDS: tuple[Mapping[str, Any], ...] = (
    {"type": "event_count", "condition": {"gte": 50}},
    {"type": "value_count", "condition": {"gte": 50, "field": "resource.id"}},
    {"type": "temporal_ordered", "rules": ["export", "search"]},
)


def state(options: Options, report: Report) -> Callable[[int], Figures]:
    """Open groups in a process of their own, save them, and restore them in another."""
    groups = min(GROUPS, options.events * GROUPS_PER_EVENT)
    report.notes.append(
        f"correlations: {groups:,} groups open, of event_count, value_count and temporal_ordered"
        f" in equal parts, {MATCHES_PER_GROUP} matches each within an hour; memory is what the"
        " process grew by"
    )

    def once(_: int) -> Figures:
        figures, saved = run_apart(_open_groups, groups)
        return figures | run_apart(_restart, saved)

    return once


def correlations() -> Sequence[Correlation]:
    """Return one correlation of each kind."""
    parsed = [
        parse_correlation(
            {
                "title": f"Benchmark {number}",
                "id": f"benchmark-{number}",
                "correlation": {
                    "rules": list(_RULES),
                    "group-by": ["actor.id"],
                    "timespan": "1h",
                    **kind,
                },
            },
            path="benchmark.yml",
        )
        for number, kind in enumerate(_KINDS)
    ]
    rules = [rule for name in _RULES for rule in parse_rules(_RULE.format(name=name), path="-")[0]]
    kept, refusals = link(parsed, rules)
    if refusals:
        raise Conflict(f"a correlation of the benchmark is refused: {refusals[0]}")
    return kept


def matches(groups: int) -> Iterator[RuleMatch]:
    """Yield matches that open so many groups; no correlation fires by them."""
    for number in range(groups // len(_KINDS) * MATCHES_PER_GROUP):
        actor = f"person-{number % (groups // len(_KINDS)):07d}"
        values = {"actor.id": (actor,), "resource.id": (f"record-{number:07d}",)}
        moment = _BEGIN_MS + number * 5
        yield RuleMatch(_RULES[0], number, moment, moment, _Values(values))


class _Values(dict[str, tuple[str, ...]]):
    """Values by field, asked for as those of a view are."""

    def __call__(self, name: str) -> tuple[str, ...]:
        return self.get(name, ())


def _open_groups(groups: int) -> tuple[Figures, bytes]:
    correlator = Correlator(correlations())
    gc.collect()
    before, start = pss_bytes(os.getpid()), time.process_time()
    waiting: list[RuleMatch] = []
    fired = given = 0
    for match in matches(groups):
        waiting.append(match)
        if len(waiting) == FEED:
            fired += len(correlator.feed(waiting)) + len(correlator.advance(match.recorded))
            given += FEED
            waiting = []
    fired += len(correlator.feed(waiting))
    given += len(waiting)
    spent = time.process_time() - start
    gc.collect()
    grown = pss_bytes(os.getpid()) - before
    if fired:
        raise Conflict(f"{fired} correlations fired where none should")
    start = time.process_time()
    saved = correlator.snapshot()
    return {
        "state_memory_mb": max(0.0, grown / 1e6),
        "state_cpu_us_per_match": spent / given * 1e6,
        "state_saved_mb": len(saved) / 1e6,
        "state_save_seconds": time.process_time() - start,
    }, saved


def _restart(saved: bytes) -> Figures:
    start = time.perf_counter()
    correlator = Correlator.restore(correlations(), saved)
    spent = time.perf_counter() - start
    if correlator.snapshot() != saved:
        raise Conflict("what was restored is not what was saved")
    return {"state_restart_seconds": spent}
