"""Record homes: small records of every shape, made by the real recorder with a fixed key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ombud.core.batch import Batch, BatchBuilder
from ombud.core.event import Event
from ombud.core.fields import FIELDS, Kind
from ombud.record.paths import Home, SegmentFile
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer
from ombud.record.segment import SegmentWriter, file_sha256
from ombud.record.wal import read_frames
from ombud.tlog.note import Signer

ORIGIN = "ombud.example/test"
SIGNER = Signer(ORIGIN, bytes(range(32)))
START_MS = 1_795_305_600_000
SIZE_OF_GOLDEN = 33
ROOT_OF_GOLDEN = "932b9d0f7e25b3f8606e14c63a9d617176342d41b8cdb9ed40185deea4398ff8"
GOLDEN_SEALED = 20  # Events in the segment of the golden home.


def make_event(number: int, word: str = "") -> Event:
    """Return one of many different events; the same number and word give the same one."""
    return Event(
        time=START_MS - 60_000 + number,
        source="county",
        action=("read", "search", "export")[number % 3],
        actor_id=f"actor-{number % 7}",
        actor_type="person",
        actor_name="Ana Größe" if number % 2 else None,
        on_behalf_of=("service-1", "ben") if number % 11 == 0 else None,
        subjects=(("person", f"dee-{number % 5}"),) if number % 2 == 0 else None,
        place_lat=52.5 if number % 13 == 0 else None,
        class_uid=(6005, 6003, None)[number % 3],
        activity_id=number % 4,
        native_id=f"{word}{number}",
        rows_returned=number,
        attributes={"b": number, "a": [1, None, {"x": 0.5}]} if number % 4 == 0 else None,
        raw=f'{{"n":{number},"word":"{word}"}}'.encode() if number % 6 else b"",
    )


def make_full_event() -> Event:
    """Return an event of which every field has a value."""
    samples: dict[Kind, Any] = {
        Kind.TEXT: 'text \u00fc \U0001f5dd \\ " \u0000',
        Kind.INTEGER: -(2**63),
        Kind.INSTANT: START_MS,
        Kind.BOOLEAN: False,
        Kind.REAL: -0.1,
        Kind.TEXTS: ("one", "", "two"),
        Kind.SUBJECTS: (("person", "dee"), ("plate", "B-AB 1")),
        Kind.MAP: {"z": [1, 2.5, None, {"deep": [True]}], "\u00e4": "b", "": 2**63 - 1},
    }
    values = {field.attribute: samples[field.kind] for field in FIELDS}
    fixed = {"action": "configure", "class_uid": 6003, "activity_id": 99, "raw": bytes(range(256))}
    return Event(**(values | fixed))


def make_batch(events: Sequence[Event]) -> Batch:
    """Return the events as a batch."""
    builder = BatchBuilder()
    for event in events:
        builder.add(event)
    return builder.take()


def open_recorder(home: Path, *, start_ms: int = START_MS) -> Recorder:
    """Open the record of a home under the fixed key, with a clock that steps by 7 ms."""
    keys = Home(home).keys
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "record.key").write_text(SIGNER.private_key + "\n", encoding="ascii")
    ticks = iter(range(start_ms, start_ms + 70_000_000, 7))
    return Recorder.open(home, clock=lambda: next(ticks))


def append(recorder: Recorder, start: int, end: int, *, step: int = 17, word: str = "") -> None:
    """Record the events of these numbers, in batches of `step`, and publish some heads."""
    for first in range(start, end, step):
        numbers = range(first, min(first + step, end))
        recorder.append([make_batch([make_event(number, word) for number in numbers])])
        if first // step % 3 == 0:
            recorder.publish()


def rotated(home: Home) -> Iterator[SegmentFile]:
    """Yield the segments that the rotated write-ahead files are to become."""
    wal_files = home.wal_files()
    for file, following in pairwise(wal_files):
        count = following.first_index - file.first_index
        yield SegmentFile(home.segment_path(file.first_index, count), file.first_index, count)


def write_segment(home: Home, segment: SegmentFile) -> str:
    """Write the segment of a rotated file and return its SHA-256."""
    temporary = home.tmp / "sealer-segment"
    writer = SegmentWriter(temporary)
    for frame in read_frames(home.wal_path(segment.first_index)):
        writer.add(frame)
    writer.close()
    temporary.rename(segment.path)
    return file_sha256(segment.path)


def seal(recorder: Recorder) -> None:
    """Rotate, and seal everything that is rotated."""
    Sealer(recorder.home.root, recorder).seal_all()


def make_home(home: Path) -> Path:
    """Make a record of 600 events and more: three segments and an unsealed tail."""
    with open_recorder(home) as recorder:
        for end in (130, 300, 480):
            append(recorder, recorder.size, end)
            seal(recorder)
        append(recorder, recorder.size, 610, step=40)
    return home


def published_files(home: Path) -> list[Path]:
    """Return every file of which no byte may be without authority, sorted."""
    folders = (home / "log", home / "segments")
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


def make_golden(home: Path) -> Path:
    """Make the record that lies in `tests/golden/home-v1`: fixed key, salts, clock and events.

    The sealing event carries the SHA-256 of Parquet, which depends on the library's
    version; so do all bytes of the log after it.
    """
    count = iter(range(1 << 30))

    def salts(size: int) -> bytes:
        blocks = range(-(-size // 32))
        return b"".join(hashlib.sha256(b"%d" % next(count)).digest() for _ in blocks)[:size]

    with patch("ombud.record.recorder.os.urandom", salts), open_recorder(home) as recorder:
        recorder.append([make_batch([make_full_event()])])
        append(recorder, 1, GOLDEN_SEALED, step=5)
        seal(recorder)
        append(recorder, GOLDEN_SEALED, GOLDEN_SEALED + 12, step=4, word="tail ")
    return home
