"""SQL text: values and names as Trino and PostgreSQL read them, so that none can break out.

What a dialect cannot hold (NUL, half a surrogate pair, a name it would cut short)
raises `RenderError`; nothing is ever left out.
"""

from __future__ import annotations

import re
import string
from enum import StrEnum
from typing import Any

from ombud.access.condition_lexis import write_timestamp
from ombud.core.errors import InputError


class Dialect(StrEnum):
    """Whose SQL is written."""

    TRINO = "trino"
    POSTGRESQL = "postgresql"


class RenderError(InputError):
    """Something that has no safe form in a dialect of SQL."""

    code = "render"


NAME_BYTES_MAX = 63  # PostgreSQL cuts longer names, which may then name another column.
_TRINO_NAME_MAX = 255
_INT32_MAX = (1 << 31) - 1
_TYPE_TOKEN = re.compile(r'[A-Za-z_][A-Za-z0-9_]*|[0-9]{1,9}|"(?:[^"\0]|"")+"|[(),.\[\]]|[ \t\n]+')
_TYPE_START = frozenset(f'{string.ascii_letters}_"')
_BRACKETS = {"(": ")", "[": "]"}
_TYPE_MAX = 1_000  # Characters of a type; rows within rows have long ones.


def quote_name(name: str, dialect: Dialect) -> str:
    """Return a quoted identifier; it means exactly this name."""
    _check_text(name)
    size, most = len(name.encode()), _TRINO_NAME_MAX
    if dialect is Dialect.POSTGRESQL:
        most = NAME_BYTES_MAX
    if not 0 < size <= most:
        raise RenderError(f"a column name of {size} bytes; {dialect} takes 1 to {most}")
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str, dialect: Dialect) -> str:
    """Return a text literal.

    PostgreSQL gets `E'…'` where there is a backslash, which reads the same whatever
    `standard_conforming_strings` says.
    """
    _check_text(text)
    quoted = text.replace("'", "''")
    if dialect is Dialect.POSTGRESQL and "\\" in quoted:
        return "E'" + quoted.replace("\\", "\\\\") + "'"
    return f"'{quoted}'"


def quote_value(value: Any, kind: str, dialect: Dialect) -> str:
    """Return a literal of a type of conditions."""
    is_trino = dialect is Dialect.TRINO
    if kind == "string":
        written = quote_text(value, dialect)
    elif kind == "bool":
        written = "TRUE" if value else "FALSE"
    elif kind == "int":
        written = f"BIGINT '{value}'" if is_trino else f"'{value}'::bigint"
        if abs(value) <= _INT32_MAX:
            written = f"({value})" if value < 0 else str(value)
    elif kind == "double":
        written = f"DOUBLE '{value!r}'" if is_trino else f"'{value!r}'::double precision"
    elif kind == "timestamp":
        instant = write_timestamp(value).replace("T", " ").removesuffix("Z")
        is_of_postgres = f"'{instant}+00'::timestamp with time zone"
        written = f"TIMESTAMP '{instant} UTC'" if is_trino else is_of_postgres
    else:
        raise RenderError(f"a value of type {kind} has no form in SQL")
    return written


def check_type(written: str) -> str:
    """Return the text of a column's type, made of nothing but names, numbers and brackets.

    Raises `RenderError` for anything else, so that a type cannot carry SQL.
    """
    text = written.strip()
    pieces: list[str] = []
    place, awaited = 0, ""  # Closing brackets, the next one last.
    is_type = 0 < len(text) <= _TYPE_MAX and text[0] in _TYPE_START
    while is_type and place < len(text):
        found = _TYPE_TOKEN.match(text, place)
        piece = found[0] if found else ";"
        is_type = found is not None
        if piece in _BRACKETS:
            awaited += _BRACKETS[piece]
        elif piece in _BRACKETS.values():
            is_type = awaited.endswith(piece)
            awaited = awaited[:-1]
        pieces.append(" " if piece.isspace() else piece)
        place += len(piece)
    if not is_type or awaited:
        raise RenderError(f"`{written[:60]}` is no type of a column")
    return "".join(pieces)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise RenderError("a text with NUL has no form in SQL")
    try:
        text.encode()
    except UnicodeError:
        raise RenderError("half a surrogate pair has no form in SQL") from None
