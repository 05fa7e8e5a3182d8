"""Peers: the plain ways to keep an audit log, to set our figures in relation.

Both keep the same CloudTrail lines durably, with a batch per commit as we do.
Neither can prove anything: they only show what the parts cost at least.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ombud.bench.meter import Meter

BATCH_EVENTS = 512


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    iterator = iter(lines)
    while batch := list(islice(iterator, BATCH_EVENTS)):
        yield batch


def sqlite_us_per_event(path: Path, lines: Iterable[bytes]) -> float:
    """Return the CPU of parsing with `json` and inserting into one SQLite table."""
    count = 0
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(
        "CREATE TABLE event (id TEXT PRIMARY KEY, time TEXT, actor TEXT, name TEXT, raw BLOB)"
    )
    with Meter() as meter:
        for batch in _batches(lines):
            rows = []
            for line in batch:
                record = json.loads(line)
                actor = record.get("userIdentity", {}).get("arn")
                name = record.get("eventName")
                rows.append((record["eventID"], record.get("eventTime"), actor, name, line))
            with database:
                database.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", rows)
            count += len(rows)
    database.close()
    return meter.cpu_seconds / count * 1e6


def hash_chain_us_per_event(path: Path, lines: Iterable[bytes]) -> float:
    """Return the CPU of a chain of hashes over sorted JSON, one fsync a batch."""
    count = 0
    head = bytes(32)
    with Meter() as meter, path.open("wb") as file:
        for batch in _batches(lines):
            for line in batch:
                canonical = json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"))
                head = hashlib.sha256(head + canonical.encode()).digest()
                file.write(head + canonical.encode() + b"\n")
            file.flush()
            os.fdatasync(file.fileno())
            count += len(batch)
    return meter.cpu_seconds / count * 1e6
