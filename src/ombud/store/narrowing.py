"""Narrowing: in which events a query's free words stand, as far as the index lists them."""

from __future__ import annotations

from ombud.query.tree import Node
from ombud.query.words import PLACES, Known, free_words, longest_part
from ombud.store import sealing
from ombud.store.pieces import Pieces
from ombud.store.schema import UNINDEXED_TABLE, WATERMARK_TABLE, WORD_TABLE
from ombud.store.statement import NO_WORDS, Range, Rows, Statement, Words

WORDS_MAX = 8  # Of a query that are looked up; the texts are read for any more.
PIECES_MAX = 64  # That contain the word; with more, reading its texts takes no longer.
RANGES_MAX = 16  # Of events that must be read; more are taken as one.


def find_words(ask: Rows, where: Node | None, pieces: Pieces) -> Words:
    """Look up the free words of a query, within a transaction."""
    parts = {text: longest_part(text) for text in free_words(where)[:WORDS_MAX]}
    parts = {text: part for text, part in parts.items() if part}
    if not parts:
        return NO_WORDS
    # The engine's own text of it in lower case is compared, as everywhere.  The watermark
    # is read along: that begins the transaction, and the pieces are looked at after.
    lower = ask(
        Statement(
            f"SELECT lower(unnest($1::VARCHAR[])), size FROM {WATERMARK_TABLE}", [[*parts.values()]]
        )
    )
    known = {
        text: _look_up(ask, part, pieces) for text, (part, _) in zip(parts, lower, strict=True)
    }
    hashes = {one for each in known.values() for one in each.hashes or ()}
    return Words(known, _unindexed(ask, sorted(hashes)))


def _look_up(ask: Rows, part: str, pieces: Pieces) -> Known:
    """Return where the pieces that contain the part stand, and their hashes unless they are many.

    There may be pieces that no event has.
    """
    places, found = pieces.containing(part, most=PIECES_MAX)
    if not pieces.whole:  # Said after: they may just have become too many.
        return _ask_for(ask, part)
    hashes: tuple[int, ...] | None = ()
    if found is None:
        hashes = None
    elif found:
        columns = [[place for place, _ in found], [text for _, text in found]]
        statement = (
            f'SELECT DISTINCT {sealing.WORD_HASH} FROM (SELECT unnest($1::UTINYINT[]) AS "place", '
            'unnest($2::VARCHAR[]) AS "text") ORDER BY 1'
        )
        hashes = tuple(one for (one,) in ask(Statement(statement, [*columns])))
    return Known(tuple(PLACES[place] for place in places), hashes)


def _ask_for(ask: Rows, part: str) -> Known:
    """Return the same, where the pieces are too many to be held in memory."""
    found = ask(
        Statement(
            f'SELECT "place", CASE WHEN count(*) <= $2 THEN list("hash") END FROM {WORD_TABLE} '
            'WHERE contains("text", $1) GROUP BY 1 ORDER BY 1',
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
