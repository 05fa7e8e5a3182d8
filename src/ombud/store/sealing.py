"""Sealing: moves the latest events into a run, sorted by what is asked, with its side tables.

A run is made in the transaction of the batch that completes it, so rows are either
hot or sealed, whatever happens.  Where most of a run's events have a piece of text,
the run says so instead of listing them: there, the texts themselves are read, and
one need not read far.

Side tables grow by a run at a time; `merge_statements` sorts many of their runs into
one, which a look-up then needs to look into once.
"""

from __future__ import annotations

from ombud.query.columns import HOT_EVENTS, SEALED_EVENTS, TOKEN_TABLE, column_of
from ombud.query.names import SENTENCES, WORD_FIELDS
from ombud.query.words import SEPARATORS
from ombud.store.schema import (
    COVERED,
    HOT_SUBJECTS,
    SEALED_SUBJECTS,
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
# Of a piece's text; engine and version are those that made the file.
WORD_HASH = 'hash("text")'
ALWAYS = 2**62  # Beyond any index.

_RUN_WORDS = "temp.main.run_word"
_NEW_WORDS = "temp.main.new_word"


def seal_statements(first_index: int, end: int) -> list[str]:
    """Return the statements that make a run of the hot events: those from an index to an end."""
    covered = ", ".join(COVERED)
    return [
        *_word_statements(first_index, end),
        f'INSERT INTO {SEALED_SUBJECTS} SELECT "hash", "index", "kind", "key", {covered} FROM '
        f'(SELECT DISTINCT "hash", "index", "kind", "key" FROM {HOT_SUBJECTS}) '
        f'JOIN {HOT_EVENTS} USING ("index") ORDER BY "hash", "index"',
        f'INSERT INTO {SESSION_TABLE} SELECT hash("session_id"), "account_hash", min("time"), '
        f'max("time") FROM {HOT_EVENTS} WHERE "session_id" IS NOT NULL GROUP BY 1, 2 ORDER BY 1',
        f"INSERT INTO {SEALED_EVENTS} SELECT * FROM {HOT_EVENTS} "
        'ORDER BY "account_hash", "time", "index"',
        f"DELETE FROM {HOT_EVENTS}",
        f"DELETE FROM {HOT_SUBJECTS}",
    ]


def _word_statements(first_index: int, end: int) -> list[str]:
    """Fill `word` with the pieces not yet known, and `token` with where they all stand."""
    common = (end - first_index) // COMMON_PART
    return [
        f"CREATE OR REPLACE TEMP TABLE run_word AS {_pieces()}",
        'CREATE OR REPLACE TEMP TABLE new_word AS SELECT DISTINCT "hash", "text" '
        f'FROM {_RUN_WORDS} ANTI JOIN {WORD_TABLE} USING ("hash", "text")',
        f'INSERT INTO {WORD_TABLE} SELECT * FROM {_NEW_WORDS} ORDER BY "text"',
        # Two texts of one hash: neither is looked up any more.
        f'INSERT INTO {UNINDEXED_TABLE} SELECT "hash", 0, {ALWAYS} FROM {WORD_TABLE} '
        f'WHERE "hash" IN (SELECT "hash" FROM {_NEW_WORDS}) GROUP BY 1 HAVING count(*) > 1',
        f'INSERT INTO {UNINDEXED_TABLE} SELECT "hash", {first_index}, {end} FROM {_RUN_WORDS} '
        f"GROUP BY 1 HAVING count(*) > {common}",
        f'INSERT INTO {TOKEN_TABLE} SELECT DISTINCT "hash", "index" FROM {_RUN_WORDS} ANTI JOIN '
        f'(SELECT "hash" FROM {UNINDEXED_TABLE} WHERE "first_index" = {first_index}) '
        'USING ("hash") ORDER BY "hash", "index"',
        f"DROP TABLE {_RUN_WORDS}",
        f"DROP TABLE {_NEW_WORDS}",
    ]


def _pieces() -> str:
    """Select the pieces of the hot events' texts: sentences are cut, all else is one piece."""
    sentences, whole = (
        [column_of(name).expression for name in WORD_FIELDS if (name in SENTENCES) is cut]
        for cut in (True, False)
    )
    pattern = SEPARATORS.replace("'", "''")
    cut = f"regexp_split_to_array(concat_ws(' ', {', '.join(sentences)}), '{pattern}')"
    texts = [
        f'SELECT unnest({cut}) AS "text", "index" FROM {HOT_EVENTS} '
        f"WHERE {' OR '.join(f'{column} IS NOT NULL' for column in sentences)}",
        *(f'SELECT lower({column}), "index" FROM {HOT_EVENTS}' for column in whole),
        f'SELECT lower("key"), "index" FROM {HOT_SUBJECTS}',
    ]
    return (
        f'SELECT {WORD_HASH} AS "hash", "text", "index" '
        f"FROM ({' UNION ALL '.join(texts)}) WHERE \"text\" <> ''"
    )
