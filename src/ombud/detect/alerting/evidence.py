"""Evidence: what alerts of correlations tell of the events that contributed to them.

A correlation is met long after its first event has passed by, so what will be told
of an event is kept when it matches: its time, its actor, and what correlations
read of it.  Bounded: of an event that was let go an alert tells only its group.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import orjson

from ombud.detect.matching.matcher import Told

EVENTS_MAX = 100_000  # Events kept, the latest; some 250 bytes each.
FIELDS_LENGTH_MAX = 4096  # Bytes of one event's fields; beyond them it has none.


class Said(Protocol):
    """What an event says, told when somebody asks: of most nobody ever does."""

    def actor(self) -> str | None:
        """Return who acted."""

    def told(self) -> Told:
        """Return the fields that correlations read, with their values, cut."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """What is kept of one event; `number` counts the events that were ever noted."""

    number: int
    time: int
    said: Said

    @property
    def actor(self) -> str | None:
        """Who acted."""
        return self.said.actor()

    def told(self) -> Told:
        """Return the fields that correlations read, with their values; none if they are long."""
        told = self.said.told()
        return told if len(orjson.dumps(told)) <= FIELDS_LENGTH_MAX else {}


class Known(msgspec.Struct, frozen=True, gc=False):
    """What an event says, where it is at hand."""

    who: str | None
    fields: Told

    def actor(self) -> str | None:
        """Return who acted."""
        return self.who

    def told(self) -> Told:
        """Return the fields."""
        return self.fields


class Evidence:
    """The latest events that correlations were given, by index."""

    def __init__(self, pieces: Mapping[int, Piece] | None = None) -> None:
        # Not a `dict`: that looks for its first key among all that were ever let go.
        self._pieces: OrderedDict[int, Piece] = OrderedDict(pieces or {})
        self.count = len(self._pieces)  # Events noted so far.

    def note(self, index: int, time: int, said: Said) -> None:
        """Keep what an event of the latest index tells; a second match of it adds fields."""
        known = self._pieces.get(index)
        if known is None:
            self._pieces[index] = Piece(self.count, time, said)
            self.count += 1
        else:
            joined = Known(said.actor(), {**known.told(), **said.told()})
            self._pieces[index] = Piece(known.number, time, joined)

    def get(self, index: int, *, count: int) -> Piece | None:
        """Return what was kept of an event when so many had been noted; None if it was let go."""
        piece = self._pieces.get(index)
        return piece if piece is not None and piece.number >= count - EVENTS_MAX else None

    def trim(self) -> None:
        """Let go of the events beyond the bound, those that were kept longest."""
        while len(self._pieces) > EVENTS_MAX:
            self._pieces.popitem(last=False)

    def state(self) -> list[list[Any]]:
        """Return everything as JSON values, in log order."""
        return [
            [index, piece.time, piece.actor, orjson.dumps(piece.told()).decode()]
            for index, piece in self._pieces.items()
        ]

    @classmethod
    def from_state(cls, state: Sequence[Sequence[Any]]) -> Evidence:
        """Return the evidence as it was; raises `ValueError` for fields that are no JSON map."""
        for _, _, _, fields in state:
            if not isinstance(orjson.loads(fields), dict):
                raise ValueError("the fields of an event are no map")  # noqa: TRY004 - as for bytes.
        return cls(
            {
                index: Piece(number, time, Known(actor, orjson.loads(fields)))
                for number, (index, time, actor, fields) in enumerate(state)
            }
        )
