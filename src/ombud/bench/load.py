"""Load: log lines in the number a benchmark wants.

Real CloudTrail records where the published vectors are present, else the
county's; each with an id and a time of its own, otherwise as they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from ombud.simulate.act import CLOUDTRAIL
from ombud.simulate.county import simulate

SEED = 20261122
END = datetime(2026, 11, 22, tzinfo=UTC)
_COUNTY_EVENTS = 15_000  # As many as give some 400 CloudTrail lines.
_ID = re.compile(rb'"eventID":\s*"([^"]*)"')
_TIME = re.compile(rb'"eventTime":\s*"([^"]*)"')


def cloudtrail_lines(vectors: Path | None, count: int, *, start: int = 0) -> Iterator[bytes]:
    """Yield CloudTrail records, `count` of them, none like another; `start` makes more."""
    originals = [_cut(line) for line in _originals(vectors)]
    begin = END - timedelta(days=60)
    for number in range(start, start + count):
        head, between, tail, id_first = originals[number % len(originals)]
        event_id = b"%08x-0000-4000-8000-%012x" % (number & 0xFFFFFFFF, number)
        moment = begin + timedelta(seconds=number // 50)
        time = moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        first, second = (event_id, time) if id_first else (time, event_id)
        yield b"".join((head, first, between, second, tail))


def _cut(line: bytes) -> tuple[bytes, bytes, bytes, bool]:
    """Return a record in three pieces, cut around its id and its time."""
    found_id, found_time = _ID.search(line), _TIME.search(line)
    if found_id is None or found_time is None:
        raise ValueError("a CloudTrail record has an eventID and an eventTime")
    one, other = sorted((found_id.span(1), found_time.span(1)))
    return line[: one[0]], line[one[1] : other[0]], line[other[1] :], one == found_id.span(1)


@lru_cache(maxsize=1)
def _originals(vectors: Path | None) -> list[bytes]:
    if vectors is not None:
        lines = (vectors / "cloudtrail" / "stratus-run.ndjson").read_bytes().splitlines()
        return [line for line in lines if line.strip()]
    county = simulate(SEED, end=END, events=_COUNTY_EVENTS)
    return [line for kind, line in county if kind == CLOUDTRAIL]


def write_cloudtrail(path: Path, vectors: Path | None, count: int, *, start: int = 0) -> int:
    """Write so many records to a file, one per line; return its size in bytes."""
    with path.open("wb") as file:
        for line in cloudtrail_lines(vectors, count, start=start):
            file.write(line + b"\n")
        return file.tell()
