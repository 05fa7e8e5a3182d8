"""Verifying: the record against its bytes, then the control tables against the record."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ombud.core.errors import TamperError
from ombud.record.reader import RecordReader
from ombud.record.verify import Progress, verify_home
from ombud.record.verify_report import Fault, VerifyReport
from ombud.store.control_snapshot import Snapshot


def verify(
    home: Path,
    control_database: Path,
    *,
    known_heads: tuple[bytes, ...] = (),
    vkey: str | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Return what is wrong with a home, or that nothing is.

    The control tables are derived, so that they may be absent; what is there
    must follow from the record, row by row.
    """
    # Taken before the record is verified: what a running home adds meanwhile is not in it.
    snapshot: Snapshot | None = None
    fault: Fault | None = None
    place = str(control_database.relative_to(home))
    if control_database.exists():
        try:
            snapshot = Snapshot.open(control_database)
        except TamperError as error:
            fault = Fault(place, error.message)
    with ExitStack() as stack:
        if snapshot is not None:
            stack.callback(snapshot.close)
        report = verify_home(home, vkey=vkey, known_heads=known_heads, progress=progress)
        if report.ok and (snapshot or fault):
            report.counts["control_tables"] = 1
            report.fault = fault or _compare(home, snapshot, place, report.size)
    return report


def _compare(home: Path, snapshot: Snapshot | None, place: str, size: int) -> Fault | None:
    if snapshot is None:
        return None
    if snapshot.watermark > size:
        return Fault(place, f"knows {snapshot.watermark} events, the record has {size}")
    reader = RecordReader(home)
    try:
        events = reader.read(0, snapshot.watermark, raw=False)
        difference = snapshot.compare(events, fetch=reader.fetch)
    except TamperError as error:
        return Fault(error.origin, error.message)
    return None if difference is None else Fault(place, str(difference))
