"""Benchmark `detection`: rules over events, from lines of JSON, in a home, and stored.

Its parts can be run alone (`--only`), and those that need published rules and events,
or another program, are left out with a line that says so.
"""

from __future__ import annotations

from collections.abc import Callable

from ombud.bench import (
    detection_live,
    detection_load,
    detection_peer,
    detection_raw,
    detection_state,
    detection_stored,
)
from ombud.bench.report import Figures, Limit, Options, Report, repeat

Once = Callable[[int], Figures]
Part = Callable[[Options, Report], Once | None]

PARTS: dict[str, Part] = {
    "cloudtrail": detection_raw.cloudtrail,
    "windows": detection_raw.windows,
    "zircolite": detection_peer.zircolite,
    "load": detection_load.load,
    "live": detection_live.live,
    "correlations": detection_state.state,
    "stored": detection_stored.stored,
}
LIMITS: tuple[Limit, ...] = (
    *detection_raw.LIMITS,
    *detection_peer.LIMITS,
    *detection_load.LIMITS,
    *detection_live.LIMITS,
    *detection_state.LIMITS,
    *detection_stored.LIMITS,
)


def run(options: Options) -> Report:
    """Run the parts asked for, all unless told, one after the other."""
    report = Report("detection", options, limits=LIMITS)
    for name in options.only or PARTS:
        once = PARTS[name](options, report)
        if once is not None:
            repeat(report, once)
        for path in options.folder.glob("*.ndjson"):
            path.unlink()
    return report
