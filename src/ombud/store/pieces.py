"""Pieces: all distinct pieces of texts in memory, searched for those that contain a word.

One search of some megabytes takes milliseconds; the engine, which cuts them into
rows first, takes five times as long.  What is here is at least what any reader's
transaction holds: pieces are added before the run they came with is committed.  One too
many does no harm, for no event is listed under it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ombud.query.words import PLACES

BYTES_MAX = 96 << 20  # Some eight million pieces; with more, the engine is asked.
_END = b"\xff"  # Of a piece: no text of UTF-8 holds it.


class Pieces:
    """The pieces of the sealed events by place, one after another."""

    def __init__(self, batches: Iterable[Any] = ()) -> None:
        self._texts = [bytearray(_END) for _ in PLACES]
        self._size = 0
        self.add(batches)

    @property
    def whole(self) -> bool:
        """Whether all are here; else there are too many."""
        return self._size <= BYTES_MAX

    def add(self, batches: Iterable[Any]) -> None:
        """Add Arrow batches of place and text, as far as there is room."""
        for batch in batches:
            places, texts = batch.columns
            self._size += texts.nbytes
            if not self.whole:
                self._texts = [bytearray(_END) for _ in PLACES]
                continue
            for place in pc.unique(places).to_pylist():
                self._add(place, texts.filter(pc.equal(places, place)))

    def _add(self, place: int, texts: Any) -> None:
        whole = pa.array([texts.cast(pa.binary())], pa.list_(pa.binary()))
        joined: Any = pc.binary_join(whole, _END)
        # At once, for others may be reading.
        self._texts[place] += b"".join((joined[0].as_buffer(), _END))

    def containing(self, word: str, *, most: int) -> tuple[list[int], list[tuple[int, str]] | None]:
        """Return the places that have a piece with the word inside, and these pieces by place.

        The word is in lower case as the engine makes it.  Instead of more than `most`
        pieces there are none.
        """
        sought = word.encode()
        places: list[int] = []
        found: set[tuple[int, str]] = set()
        for place, texts in enumerate(self._texts):
            at = texts.find(sought)
            if at >= 0:
                places.append(place)
            while at >= 0 and len(found) <= most:
                begin, end = texts.rfind(_END, 0, at) + 1, texts.find(_END, at)
                found.add((place, texts[begin:end].decode()))
                at = texts.find(sought, end)
        return places, sorted(found) if len(found) <= most else None
