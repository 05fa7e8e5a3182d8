"""Control change: what one control event changes in one row of a control table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from ombud.core.event import Event

CONTROL = "ombud.control"  # The source of control events.


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row: a whole new row, or some columns of the row there is."""

    table: str
    key: str
    values: dict[str, Any]
    is_whole: bool = True


# The shape of an event's attributes, and what an event of that shape changes.
Projection = tuple[type, Callable[[Event, Any], Change | list[Change]]]


def json_text(value: Any) -> str:
    """Return a value as the text that a control table keeps."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
