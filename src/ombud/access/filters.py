"""Filters: row filters with what the attempt carries put in, so that only rows are left to ask.

`row.unit == actor.unit` becomes `row.unit == "north"`: whoever enforces it needs to
know nothing of the actor.
"""

from __future__ import annotations

import math
import re
from typing import Any

from ombud.access.condition_code import to_value
from ombud.access.condition_lexis import LENGTH_MAX, write_timestamp
from ombud.access.condition_syntax import parse_tree
from ombud.access.condition_tree import Attribute, Call, ConditionError, walk
from ombud.access.condition_types import declared_types
from ombud.access.model import Attributes
from ombud.access.scene import Scene
from ombud.core.errors import InputError

_ATTRIBUTE = re.compile(r"(actor|resource|action|context)\s*\.\s*([_a-zA-Z][_a-zA-Z0-9]*)")
_HAS = re.compile(rf"has\s*\(\s*{_ATTRIBUTE.pattern}\s*\)")
_SIDES = ("actor", "resource", "action", "context")


class FilterText:
    """A row filter, cut where values are put in; `text` is set if there are none.

    Raises `InputError` for a text that is no condition.
    """

    __slots__ = ("_holes", "_pieces", "text")

    def __init__(self, text: str, attributes: Attributes) -> None:
        types = declared_types(attributes, None)
        holes: list[tuple[int, int, str, str, str | None]] = []
        try:
            nodes = list(walk(parse_tree(text)))
        except ConditionError as error:
            message = f"row filter, column {error.column}: {error.message}"
            raise InputError(message) from None
        asked = [node for node in nodes if isinstance(node, Call) and node.function == "has"]
        inside = {id(argument) for node in asked for argument in node.arguments}
        for node in nodes:
            is_has = isinstance(node, Call) and node.function == "has"
            if not is_has and not (isinstance(node, Attribute) and id(node) not in inside):
                continue
            attribute = node.arguments[0] if isinstance(node, Call) else node
            if not isinstance(attribute, Attribute) or attribute.root == "row":
                continue
            found = (_HAS if is_has else _ATTRIBUTE).match(text, node.at)
            declared = types.get(attribute.root, {}).get(attribute.name)
            if found is None or found[2] != attribute.name or declared is None:
                raise InputError(f"row filter: `{attribute.full_name}` cannot be put in")
            kind = None if is_has else declared
            holes.append((found.start(), found.end(), attribute.root, attribute.name, kind))
        holes.sort()
        self._pieces: list[str] = []
        self._holes: list[tuple[int, str, str | None]] = []
        end = 0
        for start, stop, root, name, kind in holes:
            self._pieces.append(text[end:start])
            self._holes.append((_SIDES.index(root), name, kind))
            end = stop
        self._pieces.append(text[end:])
        self.text = None if holes else text

    def find_missing(self, scene: Scene) -> str | None:
        """Return the name of an attribute that has no value to put in; None if all have."""
        missing, _ = self._put_in(scene)
        return missing

    def put_in(self, scene: Scene) -> str:
        """Return the filter with values; only for a scene in which none is missing."""
        _, text = self._put_in(scene)
        return text

    def _put_in(self, scene: Scene) -> tuple[str | None, str]:
        made = [self._pieces[0]]
        for (side, name, kind), piece in zip(self._holes, self._pieces[1:], strict=True):
            value = scene.sides[side].get(name)
            if kind is None:
                written: str | None = "false" if value is None else "true"
            else:
                written = _write(value, kind)
            if written is None:
                return f"{_SIDES[side]}.{name}", "false"
            made += (written, piece)
        text = "".join(made)
        if len(text) > LENGTH_MAX:
            # Nobody could read it; the longest value is as good as none.
            return f"{_SIDES[self._holes[0][0]]}.{self._holes[0][1]}", "false"
        return None, text


def _write(value: Any, kind: str) -> str | None:
    """Return a value as a literal of CEL; None if there is no value of that kind."""
    read = to_value(value, kind)
    if read is None or (isinstance(read, float) and not math.isfinite(read)):
        return None
    if isinstance(read, bool):
        return "true" if read else "false"
    if kind == "timestamp":
        return f'timestamp("{write_timestamp(read)}")'
    if isinstance(read, int | float):
        return f"({read!r})" if read < 0 else repr(read)
    texts = [read] if isinstance(read, str) else list(read)
    quoted = [_quote(text) for text in texts]
    if not quoted or None in quoted:
        return None
    return str(quoted[0]) if isinstance(read, str) else f"[{', '.join(map(str, quoted))}]"


def _quote(text: str) -> str | None:
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return None
    signs = (
        f"\\{sign}" if sign in '\\"' else sign if sign.isprintable() else f"\\U{ord(sign):08x}"
        for sign in text
    )
    return f'"{"".join(signs)}"'
