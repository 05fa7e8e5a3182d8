"""Rebuild: duplicate keys made again from sealed segments, where their runs are gone."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
import pyarrow.parquet as pq

from ombud.core.canonical import decode_groups
from ombud.core.errors import EventError
from ombud.record.duplicates import DuplicateKeys
from ombud.record.paths import Home, SegmentFile
from ombud.record.runs import write_run
from ombud.record.sealing import event_identity, raw_digest


def rebuild_runs(home: Home, duplicates: DuplicateKeys, base: int) -> None:
    """Write the missing runs of the segments below `base`, one each."""
    for segment in home.segment_files():
        if duplicates.covered <= segment.first_index and segment.end <= base:
            identities, digests = _segment_keys(segment, duplicates)
            bounds = (segment.first_index, segment.end)
            write_run(home.duplicates, home.tmp / "run", bounds, identities, digests)
            duplicates.refresh()


def _segment_keys(segment: SegmentFile, duplicates: DuplicateKeys) -> tuple[bytes, bytes]:
    identities: list[bytes] = []
    digests: list[bytes] = []
    ordinals: defaultdict[tuple[str, bytes], int] = defaultdict(int)
    with pq.ParquetFile(segment.path) as file:
        for number in range(file.num_row_groups):
            table: Any = file.read_row_group(number, columns=["canonical_content", "raw_data"])
            for content, raw in zip(*(column.to_pylist() for column in table.columns), strict=True):
                try:
                    values = decode_groups(b"", b"", content)
                except (EventError, orjson.JSONDecodeError):
                    continue  # Erased, so that nothing can be a duplicate of it.
                source, native_id = values.get("source"), values.get("native_id")
                digest = raw_digest(raw)
                ordinal = 0
                if native_id is None:
                    ordinal = _next_ordinal(ordinals, duplicates, (str(source), digest))
                identities.append(event_identity(str(source), native_id, ordinal, digest))
                digests.append(digest)
    return b"".join(identities), b"".join(digests)


def _next_ordinal(
    ordinals: defaultdict[tuple[str, bytes], int],
    duplicates: DuplicateKeys,
    original: tuple[str, bytes],
) -> int:
    """Return which of its identical originals an event is, as it was when recorded."""
    if original not in ordinals:
        source, digest = original
        while duplicates.digests(event_identity(source, None, ordinals[original], digest)):
            ordinals[original] += 1
    ordinal = ordinals[original]
    ordinals[original] += 1
    return ordinal
