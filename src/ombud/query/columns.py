"""Columns: where the index keeps each field, for the store that fills it and the SQL that asks.

Fields that nearly every query or event uses have a column of the table `event`.
The others lie in one column, `rest`, as a JSON array by position: null for most
events, so that they cost neither space nor insertion time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ombud.core.fields import BY_NAME, FIELDS, Field, Kind
from ombud.query.names import DIGESTS, PRESENCE_ONLY, SENTENCES

SCHEMA = "ix.main"  # The index file as it is attached.
EVENT_TABLE = f"{SCHEMA}.event"
SUBJECT_TABLE = f"{SCHEMA}.subject"

INDEX = '"index"'
RECORDED = '"recorded"'
REST = '"rest"'

_IN_REST = frozenset(
    {
        "on_behalf_of",
        "origin.device",
        "place.lat",
        "place.lon",
        "place.radius_m",
        "place.area",
        "resource.owner",
        "columns.filtered",
        "legal_basis",
        "agreement",
        "justification.checkpoint",
        "justification.wording",
        "decision.reasons",
        "decision.obligations",
        "decision.policy",
        "outcome.reason",
        "rows.requested",
        "bytes.requested",
        "rule.id",
        "alert.id",
        "attributes",
    }
)
REST_FIELDS: tuple[Field, ...] = tuple(field for field in FIELDS if field.name in _IN_REST)
COLUMN_FIELDS: tuple[Field, ...] = tuple(
    field for field in FIELDS if field.name not in _IN_REST and field.kind is not Kind.SUBJECTS
)
_REST_POSITIONS = {field.name: position for position, field in enumerate(REST_FIELDS)}


class Storage(Enum):
    """How a field lies in the index."""

    TEXT = auto()
    SENTENCE = auto()  # Text in lower case, searched inside.
    DIGEST = auto()  # 64-bit hash of text: whole values only.
    NUMBER = auto()
    BOOLEAN = auto()
    LIST = auto()  # JSON array of text.
    PRESENCE = auto()  # Whether there is a value.


@dataclass(frozen=True, slots=True)
class Column:
    """The SQL expression that yields a field of a row of `event`, and how to test it."""

    expression: str
    storage: Storage


def quoted(field: Field) -> str:
    """Return the name of the field's column."""
    return f'"{field.attribute}"'


def storage_of(field: Field) -> Storage:
    """Return how the index stores the field."""
    if field.name in PRESENCE_ONLY:
        return Storage.PRESENCE
    if field.name in SENTENCES:
        return Storage.SENTENCE
    if field.name in DIGESTS:
        return Storage.DIGEST
    return {
        Kind.INTEGER: Storage.NUMBER,
        Kind.INSTANT: Storage.NUMBER,
        Kind.REAL: Storage.NUMBER,
        Kind.BOOLEAN: Storage.BOOLEAN,
        Kind.TEXTS: Storage.LIST,
    }.get(field.kind, Storage.TEXT)


def column_of(name: str) -> Column:
    """Return where the field of this name is found; the name is one of the model's."""
    if name == "id":
        return Column(INDEX, Storage.NUMBER)
    if name == "ingested_at":
        return Column(RECORDED, Storage.NUMBER)
    field = BY_NAME[name]
    storage = storage_of(field)
    if name not in _REST_POSITIONS:
        return Column(quoted(field), storage)
    expression = f"json_extract_string({REST}, '$[{_REST_POSITIONS[name]}]')"
    if storage is Storage.NUMBER:
        sql_type = "DOUBLE" if field.kind is Kind.REAL else "BIGINT"
        expression = f"TRY_CAST({expression} AS {sql_type})"
    elif storage is Storage.SENTENCE:
        expression = f"lower({expression})"
    return Column(expression, storage)
