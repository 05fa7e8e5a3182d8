"""Lineage: of which record the derived databases are, and that it is this one.

Index, alerts and control tables say how far they have come, not of what.  Beside
them lies a file that names the log's key and one event they had taken: its index
and a hash of what the record says of it.  Databases copied from another home, or
kept while the record was restored from a copy, do not fit, and are made anew.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson

from ombud.core.errors import NotFound
from ombud.record.reader import RecordReader

FILE_NAME = "record.json"
SIZE_MAX = 1 << 12  # Bytes of the file; it has some 200.


def _event_hash(reader: RecordReader, index: int) -> str:
    (event,) = reader.fetch([index])
    # The time of recording is in it, so that the same original elsewhere is another event.
    text = f"{event.id}\0{event.ingested_at}\0{event.source}\0{event.native_id}\0"
    return hashlib.sha256(text.encode() + event.raw).hexdigest()


def _stamp(reader: RecordReader, vkey: str, size: int) -> dict[str, Any]:
    last = _event_hash(reader, size - 1) if size else ""
    return {"vkey": vkey, "size": size, "last": last}


def write_lineage(folder: Path, reader: RecordReader, *, vkey: str, size: int) -> None:
    """Say that what lies in the folder follows from this record, of which `size` is durable."""
    path = folder / FILE_NAME
    temporary = path.with_suffix(".new")
    temporary.write_bytes(orjson.dumps(_stamp(reader, vkey, size)))
    temporary.replace(path)


def is_of_record(folder: Path, reader: RecordReader, *, vkey: str, size: int) -> bool:
    """Whether what lies in the folder follows from this record, of which `size` is durable."""
    try:
        with (folder / FILE_NAME).open("rb") as file:
            said = orjson.loads(file.read(SIZE_MAX))
        taken = said["size"]
        if not isinstance(taken, int) or not 0 <= taken <= size:
            return False
        return bool(said == _stamp(reader, vkey, taken))
    except (FileNotFoundError, NotFound, ValueError, TypeError, KeyError):
        return False
