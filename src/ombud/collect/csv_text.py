"""CSV text: the fields of one record, of any size.

The standard library's reader refuses fields beyond a limit that is global to
the process; an audited statement may be longer.
"""

from __future__ import annotations

import re

_FIELD = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^,"]*+))(,|\Z)', re.DOTALL)
_FIELDS_MAX = 64  # No log of PostgreSQL has more columns; bounds what one record costs.


def split_csv(text: str, *, fields_max: int = _FIELDS_MAX) -> list[str] | None:
    """Return the fields of one record (RFC 4180), or None when it is not one."""
    fields: list[str] = []
    position = 0
    while len(fields) < fields_max:
        match = _FIELD.match(text, position)
        if match is None:
            return None
        quoted = match[1]
        fields.append(match[2] if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if not match[3]:
            return fields if position == len(text) else None
    return None
