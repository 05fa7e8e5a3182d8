"""Columns: where the index keeps each field, for the store that fills it and the SQL that asks.

Every field has a column of `event`; one that is null throughout takes no space on
disk and about 40 ns of an event's insertion.  `event` and `subject` are views: the
latest rows, as they came (hot), and all older ones, sorted by what is asked (sealed).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ombud.core.fields import BY_NAME, FIELDS, Field, Kind
from ombud.query.names import DIGESTS, PRESENCE_ONLY, SENTENCES

SCHEMA = "ix.main"  # The index file as it is attached.
EVENT_TABLE = f"{SCHEMA}.event"
SUBJECT_TABLE = f"{SCHEMA}.subject"
HOT_EVENTS = f"{SCHEMA}.event_hot"
SEALED_EVENTS = f"{SCHEMA}.event_sealed"
HOT_SUBJECTS = f"{SCHEMA}.subject_hot"
SEALED_SUBJECTS = f"{SCHEMA}.subject_sealed"
TOKEN_TABLE = f"{SCHEMA}.token"
SPAN_TABLE = f"{SCHEMA}.account_span"

INDEX = '"index"'
RECORDED = '"recorded"'
# Whose account acted: first of `on_behalf_of`, else the actor.  Sealed events are sorted by
# its hash, so who asks for an account compares the hash first, here and in `account_span`.
ACCOUNT = '"account"'
ACCOUNT_HASH = '"account_hash"'

COLUMN_FIELDS: tuple[Field, ...] = tuple(
    field for field in FIELDS if field.kind is not Kind.SUBJECTS
)


class Storage(Enum):
    """How a field lies in the index."""

    TEXT = auto()
    SENTENCE = auto()  # Text in lower case, searched inside.
    DIGEST = auto()  # 64-bit hash of text: whole values only.
    NUMBER = auto()
    BOOLEAN = auto()
    LIST = auto()  # JSON array of text.
    MAP = auto()  # JSON object.
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
        Kind.MAP: Storage.MAP,
    }.get(field.kind, Storage.TEXT)


def column_of(name: str) -> Column:
    """Return where the field of this name is found; the name is one of the model's."""
    if name == "id":
        return Column(INDEX, Storage.NUMBER)
    if name == "ingested_at":
        return Column(RECORDED, Storage.NUMBER)
    if name == "account":
        return Column(ACCOUNT, Storage.TEXT)
    field = BY_NAME[name]
    return Column(quoted(field), storage_of(field))
