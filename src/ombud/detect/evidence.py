"""Evidence: what alerts of correlations tell of the events that contributed to them.

A correlation is met long after its first event has passed by, so what will be told
of an event is kept when it matches: its time, its actor, and what correlations
read of it.  Bounded: of an event that was let go an alert tells only its group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from ombud.detect.matcher import Told

EVENTS_MAX = 100_000  # Events kept, the latest; some 250 bytes each.
FIELDS_LENGTH_MAX = 4096  # Bytes of one event's fields; beyond them it has none.


class Piece(NamedTuple):
    """What is kept of one event."""

    time: int
    actor: str | None
    fields: bytes

    def told(self) -> Told:
        """Return the fields that correlations read, with their values."""
        told: Told = orjson.loads(self.fields)
        return told


class Evidence:
    """The latest events that correlations were given, by index."""

    def __init__(self, pieces: Mapping[int, Piece] | None = None) -> None:
        self._pieces: dict[int, Piece] = dict(pieces or {})

    def note(self, index: int, time: int, actor: str | None, fields: Told) -> None:
        """Keep what an event of the latest index tells; a second match of it adds fields."""
        known = self._pieces.get(index)
        if known is not None:
            fields = {**known.told(), **fields}
        elif len(self._pieces) >= EVENTS_MAX:
            del self._pieces[next(iter(self._pieces))]
        encoded = orjson.dumps(fields)
        if len(encoded) > FIELDS_LENGTH_MAX:
            encoded = b"{}"
        self._pieces[index] = Piece(time, actor, encoded)

    def get(self, index: int) -> Piece | None:
        """Return what is kept of an event, None if it was let go."""
        return self._pieces.get(index)

    def state(self) -> list[list[Any]]:
        """Return everything as JSON values, in log order."""
        return [
            [index, piece.time, piece.actor, piece.fields.decode()]
            for index, piece in self._pieces.items()
        ]

    @classmethod
    def from_state(cls, state: Sequence[Sequence[Any]]) -> Evidence:
        """Return the evidence as it was; raises `ValueError` for fields that are no JSON map."""
        for _, _, _, fields in state:
            if not isinstance(orjson.loads(fields), dict):
                raise ValueError("the fields of an event are no map")  # noqa: TRY004 - as for bytes.
        return cls(
            {index: Piece(time, actor, fields.encode()) for index, time, actor, fields in state}
        )
