"""Decision layout: the canonical groups of what decisions say, written without an event.

Most fields of the event model are absent from a decision.  Decisions that say the same
fields share a layout: the nulls between two values are written beforehand, as one
piece.
"""

from __future__ import annotations

from typing import Any

import orjson

from ombud.core.canonical import NO_DATA_SUBJECT
from ombud.core.errors import InputError
from ombud.core.fields import ACTOR_FIELDS, CANONICAL_VERSION, CONTENT_FIELDS, DATA_SUBJECT_FIELDS

LAYOUTS_MAX = 1_024  # Sets of fields that decisions say, in the order of saying: some dozens.

Json = dict[str, Any]

_GROUPS = tuple(
    tuple(field.attribute for field in group)
    for group in (ACTOR_FIELDS, DATA_SUBJECT_FIELDS, CONTENT_FIELDS)
)


def dumps(value: object) -> bytes:
    """Return the canonical JSON of a value; raises `InputError` when it has none."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:  # Beyond 64 bits, too deep, no Unicode.
        raise InputError(f"what was said has no canonical form: {error}") from error


class _Layout:
    """Where the values of one group stand in its canonical form, and what stands between."""

    __slots__ = ("_parts", "places")

    def __init__(self, names: tuple[str, ...], said: Json) -> None:
        self.places: list[tuple[int, str]] = []
        self._parts: list[orjson.Fragment | None] = []
        between = [str(CANONICAL_VERSION)]
        for name in names:
            if name not in said:
                between.append("null")
                continue
            self._close(between)
            between = []
            self.places.append((len(self._parts), name))
            self._parts.append(None)
        self._close(between)

    def _close(self, between: list[str]) -> None:
        if between:
            self._parts.append(orjson.Fragment(",".join(between)))

    def write(self, said: Json) -> bytes:
        """Return the group of what says the very fields that the layout was made from."""
        parts: list[Any] = self._parts.copy()
        for place, name in self.places:
            parts[place] = said[name]
        return dumps(parts)


_layouts: dict[tuple[str, ...], tuple[_Layout, ...]] = {}


def write_groups(said: Json) -> tuple[bytes, bytes, bytes]:
    """Return the canonical groups of what is said, by attribute: actor, data subject, content."""
    shape = tuple(said)
    layouts = _layouts.get(shape)
    if layouts is None:
        if len(_layouts) >= LAYOUTS_MAX:
            _layouts.clear()
        layouts = tuple(_Layout(names, said) for names in _GROUPS)
        _layouts[shape] = layouts
    actor, data_subject, content = layouts
    return (
        actor.write(said),
        data_subject.write(said) if data_subject.places else NO_DATA_SUBJECT,
        content.write(said),
    )
