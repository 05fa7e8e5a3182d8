"""Partners: values of one field that agree with values of another, not pair by pair.

An event may hold a million values under either name, and whoever writes it
must not keep the engine busy with every pair of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ahocorasick  # type: ignore[import-not-found]

from ombud.detect.matching.values import is_number, lower_text_of

_LONG = 1 << 16  # Characters; pieces so long are few and are looked for one by one.
_CHUNK = 1 << 20  # Characters of pieces in one automaton, which takes a hundred bytes for each.

Pairs = Iterator[tuple[Any, Any]]


def same(values: Sequence[Any], others: Sequence[Any]) -> Pairs:
    """Yield every value with one that is the same (`is_same`), if there is one."""
    numbers = {other: other for other in others if is_number(other)}
    texts = {lower_text_of(other): other for other in others}
    words = {lower_text_of(other): other for other in others if not is_number(other)}
    for value in values:
        if is_number(value) and value in numbers:
            yield value, numbers[value]
            continue
        known = words if is_number(value) else texts
        text = lower_text_of(value)
        if text in known:
            yield value, known[text]


def starting(values: Sequence[Any], others: Sequence[Any], *, is_end: bool = False) -> Pairs:
    """Yield every value with one that its text starts with, or ends with, if there is one."""
    step = -1 if is_end else 1
    pieces = {lower_text_of(other)[::step]: other for other in others}
    shortest: list[str] = []  # In order; none starts with another.
    for piece in sorted(pieces):
        if not shortest or not piece.startswith(shortest[-1]):
            shortest.append(piece)
    for value in values:
        text = lower_text_of(value)[::step]
        place = bisect_right(shortest, text) - 1
        if place >= 0 and text.startswith(shortest[place]):
            yield value, pieces[shortest[place]]


def containing(values: Sequence[Any], others: Sequence[Any]) -> Pairs:
    """Yield every value with one that its text contains, if there is one."""
    pieces = {lower_text_of(other): other for other in others}
    left = {lower_text_of(value): value for value in values}
    for chunk in _chunks(pieces):
        find = _finder(chunk)
        for text in [*left]:
            piece = find(text)
            if piece is not None:
                yield left.pop(text), pieces[piece]


def _chunks(pieces: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield the pieces, those that are long by themselves."""
    chunk: list[str] = []
    size = 0
    for piece in pieces:
        if not piece or len(piece) > _LONG:
            yield [piece]
            continue
        chunk.append(piece)
        size += len(piece)
        if size > _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _finder(chunk: Sequence[str]) -> Any:
    """Return what finds one of some pieces in a text, or None."""
    if len(chunk) == 1:
        only = chunk[0]
        return lambda text: only if only in text else None
    automaton = ahocorasick.Automaton()
    for piece in chunk:
        automaton.add_word(piece, piece)
    automaton.make_automaton()
    return lambda text: next((piece for _, piece in automaton.iter(text)), None)
