"""Detection raw: lines of JSON to matches, by two processes, as `ombud rules run` does it.

What is counted begins with workers whose rules are compiled and who know no value,
and ends with the last match told.  Matches are compared with those of the plain
matcher on a sample, and those of two processes with those of one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from ombud.bench.detection_rules import (
    AWS,
    CLOUD,
    EVERYTHING,
    NO_VECTORS,
    published_rules,
    without_keywords,
)
from ombud.bench.distinct import distinct_lines
from ombud.bench.load import cloudtrail_lines
from ombud.bench.plain_lines import PlainLines
from ombud.bench.raw_lines import RawLines
from ombud.bench.report import Figures, Limit, Options, Report
from ombud.bench.windows_events import windows_lines
from ombud.bench.windows_routes import RoutedLines
from ombud.core.errors import Conflict
from ombud.services.matching import LinePool, Lines
from ombud.services.rule_lines import WholeLines
from ombud.simulate.act import CLOUDTRAIL

JOBS = 2
SAMPLE_LINES = 6_000  # Compared between one process and two.
PLAIN_LINES = 1_500  # Compared with the plain matcher, which tries every rule on each.
PLAIN_WINDOWS_LINES = 300
# Closed lists, which stay closed however busy a cloud is: with them rules match as before.
NAMES = frozenset({"eventName", "eventSource", "eventType", "eventCategory", "type", "errorCode"})
LIMITS = (
    Limit("aws_events_per_second", 300_000.0, is_most=False),
    Limit("cloud_events_per_second", 150_000.0, is_most=False),
    Limit("aws_distinct_events_per_second", 150_000.0, is_most=False),
    Limit("cloud_distinct_events_per_second", 100_000.0, is_most=False),
    Limit("windows_events_per_second", 100_000.0, is_most=False),
    Limit("windows_distinct_events_per_second", 50_000.0, is_most=False),
)
Make = Callable[[], Lines]
Once = Callable[[int], Figures]


def write_lines(path: Path, lines: Iterable[bytes]) -> Path:
    """Write lines to a file and return its path."""
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in lines)
    return path


def cloudtrail(options: Options, report: Report) -> Once | None:
    """Put CloudTrail records to the AWS rules, and to all rules about clouds and services."""
    if options.vectors is None:
        report.notes.append(f"CloudTrail: {NO_VECTORS}")
        return None
    rules = {
        "aws": published_rules(options.vectors, AWS),
        "cloud": without_keywords(published_rules(options.vectors, CLOUD)),
    }
    files = cloudtrail_files(options)
    report.notes.append(
        f"CloudTrail: {len(rules['aws'])} AWS rules, {len(rules['cloud'])} of cloud, identity and"
        " application without keywords, each put to every record; `distinct`: no two records"
        " share a text; `named`: but for names of events and their kin; `checked`: and every line"
        " is checked to be a record of CloudTrail, as `rules run` does; 2 processes"
    )
    runs = [
        (f"{name}{kind}", mine, path)
        for name, mine in rules.items()
        for kind, path in files.items()
    ]
    for name, mine, path in runs:
        make = partial(RawLines, mine, CLOUDTRAIL)
        plain = partial(PlainLines, mine, CLOUDTRAIL)
        report.figures |= compare(name, make, plain, path, PLAIN_LINES)

    def once(_: int) -> Figures:
        figures: Figures = {}
        for name, mine, path in runs:
            figures |= measure(name, partial(RawLines, mine, CLOUDTRAIL), path)
        checked = partial(WholeLines, rules["aws"], CLOUDTRAIL)
        return figures | measure("aws_checked", checked, files[""])

    return once


def cloudtrail_files(options: Options) -> dict[str, Path]:
    """Write the records: as they repeat, with no text twice, and so but for their names."""
    count, folder = options.events, options.folder
    originals = list(cloudtrail_lines(options.vectors, 2_900))
    lines = {
        "": cloudtrail_lines(options.vectors, count),
        "_distinct": distinct_lines(originals, count),
        "_named": distinct_lines(originals, count, kept=NAMES),
    }
    return {
        kind: write_lines(folder / f"cloudtrail{kind}.ndjson", mine) for kind, mine in lines.items()
    }


def windows(options: Options, report: Report) -> Once | None:
    """Put events of Windows to all published rules, routed by channel and number."""
    if options.vectors is None:
        report.notes.append(f"Windows: {NO_VECTORS}")
        return None
    rules = published_rules(options.vectors, EVERYTHING)
    runs = []
    for name, is_distinct in (("windows", False), ("windows_distinct", True)):
        lines = windows_lines(options.vectors, options.events, is_distinct=is_distinct)
        runs.append((name, write_lines(options.folder / f"{name}.ndjson", lines)))
    report.notes.append(
        f"Windows: {len(rules)} rules, each event to those whose logsource covers its channel"
        " and number; one event in ten is published as one that a rule must match"
    )
    make = partial(RoutedLines, rules, RawLines)
    plain = partial(RoutedLines, rules, PlainLines)
    for name, path in runs:
        report.figures |= compare(name, make, plain, path, PLAIN_WINDOWS_LINES)

    def once(_: int) -> Figures:
        figures: Figures = {}
        for name, path in runs:
            figures |= measure(name, make, path)
        return figures

    return once


def measure(name: str, make: Make, path: Path) -> Figures:
    """Match a file with two processes; CPU is that of the workers after they started."""
    begin = time.perf_counter()
    with LinePool(make, jobs=JOBS) as pool:
        start = time.perf_counter()
        parts = list(pool.match(path))
        spent = time.perf_counter() - start
    events = sum(part.line_count for part in parts)
    return {
        f"{name}_events_per_second": events / spent,
        f"{name}_cpu_us_per_event": sum(part.cpu_seconds for part in parts) / events * 1e6,
        f"{name}_matches": float(sum(len(part.hits) for part in parts)),
        f"{name}_start_seconds": start - begin,
    }


def compare(name: str, make: Make, plain: Make, path: Path, lines: int) -> Figures:
    """Return what the plain matcher costs on a sample; raises `Conflict` if any match differs."""
    sample = path.with_name("sample.ndjson")
    with path.open("rb") as file:
        first = [line.rstrip(b"\n") for line in islice(file, SAMPLE_LINES)]
    write_lines(sample, first)
    found = [_hits(make, sample, jobs) for jobs in (1, JOBS)]
    if found[0] != found[1]:
        raise Conflict(f"{name}: two processes match what one does not, or the contrary")
    oracle = plain()
    start = time.process_time()
    hits, _ = oracle.match(first[:lines])
    spent = time.process_time() - start
    here = [(line - 1, rule) for line, rule in found[0] if line <= lines]
    if list(hits) != here:
        odd = min(set(hits) ^ set(here))
        raise Conflict(f"{name}: the plain matcher differs on line {odd[0] + 1}, rule {odd[1]}")
    return {f"{name}_plain_cpu_us_per_event": spent / len(first[:lines]) * 1e6}


def _hits(make: Make, path: Path, jobs: int) -> Sequence[tuple[int, int]]:
    with LinePool(make, jobs=jobs) as pool:
        return [(hit.line, hit.rule) for part in pool.match(path) for hit in part.hits]
