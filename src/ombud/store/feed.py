"""Feed: rows of index, time of recording and canonical bytes, from batches and segments."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ombud.core.batch import Committed

# Both yield what `ombud.store.schema.event_insert` reads.
FEED = 'SELECT "index", recorded, g1, g2, g3 FROM committed'
SEGMENT = (
    'SELECT metadata.uid AS "index", metadata.logged_time AS recorded, '
    "decode(canonical_actor) AS g1, decode(canonical_data_subject) AS g2, "
    "decode(canonical_content) AS g3 FROM read_parquet($1) "
    "WHERE metadata.uid >= $2 AND metadata.uid < $3"
)
_FIELDS: list[pa.Field[Any]] = [
    pa.field("index", pa.int64()),
    pa.field("recorded", pa.int64()),
    *(pa.field(f"g{group}", pa.string()) for group in (1, 2, 3)),
]
FEED_SCHEMA = pa.schema(_FIELDS)


class Feed:
    """What the prepared statements read: always the batch being applied.

    Registered once, so that the engine plans the wide insertion once and not for
    every batch, which takes longer than the insertion itself.
    """

    def __init__(self) -> None:
        self.table: Any = FEED_SCHEMA.empty_table()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the batch as the Arrow C stream that the engine reads."""
        return self.table.__arrow_c_stream__(requested_schema)


def committed_table(committed: Committed) -> pa.Table:
    """Return a batch as Arrow columns that share its memory."""
    count = committed.count
    first = committed.first_index
    arrays: list[Any] = [
        pa.array(range(first, first + count), pa.int64()),
        pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(committed.recorded_ms)]),
    ]
    for offsets, blob in zip(committed.offsets[:3], committed.blobs[:3], strict=True):
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(blob)]
        arrays.append(pa.Array.from_buffers(pa.string(), count, buffers))
    return pa.Table.from_arrays(arrays, schema=FEED_SCHEMA)
