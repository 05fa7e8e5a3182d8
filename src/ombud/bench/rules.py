"""Benchmark `rules`: events a second through the matcher and the alert engine.

Two rule sets: the shipped ones over a county of all sources, and the corpus's
AWS rules over CloudTrail records where the published vectors are present.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ombud.bench.events import cloudtrail_batches, county_batches, to_committed
from ombud.bench.meter import Meter
from ombud.bench.report import Figures, Options, Report, repeat
from ombud.config.rule_files import read_rules, shipped_rules_folder
from ombud.core.batch import Committed
from ombud.detect.engine import Engine
from ombud.detect.rule import Rule

_CORPUS = Path("sigma") / "rules" / "cloud" / "aws"
_CORPUS_EVENTS_MAX = 20_000  # The plain matcher tries every rule on every event.


def run(options: Options) -> Report:
    """Feed committed events to engines; one process, nothing is stored."""
    report = Report("rules", options)
    shipped = read_rules([shipped_rules_folder()]).rules
    county = list(to_committed(county_batches(options.events)))
    report.notes.append(f"{len(shipped)} shipped rules over the county")
    corpus: Sequence[Rule] = ()
    trail: list[Committed] = []
    if options.vectors is not None:
        loaded = read_rules([options.vectors / _CORPUS])
        corpus, refused = loaded.rules, loaded.refusals
        count = min(options.events, _CORPUS_EVENTS_MAX)
        trail = list(to_committed(cloudtrail_batches(options.vectors, count)))
        report.notes.append(
            f"{len(corpus)} rules of the corpus ({len(refused)} refused) over {count:,} CloudTrail"
        )

    def once(_: int) -> Figures:
        figures = _feed("shipped", shipped, county)
        if trail:
            figures |= _feed("corpus", corpus, trail)
        return figures

    return repeat(report, once)


def _feed(name: str, rules: Sequence[Rule], chunks: Sequence[Committed]) -> Figures:
    engine = Engine(rules)
    events = sum(chunk.count for chunk in chunks)
    with Meter() as meter:
        changes = sum(len(engine.feed(chunk)) for chunk in chunks)
    return {
        f"{name}_cpu_us_per_event": meter.cpu_seconds / events * 1e6,
        f"{name}_events_per_second": events / meter.wall_seconds,
        f"{name}_alert_changes": float(changes),
    }
