"""Windows events: a load in the shape that rules about Windows are written for.

One event in ten is published as one that some rule must match, where the vectors
are present; the others are everyday ones of an office, under the names that Sigma
gives their fields: programs that start, load libraries, open connections, write files
and keys.  Deterministic: the same seed gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from ombud.bench.distinct import distinct_lines
from ombud.bench.load import SEED
from ombud.bench.windows_words import EVENTS, WEIGHTS, Words
from ombud.simulate.dice import Dice

KEPT = frozenset({"Channel", "Provider_Name", "EventType"})  # A closed list each, everywhere.
POOL_EVENTS = 2_000  # Everyday events of the low-cardinality load; each comes again and again.
HIT_EVERY = 10
_REGRESSION = Path("sigma") / "regression.ndjson"
# What is never twice the same, even on a machine that does nothing new.
_MOVING = re.compile(rb'"EventRecordID":\d+|"UtcTime":"[^"]*"|"ProcessGuid":"[^"]*"')


def windows_lines(vectors: Path | None, count: int, *, is_distinct: bool) -> Iterator[bytes]:
    """Yield `count` events, one to a line.

    Without `is_distinct` the texts are those of 2,000 events, but for their time,
    record number and process; with it every text is its own.
    """
    pool = _pool(vectors)
    if is_distinct:
        yield from distinct_lines(pool, count, kept=KEPT)
        return
    cut = [_cut(line) for line in pool]
    for number in range(count):
        yield _moved(*cut[number % len(cut)], number)


def _pool(vectors: Path | None) -> list[bytes]:
    dice = Dice("windows", SEED)
    words = Words(dice)
    known = _regression(vectors)
    pool = []
    for number in range(POOL_EVENTS):
        if known and number % HIT_EVERY == 0:
            pool.append(orjson.dumps(known[number // HIT_EVERY % len(known)]))
        else:
            pool.append(orjson.dumps(EVENTS[dice.pick(WEIGHTS)](words)))
    return pool


def _regression(vectors: Path | None) -> list[dict[str, Any]]:
    if vectors is None:
        return []
    lines = (vectors / _REGRESSION).read_bytes().splitlines()
    return [event for line in lines for event in orjson.loads(line)["events"]]


def _cut(line: bytes) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return the pieces of a line, and the names between them that get new values."""
    names = [found.group().partition(b":")[0] for found in _MOVING.finditer(line)]
    return _MOVING.split(line), names


def _moved(pieces: Sequence[bytes], names: Sequence[bytes], number: int) -> bytes:
    second, millisecond = divmod(number, 1000)
    time = b"2026-11-%02d %02d:%02d:%02d.%03d" % (
        1 + second // 86_400 % 28,
        second // 3600 % 24,
        second // 60 % 60,
        second % 60,
        millisecond,
    )
    values = {
        b'"EventRecordID"': b"%d" % number,
        b'"UtcTime"': b'"%s"' % time,
        b'"ProcessGuid"': b'"6A1F0E11-0000-6926-%04X-%012X"' % (number & 0xFFFF, number),
    }
    made = [pieces[0]]
    for name, piece in zip(names, pieces[1:], strict=True):
        made += (name, b":", values[name], piece)
    return b"".join(made)
