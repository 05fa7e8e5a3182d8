"""Benchmark `record-path`: a log line to a durable event under a signed tree head.

Read, parse, map, canonical groups, salts and digests, write-ahead frame with
fsync, tree.  Once in one process, once with the recorder as a process of its own
behind its socket.  The duplicate keys are part of every append; what they cost (two
hashes an event, the check, the runs on disk) is measured apart, over the same
events, and taken off for the figure that names the path without them.

Homes stay until the end: files made soon after a home was deleted were seen to
cost several times as much here, which would be charged to the next home.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

from ombud.bench.ingest import Kept, ingest
from ombud.bench.load import cloudtrail_lines, write_cloudtrail
from ombud.bench.meter import Meter
from ombud.bench.peers import hash_chain_us_per_event, sqlite_us_per_event
from ombud.bench.processes import RunningHome
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.core.batch import Batch
from ombud.record.duplicates import DuplicateKeys
from ombud.record.recorder import ROTATE_EVENTS, Recorder

LIMITS = (
    Limit("cpu_us_per_event", 20.0),
    Limit("events_per_second", 40_000.0, is_most=False),
)
_IDENTITY = b"aws.cloudtrail\0" + b"0" * 36  # As long as those of real records.
_PEER_EVENTS_MAX = 20_000


def run(options: Options) -> Report:
    """Ingest a file of CloudTrail records."""
    path = options.folder / "cloudtrail.ndjson"
    size = write_cloudtrail(path, options.vectors, options.events)
    report = Report("record-path", options, limits=LIMITS)
    report.notes.append(f"{size / options.events:,.0f} bytes a line")

    def once(rep: int) -> Figures:
        figures = _in_process(options, path, rep) | _over_socket(options, path, rep)
        duplicates = duplicate_us_per_event(options.folder / f"keys-{rep}", path)
        figures["duplicate_check_cpu_us_per_event"] = duplicates
        figures["cpu_us_per_event"] = figures["in_process_cpu_us_per_event"] - duplicates
        figures["events_per_second"] = figures["socket_events_per_second"]
        figures["parse_cpu_us_per_event"] = _parse_us_per_event(path, options.events)
        return figures

    repeat(report, once)
    _add_peers(report, options)
    return report


def _in_process(options: Options, path: Path, rep: int) -> Figures:
    root = options.folder / f"home-{rep}"
    with Recorder.open(root) as recorder, Meter() as meter:
        recorded = ingest(path, recorder).recorded
        recorder.publish()
    return {
        "in_process_cpu_us_per_event": meter.cpu_seconds / recorded * 1e6,
        "in_process_events_per_second": recorded / meter.wall_seconds,
    }


def _over_socket(options: Options, path: Path, rep: int) -> Figures:
    root = options.folder / f"running-{rep}"
    with RunningHome(root) as home, Meter(home.pids) as meter:
        recorded = ingest(path, home.client).recorded
    return {
        "socket_cpu_us_per_event": meter.cpu_seconds / recorded * 1e6,
        "socket_recorder_cpu_us_per_event": meter.cpu["recorder"] / recorded * 1e6,
        "socket_events_per_second": recorded / meter.wall_seconds,
    }


def duplicate_us_per_event(folder: Path, path: Path) -> float:
    """Return the CPU of making, checking and keeping the keys of a file, runs included."""
    kept = Kept(keep=True)
    ingest(path, kept)
    folder.mkdir()
    keys = DuplicateKeys(folder, folder.with_suffix(".part"))
    keys.open_runs()
    keys.start(0)
    started = count = 0
    with Meter() as meter:
        for batch in kept.batches:
            _make_keys(batch)
            verdict = keys.check(batch.identities, batch.raw_digests)
            keys.add(batch.identities, batch.raw_digests, repeated=bool(verdict.conflicts))
            count += batch.count
            if count - started >= ROTATE_EVENTS:
                keys.start(count)
                keys.seal(started, count)
                started = count
    return meter.cpu_seconds / count * 1e6


def _make_keys(batch: Batch) -> list[tuple[bytes, bytes]]:
    """Hash what tells duplicates: the original, and something as long as source and native id."""
    sha256, raws, ends = hashlib.sha256, batch.blobs[3], batch.offsets[3].tolist()
    return [
        (sha256(raws[start:end]).digest(), sha256(_IDENTITY).digest())
        for start, end in pairwise(ends)
    ]


def _parse_us_per_event(path: Path, events: int) -> float:
    """Return the CPU of everything before the record: read, cut, parse, map, canonical form."""
    with Meter() as meter:
        ingest(path, Kept(keep=False))
    return meter.cpu_seconds / events * 1e6


def _add_peers(report: Report, options: Options) -> None:
    count = min(options.events, _PEER_EVENTS_MAX)
    lines = list(cloudtrail_lines(options.vectors, count))
    sqlite_us = sqlite_us_per_event(options.folder / "peer.sqlite", lines)
    chain_us = hash_chain_us_per_event(options.folder / "peer.log", lines)
    ours = report.figures["in_process_cpu_us_per_event"]
    report.ratios["sqlite_insert_cpu_ratio"] = sqlite_us / ours
    report.ratios["hash_chain_cpu_ratio"] = chain_us / ours
    report.notes.append(
        f"peers over {count:,} of the same lines: json and SQLite {sqlite_us:.1f},"
        f" json and a hash chain {chain_us:.1f} CPU us an event"
    )
