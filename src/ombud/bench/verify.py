"""Benchmark `verify`: how fast the whole record is derived again from its bytes."""

from __future__ import annotations

import shutil
from itertools import islice

from ombud.bench.events import cloudtrail_batches
from ombud.bench.meter import Meter
from ombud.bench.report import Figures, Options, Report, repeat
from ombud.core.errors import TamperError
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer
from ombud.record.verify import verify_home

SENT_TOGETHER = 8


def run(options: Options) -> Report:
    """Verify a sealed record of CloudTrail records; one process."""
    root = options.folder / "home"
    with Recorder.open(root) as recorder:
        sealer = Sealer(root, recorder)
        batches = cloudtrail_batches(options.vectors, options.events)
        while together := list(islice(batches, SENT_TOGETHER)):
            recorder.append(together)
        recorder.rotate()
        with Meter() as sealing:
            sealer.seal_all()
        events = recorder.size

    def once(_: int) -> Figures:
        with Meter() as meter:
            report = verify_home(root)
        if report.fault is not None:
            raise TamperError(report.fault.reason, origin=report.fault.place)
        return {
            "cpu_us_per_event": meter.cpu_seconds / events * 1e6,
            "events_per_second": events / meter.wall_seconds,
            "seal_cpu_us_per_event": sealing.cpu_seconds / events * 1e6,
        }

    report = repeat(Report("verify", options), once)
    shutil.rmtree(root)
    return report
