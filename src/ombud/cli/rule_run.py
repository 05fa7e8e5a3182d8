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
from ombud.cli.output import note, print_json, print_line, print_table, progress
from ombud.cli.rule_events import STDIN, BadLines, is_gzip, raw_lines, raw_records
from ombud.collect.source import Source
from ombud.collect.sources import get_source
from ombud.config.rule_files import read_rules
from ombud.core.errors import InputError, RuleError
from ombud.detect.matcher import explain
from ombud.detect.rule import Rule
from ombud.services.matching import LinePool
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
    counts: Counter[int] = Counter()
    bad = BadLines()
    read = RuleLines(rules, source, mapping)
    begin = time.monotonic()
    line_count = 0
    with progress("rules", unit="lines") as bar:
        task = bar.add_task("", total=None)
        for part in _parts(read, events, kind, partial(WholeLines, rules, source, mapping), jobs):
            line_count += part.line_count
            bar.update(task, completed=line_count)
            for number, reason in part.faults:
                bad.add(number, reason)
            for number, rule, raw in part.hits:
                counts[rule] += 1
                if not summary:
                    _print_match(read, rule, number, raw, json=json)
    bad.say()
    if summary:
        _print_counts(rules, counts, json=json)
    _say_speed(line_count, sum(counts.values()), len(counts), time.monotonic() - begin)


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


def _print_counts(rules: Sequence[Rule], counts: Counter[int], *, json: bool) -> None:
    rows = [(rules[place], count) for place, count in counts.most_common()]
    if json:
        for rule, count in rows:
            print_json({"rule_id": rule.id, "title": rule.title, "matches": count})
        return
    print_table(
        ("rule", "level", "matches", "title"),
        ((rule.id, rule.level, f"{count:,}", rule.title) for rule, count in rows),
    )


def _say_speed(lines: int, matches: int, rules: int, seconds: float) -> None:
    rate = f", {lines / seconds:,.0f} lines/s" if seconds > 0 else ""
    note(f"{lines:,} lines read, {matches:,} matches of {rules} rules{rate}")
