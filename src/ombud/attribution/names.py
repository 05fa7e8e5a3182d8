"""Names: SQL names of tables, views and functions, split and written as PostgreSQL does.

PostgreSQL 15 documentation, section 4.1.1.  A declared name is read as the
catalogue has it: quotes are taken off, and letters keep their case.
"""

from __future__ import annotations

import re

_PART = r'(?:"((?:[^"\x00]|"")+)"|([^\s".\x00]+))'
_TWO_PARTS = re.compile(rf"{_PART}\.{_PART}")
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")

Name = tuple[str, str]  # Schema and name, without quotes.


def split_name(text: str) -> Name | None:
    """Return schema and name of `schema.name`, either part quoted or not; None for another form."""
    match = _TWO_PARTS.fullmatch(text)
    if match is None:
        return None
    schema = match[2] or match[1].replace('""', '"')
    return schema, match[4] or match[3].replace('""', '"')


def quote_name(name: Name) -> str:
    """Return a name as PostgreSQL's log writes it: a part is quoted where it is not plain.

    A keyword is not: the log quotes `public."user"`, and that is split the same.
    """
    return ".".join(
        part if _PLAIN.fullmatch(part) else '"' + part.replace('"', '""') + '"' for part in name
    )
