"""Schema: the tables of the index, and how canonical bytes become their rows.

The engine itself reads the canonical arrays, so that no event passes through
Python and one projection serves batches and segments alike.  Tables:

- `event_hot`: one row an event, as it came; fields by `ombud.query.columns`.
- `event_sealed`: the same, moved here 122,880 at a time (`store.sealing`),
  each such run sorted by account and time; `event` is the view of both.
- `subject_hot`, `subject_sealed`, with the view `subject`: one row for each data
  subject of an event, sorted by a hash of kind and key.  Sealed rows also hold
  what `who` tells, for rows of `event` scattered over all runs are slow to fetch.
- `session`: within which times and accounts the events of a declared session lie.
- `word`, `token`, `unindexed`: the pieces of texts, in which events they stand, and
  of which nothing is told because too many events of a run have them.
- `account_span`: what the directory says of an account for a time (`store.spans`).
- `watermark`: how many events of the record have been applied, and which directory.

A change of any of this is a new `SCHEMA_VERSION`.
"""

from __future__ import annotations

from ombud.core.canonical import NO_DATA_SUBJECT
from ombud.core.fields import (
    ACTOR_FIELDS,
    CANONICAL_VERSION,
    CONTENT_FIELDS,
    DATA_SUBJECT_FIELDS,
    Field,
    Kind,
)
from ombud.query.columns import (
    COLUMN_FIELDS,
    EVENT_TABLE,
    HOT_EVENTS,
    HOT_SUBJECTS,
    SCHEMA,
    SEALED_EVENTS,
    SEALED_SUBJECTS,
    SPAN_TABLE,
    SUBJECT_TABLE,
    TOKEN_TABLE,
    Storage,
    quoted,
    storage_of,
)
from ombud.query.sql import SUBJECT_HASH

TIME_MAX = 4 * 10**18  # Beyond any calendar; the difference of two still fits 64 bits.
# Another one in the file, or another version of the engine, whose hashes may
# differ: the index is built anew.
SCHEMA_VERSION = 3

_TYPES = {
    Storage.DIGEST: "UBIGINT",
    Storage.NUMBER: "BIGINT",
    Storage.BOOLEAN: "BOOLEAN",
    Storage.PRESENCE: "BOOLEAN",
}
_GROUPS: tuple[tuple[Field, ...], ...] = (ACTOR_FIELDS, DATA_SUBJECT_FIELDS, CONTENT_FIELDS)
WATERMARK_TABLE = f"{SCHEMA}.watermark"
META_TABLE = f"{SCHEMA}.meta"
SESSION_TABLE = f"{SCHEMA}.session"
WORD_TABLE = f"{SCHEMA}.word"
UNINDEXED_TABLE = f"{SCHEMA}.unindexed"

# What is told of an event where its data subject is asked for: `who`, and who may see it.
COVERED = (
    '"time"',
    '"account"',
    '"actor_id"',
    '"actor_type"',
    '"actor_name"',
    '"actor_organisation"',
    '"source"',
    '"resource_system"',
    '"action"',
    '"outcome"',
    '"decision_permit"',
    '"destination"',
    '"recipient"',
    '"rows_returned"',
    '"bytes_returned"',
    '"purpose"',
    '"case"',
    '"flags"',
)
_SUBJECT_COLUMNS = '"hash" UBIGINT, "index" BIGINT, "kind" VARCHAR, "key" VARCHAR'
_SESSION_COLUMNS = '"hash" UBIGINT, "account_hash" UBIGINT, "first_time" BIGINT, "last_time" BIGINT'
_SPAN_COLUMNS = (
    '"account" VARCHAR, "account_hash" UBIGINT, "system" VARCHAR, "begins" BIGINT, "ends" BIGINT, '
    '"person" VARCHAR, "person_hash" UBIGINT, "name" VARCHAR, "unit" VARCHAR, '
    '"units" VARCHAR[], "role" VARCHAR, '
    '"manager" VARCHAR, "zone" VARCHAR'
)


def _type(field: Field) -> str:
    if field.kind is Kind.REAL:
        return "DOUBLE"
    return _TYPES.get(storage_of(field), "VARCHAR")


