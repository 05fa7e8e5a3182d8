"""Narrowing: in which events a query's free words stand, as far as the index lists them."""

from __future__ import annotations

from ombud.query.tree import Node
from ombud.query.words import PLACES, Known, free_words, longest_part
from ombud.store.schema import UNINDEXED_TABLE, WORD_TABLE
from ombud.store.statement import Range, Rows, Statement, Words

WORDS_MAX = 8  # Of a query that are looked up; the texts are read for any more.
PIECES_MAX = 64  # That contain the word; with more, reading its texts takes no longer.
RANGES_MAX = 16  # Of events that must be read; more are taken as one.


def find_words(ask: Rows, where: Node | None) -> Words:
    """Look up the free words of a query."""
    known = {}
    for text in free_words(where)[:WORDS_MAX]:
        part = longest_part(text)
        if part:
            known[text] = _look_up(ask, part)
    hashes = {one for each in known.values() for one in each.hashes or ()}
    return Words(known, _unindexed(ask, sorted(hashes)))


def _look_up(ask: Rows, part: str) -> Known:
    """Return where the pieces that contain the part stand, and their hashes unless they are many.

    The engine's own text of it in lower case is compared, as everywhere.
    """
    found = ask(
        Statement(
            f'SELECT "place", CASE WHEN count(*) <= $2 THEN list("hash") END FROM {WORD_TABLE} '
            'WHERE contains("text", lower($1)) GROUP BY 1 ORDER BY 1',
            [part, PIECES_MAX],
        )
    )
    places = tuple(PLACES[place] for place, _ in found)
    lists = [hashes for _, hashes in found]
    if None in lists or sum(map(len, lists)) > PIECES_MAX:
        return Known(places, None)
    return Known(places, tuple(sorted({one for hashes in lists for one in hashes})))


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
