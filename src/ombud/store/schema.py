"""Schema: the tables of the index, and how canonical bytes become their rows.

The engine itself reads the canonical arrays, so that no event passes through
Python and one projection serves batches and segments alike.  Tables:

- `event`: one row an event, in log order; fields by `ombud.query.columns`.
- `subject`: one row for each data subject of an event; `bucket` is a 32-bit hash
  of kind and key, compared before the texts are.
- `watermark`: how many events of the record have been applied.

The place of further side tables, each filled in `fill_statements` in the same
transaction: `session` (bounds of declared sessions), `token` (words by hash),
`place` (cells searched).  A change of any of this is a new `SCHEMA_VERSION`.
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
    SCHEMA,
    SPAN_TABLE,
    SUBJECT_TABLE,
    Storage,
    quoted,
    storage_of,
)
from ombud.query.sql import BUCKET

TIME_MAX = 4 * 10**18  # Beyond any calendar; the difference of two still fits 64 bits.
# Another one in the file, or another version of the engine, whose hashes may
# differ: the index is built anew.
SCHEMA_VERSION = 2

_TYPES = {
    Storage.DIGEST: "UBIGINT",
    Storage.NUMBER: "BIGINT",
    Storage.BOOLEAN: "BOOLEAN",
    Storage.PRESENCE: "BOOLEAN",
}
_GROUPS: tuple[tuple[Field, ...], ...] = (ACTOR_FIELDS, DATA_SUBJECT_FIELDS, CONTENT_FIELDS)
WATERMARK_TABLE = f"{SCHEMA}.watermark"
META_TABLE = f"{SCHEMA}.meta"
_SPAN_COLUMNS = (
    '"account" VARCHAR, "account_hash" UBIGINT, "system" VARCHAR, "begins" BIGINT, "ends" BIGINT, '
    '"person" VARCHAR, "name" VARCHAR, "unit" VARCHAR, "units" VARCHAR[], "role" VARCHAR, '
    '"manager" VARCHAR, "zone" VARCHAR'
)


def _type(field: Field) -> str:
    if field.kind is Kind.REAL:
        return "DOUBLE"
    return _TYPES.get(storage_of(field), "VARCHAR")


def create_statements() -> list[str]:
    """Return the statements that make an empty index."""
    columns = ", ".join(f"{quoted(field)} {_type(field)}" for field in COLUMN_FIELDS)
    account = '"account" VARCHAR, "account_hash" UBIGINT'
    subject_columns = '"bucket" UINTEGER, "index" BIGINT, "kind" VARCHAR, "key" VARCHAR'
    return [
        f'CREATE TABLE {EVENT_TABLE} ("index" BIGINT, "recorded" BIGINT, {columns}, {account})',
        f"CREATE TABLE {SPAN_TABLE} ({_SPAN_COLUMNS})",
        f"CREATE TABLE {SUBJECT_TABLE} ({subject_columns})",
        f"CREATE TABLE {WATERMARK_TABLE} (size BIGINT, spans BIGINT)",
        f"INSERT INTO {WATERMARK_TABLE} VALUES (0, 0)",
        f"CREATE TABLE {META_TABLE} (schema_version INTEGER, engine VARCHAR)",
        f"INSERT INTO {META_TABLE} VALUES ({SCHEMA_VERSION}, version())",
    ]


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
        Storage.PRESENCE: "g3 <> '' AND NOT ends_with(g3, ',null]')",
        Storage.NUMBER: f"TRY_CAST({text} AS {_type(field)})",
        Storage.BOOLEAN: f"TRY_CAST({text} AS BOOLEAN)",
    }
    return by_name.get(field.name) or by_storage.get(storage_of(field), text)


def event_insert(groups: str) -> str:
    """Return the statement that fills `event` from rows of index, recorded, g1, g2, g3.

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
        f'INSERT INTO {EVENT_TABLE} SELECT *, hash("account") '
        f'FROM (SELECT "index", recorded, {columns}, coalesce({first}, {actor}) AS "account" '
        f'FROM (SELECT "index", recorded, g3, {lists} '
        f'FROM (SELECT "index", recorded, g1, g2, {checked} AS g3 FROM ({groups}))))'
    )


def subject_insert(groups: str) -> str:
    """Return the statement that fills `subject` from rows of index and g2."""
    subjects = next(field for field in DATA_SUBJECT_FIELDS if field.name == "subjects")
    path = f"$[{_array(subjects)[1]}]"
    bucket = BUCKET.format(kind='"kind"', key='"key"')
    none = NO_DATA_SUBJECT.decode()
    return (
        f'INSERT INTO {SUBJECT_TABLE} SELECT {bucket}, "index", "kind", "key" FROM ('
        f"""SELECT "index", unnest(json_extract_string(g2, '{path}[*][0]')) AS "kind", """
        f"""unnest(json_extract_string(g2, '{path}[*][1]')) AS "key" """
        f"FROM ({groups}) WHERE g2 NOT IN ('', '{none}'))"
    )
