"""CSV text: the fields of one record, of any size.

The standard library's reader refuses fields beyond a limit that is global to
the process; an audited statement may be longer.
"""

from __future__ import annotations

import functools
import re

_FIELD = r'(?:"((?:[^"]++|"")*+)"|([^%s"]*+))(%s|\Z)'
_FIELDS_MAX = 64  # No log of PostgreSQL has more columns; bounds what one record costs.


@functools.cache
def _field(delimiter: str) -> re.Pattern[str]:
    """Return what a field and the end of it look like."""
    escaped = re.escape(delimiter)
    return re.compile(_FIELD % (escaped, escaped), re.DOTALL)


_COMMA = _field(",")


def split_csv(text: str, *, delimiter: str = ",") -> list[str] | None:
    """Return the fields of one record (RFC 4180), or None when it is not one."""
    field = _COMMA if delimiter == "," else _field(delimiter)
    fields: list[str] = []
    position = 0
    while len(fields) < _FIELDS_MAX:
        match = field.match(text, position)
        if match is None:
            return None
        quoted = match[1]
        fields.append(match[2] if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if not match[3]:
            return fields if position == len(text) else None
    return None