def create_statements() -> list[str]:
    """Return the statements that make an empty index."""
    columns = ", ".join(f"{quoted(field)} {_type(field)}" for field in COLUMN_FIELDS)
    types = {quoted(field): _type(field) for field in COLUMN_FIELDS}
    covered = ", ".join(f"{name} {types.get(name, 'VARCHAR')}" for name in COVERED)
    events = (
        f'("index" BIGINT, "recorded" BIGINT, {columns}, "account" VARCHAR, "account_hash" UBIGINT)'
    )
    subject = '"hash", "index", "kind", "key"'
    return [
        f"CREATE TABLE {HOT_EVENTS} {events}",
        f"CREATE TABLE {SEALED_EVENTS} {events}",
        f"CREATE VIEW {EVENT_TABLE} AS {_both(HOT_EVENTS, SEALED_EVENTS, '*')}",
        f"CREATE TABLE {HOT_SUBJECTS} ({_SUBJECT_COLUMNS})",
        f"CREATE TABLE {SEALED_SUBJECTS} ({_SUBJECT_COLUMNS}, {covered})",
        f"CREATE VIEW {SUBJECT_TABLE} AS {_both(HOT_SUBJECTS, SEALED_SUBJECTS, subject)}",
        f"CREATE TABLE {SESSION_TABLE} ({_SESSION_COLUMNS})",
        f'CREATE TABLE {WORD_TABLE} ("hash" UBIGINT, "place" UTINYINT, "text" VARCHAR)',
        f'CREATE TABLE {TOKEN_TABLE} ("hash" UBIGINT, "index" BIGINT)',
        f'CREATE TABLE {UNINDEXED_TABLE} ("hash" UBIGINT, "first_index" BIGINT, "end" BIGINT)',
        f"CREATE TABLE {SPAN_TABLE} ({_SPAN_COLUMNS})",
        f"CREATE TABLE {WATERMARK_TABLE} (size BIGINT, spans BIGINT)",
        f"INSERT INTO {WATERMARK_TABLE} VALUES (0, 0)",
        f"CREATE TABLE {META_TABLE} (schema_version INTEGER, engine VARCHAR)",
        f"INSERT INTO {META_TABLE} VALUES ({SCHEMA_VERSION}, version())",
    ]


def _both(hot: str, sealed: str, columns: str) -> str:
    return f"SELECT {columns} FROM {sealed} UNION ALL SELECT {columns} FROM {hot}"


def _array(field: Field) -> tuple[int, int]:
    """Return the group of a field, and its position in the canonical array."""
    group = int(field.group)
    return group, 1 + _GROUPS[group - 1].index(field)


def _text(field: Field) -> str:
    """Return the SQL of a field's text in the list that its canonical array is read into."""
    group, position = _array(field)
    return f"l{group}[{position + 1}]"


def _column(field: Field, text: str) -> str:
    """Return the SQL of a column from the SQL of the field's text in the canonical array."""
    time = f"coalesce(TRY_CAST({text} AS BIGINT), recorded)"
    by_name = {
        "time": f"greatest(least({time}, {TIME_MAX}), -{TIME_MAX})",
        "source": f"coalesce({text}, '')",
        "action": f"coalesce({text}, 'other')",
    }
    by_storage = {
        Storage.SENTENCE: f"lower({text})",
        Storage.DIGEST: f"CASE WHEN trim({text}) <> '' THEN hash({text}) END",
        # The last field of its group, so the end of the bytes tells.
        Storage.PRESENCE: "g3 <> '' AND NOT ends_with(g3, ',null]') AND NOT ends_with(g3, ',{}]')",
        Storage.NUMBER: f"TRY_CAST({text} AS {_type(field)})",
        Storage.BOOLEAN: f"TRY_CAST({text} AS BOOLEAN)",
    }
    return by_name.get(field.name) or by_storage.get(storage_of(field), text)


def event_insert(groups: str) -> str:
    """Return the statement that fills `event_hot` from rows of index, recorded, g1, g2, g3.

    `groups` is the SQL they come from; an erased group is empty there.
    """
    columns = ", ".join(_column(field, _text(field)) for field in COLUMN_FIELDS)
    # Each array is read once, whole: a third of the cost of a path for every field.
    lists = ", ".join(
        f"from_json(nullif(g{group}, ''), '[\"VARCHAR\"]') AS l{group}" for group in (1, 2, 3)
    )
    head = f"[{CANONICAL_VERSION},"
    checked = (
        f"CASE WHEN starts_with(g3, '{head}') OR g3 = '' THEN g3 "
        "ELSE error('canonical bytes are of a version this program does not know') END"
    )
    actor, principals = (
        _text(next(field for field in ACTOR_FIELDS if field.name == name))
        for name in ("actor.id", "on_behalf_of")
    )
    first = f"CASE WHEN {principals} <> '[]' THEN json_extract_string({principals}, '$[0]') END"
    return (
        f'INSERT INTO {HOT_EVENTS} SELECT *, hash("account") '
        f'FROM (SELECT "index", recorded, {columns}, coalesce({first}, {actor}) AS "account" '
        f'FROM (SELECT "index", recorded, g3, {lists} '
        f'FROM (SELECT "index", recorded, g1, g2, {checked} AS g3 FROM ({groups}))))'
    )


def subject_insert(groups: str) -> str:
    """Return the statement that fills `subject_hot` from rows of index and g2."""
    subjects = next(field for field in DATA_SUBJECT_FIELDS if field.name == "subjects")
    path = f"$[{_array(subjects)[1]}]"
    hashed = SUBJECT_HASH.format(kind='"kind"', key='"key"')
    none = NO_DATA_SUBJECT.decode()
    return (
        f'INSERT INTO {HOT_SUBJECTS} SELECT {hashed}, "index", "kind", "key" FROM ('
        f"""SELECT "index", unnest(json_extract_string(g2, '{path}[*][0]')) AS "kind", """
        f"""unnest(json_extract_string(g2, '{path}[*][1]')) AS "key" """
        f"FROM ({groups}) WHERE g2 NOT IN ('', '{none}'))"
    )
