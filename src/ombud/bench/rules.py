"""Benchmark `rules`: events a second through the matcher and the alert engine.

Two rule sets: the shipped ones over a county of all sources, and the corpus's
AWS rules over CloudTrail records where the published vectors are present.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ombud.bench.events import cloudtrail_batches, county_batches, to_committed
from ombud.bench.meter import Meter
from ombud.bench.report import Figures, Options, Report, repeat
from ombud.config.rule_files import read_rules, shipped_rules_folder
from ombud.core.batch import Committed
from ombud.core.stretch import join_committed
from ombud.detect.alerting.engine import Engine
from ombud.detect.loading.rule_set import RuleSet

_CORPUS = Path("sigma") / "rules" / "cloud" / "aws"
_CORPUS_EVENTS_MAX = 20_000  # There are no more originals that differ.
ROWS = 4096  # Events of one chunk: what a second brings at 5,000 events a second.


def run(options: Options) -> Report:
    """Feed committed events to engines; one process, nothing is stored."""
    report = Report("rules", options)
    shipped = read_rules([shipped_rules_folder()])
    county = list(_joined(to_committed(county_batches(options.events))))
    report.notes.append(
        f"{len(shipped.rules)} shipped rules and {len(shipped.correlations)} correlations over"
        f" the county, {ROWS:,} events at once"
    )
    corpus = RuleSet()
    trail: list[Committed] = []
    if options.vectors is not None:
        corpus = read_rules([options.vectors / _CORPUS])
        count = min(options.events, _CORPUS_EVENTS_MAX)
        trail = list(_joined(to_committed(cloudtrail_batches(options.vectors, count))))
        report.notes.append(
            f"{len(corpus.rules)} rules of the corpus ({len(corpus.refusals)} refused) over"
            f" {count:,} CloudTrail"
        )

    def once(_: int) -> Figures:
        figures = _feed("shipped", shipped, county)
        if trail:
            figures |= _feed("corpus", corpus, trail)
        return figures

    return repeat(report, once)


def _joined(chunks: Iterable[Committed]) -> Iterator[Committed]:
    """Yield the chunks of commits joined, as what follows a busy record is given them."""
    held: list[Committed] = []
    for chunk in chunks:
        held.append(chunk)
        if sum(one.count for one in held) >= ROWS:
            yield join_committed(held)
            held = []
    if held:
        yield join_committed(held)


def _feed(name: str, rule_set: RuleSet, chunks: Sequence[Committed]) -> Figures:
    engine = Engine(rule_set.rules, rule_set.correlations, feeding=rule_set.feeding)
    events = sum(chunk.count for chunk in chunks)
    with Meter() as meter:
        changes = sum(len(engine.feed(chunk)) for chunk in chunks)
    return {
        f"{name}_cpu_us_per_event": meter.cpu_seconds / events * 1e6,
        f"{name}_events_per_second": events / meter.wall_seconds,
        f"{name}_alert_changes": float(changes),
    }
