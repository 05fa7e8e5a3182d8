"""Command `rules run`: matches of rules with the lines of a file, without a home."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from ombud.cli.options import JsonOption
from ombud.cli.output import counted, note, print_json, print_line, print_table, progress
from ombud.cli.rule_events import STDIN, BadLines, is_gzip, raw_lines, raw_records
from ombud.collect.source import Source
from ombud.collect.sources import get_source
from ombud.config.rule_files import read_rules
from ombud.core.errors import InputError, RuleError
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.matching.matcher import explain
from ombud.detect.rule import Rule
from ombud.services.matching import LinePool
from ombud.services.rule_correlating import CorrelatedLines, LineCorrelator
from ombud.services.rule_lines import RuleLines, WholeLines, routed


class Part(NamedTuple):
    """What was found in some consecutive lines: (line, rule, record), and faults by line."""

    line_count: int
    hits: list[tuple[int, int, bytes]]
    faults: list[tuple[int, str]]


def run(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RULES...", help="Rule files and folders.")
    ],
    events: Annotated[
        Path, typer.Option("--events", help="File of JSON lines, plain or gzip; - is stdin.")
    ],
    source: Annotated[
        str | None,
        typer.Option("--source", help="Kind of source of the lines, which routes the rules."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="The mapping file of a `mapping` source.")
    ] = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", min=1, help="Processes, for a plain file of one record per line."),
    ] = 1,
    summary: Annotated[
        bool, typer.Option("--summary", help="Only count the matches of each rule.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Print one line for each match of a rule with a line of a file.

    Without --source the lines are fields and values as the rules name them, and
    every rule sees every line.  With it they are originals, and rules are routed
    by logsource.  Needs no home, and so knows nothing of an actor's earlier acts.
    Correlations are told at the end, from the events' own times; rules that only
    feed them are not printed.
    """
    loaded = read_rules(paths)
    for refusal in loaded.refusals:
        note(f"refused {refusal}")
    rules = list(loaded.rules)
    kind = None if source is None else get_source(source, mapping=mapping)
    if kind is not None:
        rules = routed(rules, kind.kind)
        if len(rules) < len(loaded.rules):
            note(f"{len(loaded.rules) - len(rules)} rules are for other sources than {kind.kind}")
    if not rules:
        raise RuleError("no rule can run on these events")
    bad = BadLines()
    read = RuleLines(rules, source, mapping)
    told = _Told(loaded, read, is_summary=summary, json=json)
    begin = time.monotonic()
    line_count = 0
    with progress("rules", unit="lines") as bar:
        task = bar.add_task("", total=None)
        make = partial(WholeLines, rules, source, mapping)
        for part in _parts(read, events, kind, make, jobs):
            line_count += part.line_count
            bar.update(task, completed=line_count)
            for number, reason in part.faults:
                bad.add(number, reason)
            for number, rule, raw in part.hits:
                told.tell(number, rule, raw)
    told.finish()
    bad.say()
    told.say_speed(line_count, time.monotonic() - begin)


class _Told:
    """What matched so far: printed, counted, and kept for correlations."""

    def __init__(self, loaded: RuleSet, read: RuleLines, *, is_summary: bool, json: bool) -> None:
        self._loaded = loaded
        self._read = read
        self._is_summary = is_summary
        self._json = json
        self._counts: Counter[str] = Counter()
        self._feeding = loaded.feeding
        self._correlator = LineCorrelator(loaded)

    def tell(self, number: int, place: int, raw: bytes) -> None:
        """Take one match of a rule, by its position, with a line."""
        rule = self._read.rules[place]
        if self._correlator.is_wanted(rule.id):
            view = self._read.view(raw, place)
            self._correlator.take(rule.id, number, self._read.time(raw), view)
        if rule.id in self._feeding:
            return
        self._counts[rule.id] += 1
        if not self._is_summary:
            _print_match(self._read, place, number, raw, json=self._json)

    def finish(self) -> None:
        """Tell what correlations make of it all, and the counts if they are asked for."""
        for met in self._correlator.finish():
            self._counts[met.correlation.id] += 1
            if not self._is_summary:
                _print_met(met, json=self._json)
        if self._correlator.no_time:
            note(f"{self._correlator.no_time} matches say no `time` and are not correlated")
        if self._is_summary:
            every: list[Rule | Correlation] = [*self._loaded.rules, *self._loaded.correlations]
            _print_counts(every, self._counts, json=self._json)

    def say_speed(self, lines: int, seconds: float) -> None:
        """Say how much was read and found, and how fast."""
        rate = f", {lines / seconds:,.0f} lines/s" if seconds > 0 else ""
        matches, rules = sum(self._counts.values()), counted(len(self._counts), "rule")
        found = f"{matches:,} match{'' if matches == 1 else 'es'}"
        note(f"{counted(lines, 'line')} read, {found} of {rules}{rate}")


def _parts(
    read: RuleLines,
    events: Path,
    source: Source | None,
    make: Callable[[], WholeLines],
    jobs: int,
) -> Iterator[Part]:
    """Yield what is found, in the order of the file, whatever the number of jobs."""
    if jobs > 1:
        if events == STDIN or is_gzip(events):
            raise InputError(
                "several processes share a plain file only", hint="unpack it, or leave out --jobs"
            )
        with LinePool(make, jobs=jobs) as pool:
            for found in pool.match(events, keeps_lines=True):
                hits = [(hit.line, hit.rule, found.lines[hit.line]) for hit in found.hits]
                yield Part(found.line_count, hits, list(found.faults))
        return
    records = raw_lines(events) if source is None else raw_records(events, source)
    for step in records:
        found_here, faults = read.match(step.raws)
        hits = [(step.lines[row], rule, step.raws[row]) for row, rule in found_here]
        refused = [(step.lines[row], reason) for row, reason in faults]
        yield Part(len(step.raws) + len(step.faults), hits, sorted([*refused, *step.faults]))


def _print_match(read: RuleLines, place: int, number: int, raw: bytes, *, json: bool) -> None:
    rule = read.rules[place]
    if json:
        print_json({"rule_id": rule.id, "line": number})
        return
    view = read.view(raw, place)
    told = rule.guidance.sentence(view, explain(rule, view))
    print_line(f"line {number}: {rule.title} ({rule.level}): {told}")


def _print_met(met: CorrelatedLines, *, json: bool) -> None:
    one, match = met.correlation, met.match
    if json:
        print_json(
            {
                "rule_id": one.id,
                "line": met.line,
                "lines": list(met.lines),
                "group": dict(match.group),
                "count": match.count,
                "value": match.value,
            }
        )
        return
    group = ", ".join(f"{name} {value}" for name, value in match.group)
    said = one.guidance.explain or f"{one.type} reached {match.value}"
    print_line(
        f"line {met.line}: {one.title} ({one.level}): {said}"
        f"; {match.count} events{f' of {group}' if group else ''}, from line {met.lines[0]}"
    )


def _print_counts(rules: Sequence[Rule | Correlation], counts: Counter[str], *, json: bool) -> None:
    known = {rule.id: rule for rule in rules}
    rows = [(known[rule_id], count) for rule_id, count in counts.most_common()]
    if json:
        for rule, count in rows:
            print_json({"rule_id": rule.id, "title": rule.title, "matches": count})
        return
    print_table(
        ("rule", "level", "matches", "title"),
        ((rule.id, rule.level, f"{count:,}", rule.title) for rule, count in rows),
    )
