"""Narrowing: in which events a query's free words stand, as far as the index lists them."""

from __future__ import annotations

from ombud.query.tree import Node
from ombud.query.words import free_words, longest_part
from ombud.store.schema import UNINDEXED_TABLE, WORD_TABLE
from ombud.store.statement import Range, Rows, Statement, Words

WORDS_MAX = 8  # Of a query that are looked up; the texts are read for any more.
PIECES_MAX = 256  # That contain the word; with more, a page is soon found by reading.
RANGES_MAX = 16  # Of events that must be read; more are taken as one.


def find_words(ask: Rows, where: Node | None) -> Words:
    """Look up the free words of a query."""
    texts = free_words(where)
    narrowed: dict[str, tuple[int, ...]] = {}
    for text in texts[:WORDS_MAX]:
        hashes = _hashes(ask, longest_part(text))
        if hashes is not None:
            narrowed[text] = hashes
    read = _unindexed(ask, sorted({one for hashes in narrowed.values() for one in hashes}))
    return Words(narrowed, read)


def _hashes(ask: Rows, part: str) -> tuple[int, ...] | None:
    """Return the hashes of the pieces that contain the part; none when they are many."""
    if not part:
        return None
    found = ask(
        Statement(
            f'SELECT "hash" FROM {WORD_TABLE} WHERE contains("text", lower($1)) LIMIT $2',
            [part, PIECES_MAX + 1],
        )
    )
    return None if len(found) > PIECES_MAX else tuple(sorted({one for (one,) in found}))


def _unindexed(ask: Rows, hashes: list[int]) -> tuple[Range, ...]:
    if not hashes:
        return ()
    listed = ", ".join(map(str, hashes))
    found = ask(
        Statement(
            f'SELECT DISTINCT "first_index", "end" FROM {UNINDEXED_TABLE} '
            f'WHERE "hash" IN ({listed}) ORDER BY 1, 2',
            [],
        )
    )
    ranges: list[Range] = []
    for first, end in found:
        if ranges and first <= ranges[-1][1]:
            ranges[-1] = ranges[-1][0], max(end, ranges[-1][1])
        else:
            ranges.append((first, end))
    if len(ranges) > RANGES_MAX:
        return ((ranges[0][0], ranges[-1][1]),)
    return tuple(ranges)
