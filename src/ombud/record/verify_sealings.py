"""Verified sealings: which bytes the record itself says that each segment has.

Sealing events are looked for before anything else is read from segments, from
the newest file to the oldest, so that no segment is parsed before its bytes are
known to be those that were sealed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
import pyarrow.compute as pc

from ombud.core.fields import CONTENT_FIELDS
from ombud.record.sealing import OPERATION, SOURCE
from ombud.record.verify_segments import Segment
from ombud.record.wal import Frame

_MARK = f'"{OPERATION}"'.encode()
_NAMES = [field.name for field in CONTENT_FIELDS]
_SOURCE_POSITION = 1 + _NAMES.index("source")
_OPERATION_POSITION = 1 + _NAMES.index("operation")


class Sealings:
    """The SHA-256 of each segment, by file name, as sealing events give them.

    More than one is kept where a segment was sealed twice: both hold the same
    events, which are verified whichever of them is there.
    """

    def __init__(self) -> None:
        """Start knowing none."""
        self.sha256s: defaultdict[str, set[str]] = defaultdict(set)

    def add_frame(self, frame: Frame) -> None:
        """Take the sealing events of a frame."""
        batch = frame.batch
        if _MARK not in batch.blobs[2]:
            return
        for row in range(batch.count):
            self._add(batch.group(3, row), batch.group(4, row))

    def add_segment(self, segment: Segment) -> None:
        """Take the sealing events of a segment."""
        for number in range(segment.parquet.num_row_groups):
            api: Any = segment.table(number, ["api.operation"]).column("api").combine_chunks()
            if OPERATION not in pc.unique(api.field("operation")).to_pylist():
                continue
            table = segment.table(number, ["canonical_content", "raw_data"])
            for row in table.to_pylist():
                self._add(row["canonical_content"], row["raw_data"])

    def _add(self, content: bytes, raw: bytes) -> None:
        if _MARK not in content:
            return
        try:
            values, said = orjson.loads(content), orjson.loads(raw)
            if (values[_SOURCE_POSITION], values[_OPERATION_POSITION]) == (SOURCE, OPERATION):
                name = str(said["path"]).removeprefix("segments/")
                self.sha256s[name].add(str(said["sha256"]))
        except (ValueError, LookupError, TypeError):
            return  # An event that only looks like a sealing.
