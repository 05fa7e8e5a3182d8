"""Detection peer: Zircolite on the same events and rules, in the same run.

Both start from the file and end with the matches told; of both the start (reading
and compiling the rules) is taken off.  It is one process by its nature: on a file
it uses one core, where we use two.  CPU of an event is told for both.
"""

from __future__ import annotations

from functools import partial
from itertools import islice

from ombud.bench.detection_raw import Once, measure, write_lines
from ombud.bench.detection_rules import AWS, CLOUD, NO_VECTORS, RULES, published_rules
from ombud.bench.load import cloudtrail_lines
from ombud.bench.report import Figures, Limit, Options, Report
from ombud.bench.zircolite import Zircolite
from ombud.services.rule_lines import RuleLines, sendable
from ombud.simulate.act import CLOUDTRAIL

SHARE = 4  # It is given so much less, for it takes so much longer; rates are compared.
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
    vectors = options.vectors
    events = max(1, options.events // SHARE)
    ours = write_lines(options.folder / "both.ndjson", cloudtrail_lines(vectors, options.events))
    theirs = write_lines(options.folder / "theirs.ndjson", cloudtrail_lines(vectors, events))
    one = write_lines(options.folder / "one.ndjson", islice(cloudtrail_lines(vectors, 1), 1))
    report.notes.append(
        f"Zircolite: the first {events:,} of the same records, each to all rules of the folders"
        " that it can convert; its start, by a file of one record, is taken off"
    )

    def once(_: int) -> Figures:
        figures: Figures = {}
        for name, folders in (("aws", AWS), ("cloud", CLOUD)):
            rules = sendable(published_rules(vectors, folders))
            mine = measure("all", partial(RuleLines, rules, CLOUDTRAIL), ours)
            paths = [(vectors / RULES / folder).resolve() for folder in folders]
            start = peer.run(paths, one, work=options.folder / "zircolite")
            whole = peer.run(paths, theirs, work=options.folder / "zircolite")
            rate = events / max(whole.wall - start.wall, 1e-3)
            figures |= {
                f"zircolite_{name}_ratio": mine["all_events_per_second"] / rate,
                f"zircolite_{name}_events_per_second": rate,
                f"zircolite_{name}_cpu_us_per_event": (whole.cpu - start.cpu) / events * 1e6,
                f"zircolite_{name}_matches": float(sum(whole.matches.values())),
                f"beside_zircolite_{name}_events_per_second": mine["all_events_per_second"],
                f"beside_zircolite_{name}_cpu_us_per_event": mine["all_cpu_us_per_event"],
                f"beside_zircolite_{name}_matches": mine["all_matches"] * events / options.events,
            }
        return figures

    return once
