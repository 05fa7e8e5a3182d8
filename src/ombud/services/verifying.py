"""Verifying: the record against its bytes, then the control tables against the record."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import DatabaseError

from ombud.core.errors import TamperError
from ombud.record.reader import RecordReader
from ombud.record.verify import Progress, verify_home
from ombud.record.verify_report import Fault, VerifyReport
from ombud.store.control import ControlStore


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
    report = verify_home(home, vkey=vkey, known_heads=known_heads, progress=progress)
    if report.ok and control_database.exists():
        place = str(control_database.relative_to(home))
        try:
            report.counts["control_tables"] = 1
            report.fault = _compare(home, control_database, place, report.size)
        except DatabaseError as error:
            report.fault = Fault(place, f"is no database of control tables: {error.orig}")
        except TamperError as error:
            report.fault = Fault(error.origin, error.message)
    return report


def _compare(home: Path, database: Path, place: str, size: int) -> Fault | None:
    control = ControlStore.open(database)
    try:
        watermark = control.watermark()
        if watermark > size:
            return Fault(place, f"knows {watermark} events, the record has {size}")
        events = RecordReader(home).read(0, watermark, raw=False)
        difference = control.compare(events)
    finally:
        control.close()
    return None if difference is None else Fault(place, str(difference))
