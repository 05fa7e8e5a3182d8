"""Detection peer: Zircolite on the same events and rules, in the same run.

Both start from the file and end with the matches told; of both the start (reading
and compiling the rules) is taken off.  It works in one process, where we use two:
CPU of an event is told for both.  Rules of keywords are left out of ours, for it
converts none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ombud.bench.detection_raw import JOBS, Once, measure, write_lines
from ombud.bench.detection_rules import (
    AWS,
    CLOUD,
    NO_VECTORS,
    RULES,
    published_rules,
    without_keywords,
)
from ombud.bench.load import cloudtrail_lines
from ombud.bench.raw_lines import RawLines
from ombud.bench.report import Figures, Limit, Options, Report
from ombud.bench.zircolite import Zircolite
from ombud.detect.rule import Rule
from ombud.services.matching import LinePool
from ombud.simulate.act import CLOUDTRAIL

SHARE = 8  # It is given so much less, for it takes so much longer; rates are compared.
LIMITS = (
    Limit("zircolite_aws_ratio", 100.0, is_most=False),
    Limit("zircolite_cloud_ratio", 80.0, is_most=False),
)


def zircolite(options: Options, report: Report) -> Once | None:
    """Match a file with both, by the AWS rules and by all about clouds and services."""
    if options.zircolite is None:
        report.notes.append("Zircolite: left out, for none was given (--zircolite DIR)")
        return None
    if options.vectors is None:
        report.notes.append(f"Zircolite: {NO_VECTORS}")
        return None
    peer = Zircolite(options.zircolite, options.zircolite_python)
    vectors, folder, work = options.vectors, options.folder, options.folder / "zircolite"
    events = max(1, options.events // SHARE)
    ours = write_lines(folder / "ours.ndjson", cloudtrail_lines(vectors, options.events))
    theirs = write_lines(folder / "theirs.ndjson", cloudtrail_lines(vectors, events))
    one = write_lines(folder / "one.ndjson", cloudtrail_lines(vectors, 1))
    report.notes.append(
        f"Zircolite: the first {events:,} of the same records, put to all rules of the folders"
        " that it converts; its start, by a file of one record, is taken off"
    )

    def once(rep: int) -> Figures:
        figures: Figures = {}
        for name, folders in (("aws", AWS), ("cloud", CLOUD)):
            rules = without_keywords(published_rules(vectors, folders))
            mine = measure("ours", partial(RawLines, rules, CLOUDTRAIL), ours)
            paths = [(vectors / RULES / each).resolve() for each in folders]
            start = peer.run(paths, one, work=work)
            whole = peer.run(paths, theirs, work=work)
            rate = events / max(whole.wall - start.wall, 1e-3)
            found = _found(rules, theirs)
            if rep == 0:
                report.notes.append(_difference(name, rules, found, Counter(whole.matches)))
            figures |= {
                f"zircolite_{name}_ratio": mine["ours_events_per_second"] / rate,
                f"zircolite_{name}_events_per_second": rate,
                f"zircolite_{name}_cpu_us_per_event": (whole.cpu - start.cpu) / events * 1e6,
                f"zircolite_{name}_matches": float(sum(whole.matches.values())),
                f"beside_{name}_events_per_second": mine["ours_events_per_second"],
                f"beside_{name}_cpu_us_per_event": mine["ours_cpu_us_per_event"],
                f"beside_{name}_matches": float(found.total()),
            }
        return figures

    return once


def _found(rules: Sequence[Rule], path: Path) -> Counter[str]:
    """Return how often each rule matches a file."""
    with LinePool(partial(RawLines, rules, CLOUDTRAIL), jobs=JOBS) as pool:
        return Counter(rules[hit.rule].id for part in pool.match(path) for hit in part.hits)


def _difference(name: str, rules: Sequence[Rule], mine: Counter[str], theirs: Counter[str]) -> str:
    """Return one line on the rules that the two do not match as often."""
    titles = {rule.id: rule.title for rule in rules}
    odd = sorted(
        f"{titles.get(each, each)} ({mine[each]}, Zircolite {theirs[each]})"
        for each in mine.keys() | theirs.keys()
        if mine[each] != theirs[each]
    )
    return f"Zircolite, {name}: {len(odd)} rules match otherwise: {'; '.join(odd) or 'none'}"
