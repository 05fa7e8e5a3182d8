"""Kinds: what a directory says, kind by kind, and which columns say it.

A row is a tuple of values in the order of its kind's columns: text, an instant
(milliseconds since the epoch, none for "always"), or yes and no.  What identifies
a row from one load to the next is its key; `to` is exclusive everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from ombud.directory.span import BEGINNING, END

Values = tuple[Any, ...]
TEXT_MAX = 500  # Characters of one value: beyond any name, and 1,000 rows still fit an event.


class Type(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INSTANT = "instant"
    FLAG = "flag"
    ZONE = "zone"


class Column(NamedTuple):
    """One column: `is_key` when it is part of what identifies a row."""

    name: str
    type: Type
    is_required: bool
    is_key: bool


@dataclass(frozen=True)
class Kind:
    """One kind of row."""

    name: str
    columns: tuple[Column, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def key_positions(self) -> tuple[int, ...]:
        """Where the columns of the key stand."""
        return tuple(n for n, column in enumerate(self.columns) if column.is_key)

    def position(self, name: str) -> int:
        """Return where a column stands."""
        return self.names.index(name)

    def key_of(self, values: Values) -> list[Any]:
        """Return what identifies a row."""
        return [values[position] for position in self.key_positions]


def _kind(name: str, *columns: str) -> Kind:
    """Read columns as written here: `*` of the key, `!` required, `:type` unless text."""
    read = []
    for written in columns:
        stem, _, type_ = written.partition(":")
        bare = stem.strip("*!")
        read.append(Column(bare, Type(type_ or "text"), "!" in stem, "*" in stem))
    return Kind(name, tuple(read))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("person", "person*!", "name"),
        _kind("account", "account*!", "system*", "person!", "from*:instant", "to:instant"),
        _kind("unit", "unit*!", "name", "parent", "time_zone:zone", "from*:instant", "to:instant"),
        _kind("membership", "person*!", "unit*!", "role", "from*:instant", "to:instant"),
        _kind(
            "supervision",
            "unit*!",
            "supervisor*!",
            "acting:flag",
            "from*:instant",
            "to:instant",
        ),
        _kind("roster", "person*!", "from*!:instant", "to!:instant"),
        _kind("leave", "person*!", "kind", "from*!:instant", "to!:instant"),
        _kind(
            "relation",
            "person*!",
            "subject_kind*!",
            "subject_key*!",
            "relation*!",
            "from*:instant",
            "to:instant",
        ),
        _kind(
            "assignment",
            "person*",
            "unit*",
            "case*",
            "subject_kind*",
            "subject_key*",
            "from*:instant",
            "to:instant",
        ),
    )
}


class Row(NamedTuple):
    """One row and where it was read; line 0 is "as loaded", which has no file."""

    values: Values
    file: str
    line: int


Rows = dict[str, list[Row]]
LOADED = "the directory as loaded"


def row_id(kind: Kind, values: Values) -> str:
    """Return the text that identifies a row among all rows."""
    return f"{kind.name} {orjson.dumps(kind.key_of(values)).decode()}"


def body_of(values: Values) -> str:
    """Return the canonical text of a row: a JSON list in the order of the columns."""
    return orjson.dumps(values).decode()


def begins_of(instant: int | None) -> int:
    """Return an instant, or the beginning of all time."""
    return BEGINNING if instant is None else instant


def ends_of(instant: int | None) -> int:
    """Return an instant, or the end of all time."""
    return END if instant is None else instant
