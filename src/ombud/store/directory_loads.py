"""Directory loads: rows that earlier events carry become the directory, all or none.

The rows lie in the originals of `directory.rows` events and take effect with the
`directory.loaded` that closes them; without it, as after a crash, they are nothing.
An original that was erased carries no rows any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from ombud.core.errors import Unavailable
from ombud.core.event import Event
from ombud.directory.kinds import KINDS, Kind, Values, body_of, row_id
from ombud.store.control_events import DIRECTORY_LOADED, Change, fault
from ombud.store.control_schema import directory_chunk, directory_load

Fetch = Callable[[Sequence[int]], Sequence[Event]]
FETCH_COUNT = 16  # Events fetched at once: each carries some 100 kB of rows.
_PUT = (
    "INSERT INTO directory_row (id, kind, person, unit, body, event_index)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
    " body = excluded.body, event_index = excluded.event_index,"
    " person = excluded.person, unit = excluded.unit"
)
_DROP = "DELETE FROM directory_row WHERE id = ?"
_ABOUT = ("person", "supervisor")


def no_originals(indices: Sequence[int]) -> Sequence[Event]:
    """Refuse: where no record is at hand, no rows of a directory can be brought."""
    raise Unavailable(f"the originals of events {indices[0]} and following are not at hand")


def encode_rows(
    load: str, number: int, put: dict[str, list[str]], drop: dict[str, list[str]]
) -> bytes:
    """Return the original of one `directory.rows` event: bodies to put and ids to drop, by kind."""
    rows = [
        {
            "kind": kind.name,
            "columns": kind.names,
            "put": [orjson.Fragment(body) for body in put.get(name, ())],
            "drop": drop.get(name, ()),
        }
        for name, kind in KINDS.items()
        if name in put or name in drop
    ]
    return orjson.dumps({"load": load, "number": number, "rows": rows})


def apply_load(connection: Connection, change: Change, fetch: Fetch) -> Change:
    """Bring the rows of a load into the table and return its change, or that of a fault.

    The connection is in a transaction, or one is begun.
    """
    index = change.values["event_index"]
    chunks = _chunks(connection, change.key, index)
    reason = _refusal(connection, change, chunks)
    if not reason:
        if not getattr(connection.connection.driver_connection, "in_transaction", True):
            connection.exec_driver_sql("BEGIN")  # Else the savepoint would be the transaction.
        connection.exec_driver_sql("SAVEPOINT load")
        try:
            for event in _events([at for _, at in chunks], fetch):
                _apply_chunk(connection, event.raw, index)
        except (ValueError, TypeError, LookupError) as error:
            connection.exec_driver_sql("ROLLBACK TO load")
            reason = f"a chunk is not what Ombud writes: {type(error).__name__} {error}"
        connection.exec_driver_sql("RELEASE load")
    if not reason:
        return change
    refused = fault(index, DIRECTORY_LOADED, reason)
    refused.values["event_index"] = index
    return refused


def _chunks(connection: Connection, load: str, below: int) -> list[tuple[int, int]]:
    found = connection.execute(
        select(directory_chunk.c.number, directory_chunk.c.event_index)
        .where(directory_chunk.c.load == load, directory_chunk.c.event_index < below)
        .order_by(directory_chunk.c.number)
    )
    return [(number, index) for number, index in found]


def _refusal(connection: Connection, change: Change, chunks: list[tuple[int, int]]) -> str:
    count, base = change.values["chunk_count"], change.values["base"]
    if count != len(chunks) or [number for number, _ in chunks] != list(range(count)):
        return f"{len(chunks)} of {count} chunks of the load are there"
    stands = connection.execute(select(func.max(directory_load.c.event_index))).scalar() or 0
    if base != stands:
        return f"was compared with load {base}, and load {stands} stands"
    return ""


def _events(indices: list[int], fetch: Fetch) -> Iterator[Event]:
    for start in range(0, len(indices), FETCH_COUNT):
        yield from fetch(indices[start : start + FETCH_COUNT])


def _apply_chunk(connection: Connection, original: bytes, index: int) -> None:
    if not original:
        return  # Erased.
    for block in orjson.loads(original)["rows"]:
        kind = KINDS[block["kind"]]
        put = [_row(kind, values, index) for values in _values(kind, block)]
        if put:
            connection.exec_driver_sql(_PUT, put)
        drop = [(str(id_),) for id_ in block["drop"]]
        if drop:
            connection.exec_driver_sql(_DROP, drop)


def _values(kind: Kind, block: dict[str, Any]) -> Iterator[Values]:
    """Yield the rows to put, in the columns as they are known now."""
    columns = tuple(block["columns"])
    for written in block["put"]:
        if not isinstance(written, list) or len(written) != len(columns):
            raise ValueError(f"a row of {kind.name} has not the columns it says")
        if columns == kind.names:
            yield tuple(written)
        else:
            by_name = dict(zip(columns, written, strict=True))
            yield tuple(by_name.get(name) for name in kind.names)


def _row(kind: Kind, values: Values, index: int) -> tuple[Any, ...]:
    of = dict(zip(kind.names, values, strict=True))
    person = next((of[name] for name in _ABOUT if name in of), None)
    return (row_id(kind, values), kind.name, person, of.get("unit"), body_of(values), index)
