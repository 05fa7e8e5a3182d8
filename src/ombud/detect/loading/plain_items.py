"""Plain items: fields with texts as most rules have them, read without pySigma.

Nine values of ten in public rules are texts with at most `contains`, `startswith`,
`endswith` and `all`; pySigma takes most of the time of loading for them.  What is
read here is read as pySigma reads it; anything else is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ombud.detect.matching.atoms import FieldIs
from ombud.detect.matching.predicates import Text, Wild, text_pattern

_MANY = Wild.MANY
_WILDS = {"*": Wild.MANY, "?": Wild.ONE}
_SPECIAL = re.compile(r"\\[\\*?]|[*?]")
_Wrap = Callable[[tuple[str | Wild, ...]], tuple[str | Wild, ...]]
_WRAPS: Mapping[str, _Wrap] = {
    "": lambda tokens: tokens,
    "contains": lambda tokens: (_MANY, *tokens, _MANY),
    "startswith": lambda tokens: (*tokens, _MANY),
    "endswith": lambda tokens: (_MANY, *tokens),
}


def plain_item(key: str, value: Any) -> tuple[list[FieldIs], bool] | None:
    """Return the atoms of one field of a selection, and whether all of them must match.

    None if it is not so plain.
    """
    field, _, modifiers = key.partition("|")
    modifier, _, last = modifiers.partition("|")
    if modifier == "all" and not last:
        modifier, last = "", "all"
    wrap = _WRAPS.get(modifier)
    values = value if value.__class__ is list else [value]
    if not field or wrap is None or last not in {"", "all"} or not values:
        return None
    if key.endswith("|") or any(one.__class__ is not str for one in values):
        return None
    return [FieldIs(field, _text(one, wrap)) for one in values], last == "all"


def _text(text: str, wrap: _Wrap) -> Text:
    if text and _SPECIAL.search(text) is None:
        return Text(wrap((text.lower(),)))
    tokens: list[str | Wild] = []
    start = 0
    for found in _SPECIAL.finditer(text):
        tokens.append(text[start : found.start()])
        special = found[0]
        tokens.append(special[1] if len(special) == 2 else _WILDS[special])
        start = found.end()
    return text_pattern(wrap((*tokens, text[start:])))
