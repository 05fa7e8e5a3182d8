"""Sealing: moves the latest events into a run, sorted by what is asked, with its side tables.

A run is made in one transaction, so rows are either hot or sealed, whatever happens;
events that are applied meanwhile stay hot.  Where most of a run's events have a piece of text,
the run says so instead of listing them: there, the texts themselves are read, and
one need not read far.

Data subjects and pieces of many runs are sorted into one, so that equal ones lie together.
"""

from __future__ import annotations

from ombud.query.columns import (
    HOT_EVENTS,
    HOT_SUBJECTS,
    SEALED_EVENTS,
    SEALED_SUBJECTS,
    TOKEN_TABLE,
    column_of,
)
from ombud.query.names import SENTENCES
from ombud.query.words import KEYS, PLACES, SEPARATORS
from ombud.store.schema import (
    COVERED,
    SESSION_TABLE,
    UNINDEXED_TABLE,
    WORD_TABLE,
)

# A row group of the engine.  More take memory and are read in full by each search; fewer
# make more runs, each of which is looked into.
SEAL_EVENTS = 122_880
# A piece that stands oftener than once in so many events of a run is not listed.  Who
# reads the latest run then meets it some 1,900 times, and has a page.
COMMON_PART = 64
MERGE_RUNS = 16  # Two million events: sorted in a second, a few times an hour.
# Of a piece's text; engine and version are those that made the file.
WORD_HASH = 'hash("place", "text")'
ALWAYS = 2**62  # Beyond any index.

_MERGED = "temp.main.merged"
_RUN_WORDS = "temp.main.run_word"
_NEW_WORDS = "temp.main.new_word"
ALL_PIECES = f'SELECT "place", "text" FROM {WORD_TABLE}'
NEW_PIECES = f'SELECT "place", "text" FROM {_NEW_WORDS}'  # While the run is not yet committed.


def seal_statements(first_index: int, end: int) -> list[str]:
    """Return the statements that make a run of the hot events: those from an index to an end."""
    return [
        *_word_statements(first_index, end),
        _subject_insert(),
        _session_insert(),
        _event_insert(),
        f"DELETE FROM {HOT_EVENTS}",
        f"DELETE FROM {HOT_SUBJECTS}",
        *_merge_statements(first_index, end),
    ]


def _subject_insert() -> str:
    """Give each data subject what `who` tells of its event; one named twice counts once."""
    covered = ", ".join(COVERED)
    return (
        f'INSERT INTO {SEALED_SUBJECTS} SELECT "hash", "index", "kind", "key", {covered} FROM '
        f'(SELECT DISTINCT "hash", "index", "kind", "key" FROM {HOT_SUBJECTS}) '
        f'JOIN {HOT_EVENTS} USING ("index") ORDER BY "hash", "index"'
    )


def _event_insert() -> str:
    order = '"account_hash", "time", "index"'
    return f"INSERT INTO {SEALED_EVENTS} SELECT * FROM {HOT_EVENTS} ORDER BY {order}"


def _session_insert() -> str:
    return (
        f'INSERT INTO {SESSION_TABLE} SELECT hash("session_id"), "account_hash", min("time"), '
        f'max("time") FROM {HOT_EVENTS} WHERE "session_id" IS NOT NULL GROUP BY 1, 2 ORDER BY 1'
    )


def _merge_statements(first_index: int, end: int) -> list[str]:
    """Sort data subjects and pieces of the latest runs into one, each time there are so many.

    Who touched a person's data, and where a word stands, is then told from few places:
    each run that is looked into costs a tenth of a millisecond.
    """
    window = MERGE_RUNS * SEAL_EVENTS
    if first_index // window == end // window:
        return []
    latest = f'"index" >= {first_index // window * window}'
    statements = []
    for table in (SEALED_SUBJECTS, TOKEN_TABLE):
        statements += [
            f"CREATE OR REPLACE TEMP TABLE merged AS SELECT * FROM {table} WHERE {latest}",
            f"DELETE FROM {table} WHERE {latest}",
            f'INSERT INTO {table} SELECT * FROM {_MERGED} ORDER BY "hash", "index"',
            f"DROP TABLE {_MERGED}",
        ]
    return statements


def _word_statements(first_index: int, end: int) -> list[str]:
    """Fill `word` with the pieces not yet known, and `token` with where they all stand."""
    whole = '"hash", "place", "text"'
    common = (end - first_index) // COMMON_PART
    new = f"SELECT DISTINCT {whole} FROM {_RUN_WORDS} ANTI JOIN {WORD_TABLE} USING ({whole})"
    # Two texts of one hash: neither is looked up any more.
    clashes = (
        f'SELECT "hash", 0, {ALWAYS} FROM {WORD_TABLE} '
        f'WHERE "hash" IN (SELECT "hash" FROM {_NEW_WORDS}) GROUP BY 1 HAVING count(*) > 1'
    )
    frequent = (
        f'SELECT "hash", {first_index}, {end} FROM {_RUN_WORDS} '
        f"GROUP BY 1 HAVING count(*) > {common}"
    )
    skipped = f'SELECT "hash" FROM {UNINDEXED_TABLE} WHERE "first_index" = {first_index}'
    listed = (
        f'SELECT DISTINCT "hash", "index" FROM {_RUN_WORDS} ANTI JOIN ({skipped}) USING ("hash") '
        'ORDER BY "hash", "index"'
    )
    return [
        f"CREATE OR REPLACE TEMP TABLE run_word AS {_pieces()}",
        f"CREATE OR REPLACE TEMP TABLE new_word AS {new}",
        f'INSERT INTO {WORD_TABLE} SELECT * FROM {_NEW_WORDS} ORDER BY "text"',
        f"INSERT INTO {UNINDEXED_TABLE} {clashes}",
        f"INSERT INTO {UNINDEXED_TABLE} {frequent}",
        f"INSERT INTO {TOKEN_TABLE} {listed}",
        f"DROP TABLE {_RUN_WORDS}",
    ]


def _pieces() -> str:
    """Select the pieces of the hot events' texts: sentences are cut, all else is one piece."""
    pattern = SEPARATORS.replace("'", "''")
    texts = []
    for number, place in enumerate(PLACES):
        table = HOT_EVENTS
        if place == KEYS:
            table, piece = HOT_SUBJECTS, 'lower("key")'
        elif place in SENTENCES:
            piece = f"unnest(regexp_split_to_array({column_of(place).expression}, '{pattern}'))"
        else:
            piece = f"lower({column_of(place).expression})"
        texts.append(
            f'SELECT {piece} AS "text", {number}::UTINYINT AS "place", "index" FROM {table}'
        )
    return (
        f'SELECT {WORD_HASH} AS "hash", "place", "text", "index" '
        f"FROM ({' UNION ALL '.join(texts)}) WHERE \"text\" <> ''"
    )
