"""Near misses: why a value or a name of a field was almost what a rule demands.

A hint is a sentence for whoever wrote the rule; no hint changes what matches.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from ombud.detect.matching.paths import EventView, find_values, leaves
from ombud.detect.matching.predicates import (
    Compare,
    Network,
    Number,
    Predicate,
    Regex,
    Text,
    TimePart,
    Truth,
    text_pattern,
    time_part,
)
from ombud.detect.matching.values import lower_text_of, number_of, text_of
from ombud.detect.view import KNOWN_FIELDS

PATHS_MAX = 5000  # Names of one event that are looked through.
OPTIONS_MAX = 1000  # Values of one list of a rule that are compared.
LENGTH_MAX = 200  # Characters: comparing longer texts by likeness takes long.
NAMES_MAX = 3  # Names proposed for one field.
HINTS_MAX = 3  # Hints about one condition.
CONTAINED_MIN = 3  # Characters: shorter text is contained in nearly everything.
_ALIKE = 0.84  # Of `difflib`: two letters of twelve may be others.


def paths_of(view: EventView) -> list[str]:
    """Return the names under which an event carries values, each once, up to a bound."""
    return list(dict.fromkeys(path for path, _ in islice(leaves(view), PATHS_MAX)))


def names_near(field: str, known: Sequence[str]) -> list[str]:
    """Return the known names most like a field's: but for case, by their last part, by spelling."""
    lower = field.lower()
    last = lower.rpartition(".")[2]
    same = [name for name in known if name.lower() == lower]
    below = [name for name in known if name.lower().endswith("." + lower)]
    ends = [name for name in known if name.lower().rpartition(".")[2] == last]
    close: list[str] = []
    if len(field) <= LENGTH_MAX:
        shorter = [name for name in known if len(name) <= LENGTH_MAX]
        close = get_close_matches(field, shorter, n=NAMES_MAX, cutoff=_ALIKE)
    found = dict.fromkeys((*same, *below, *ends, *close))
    return [name for name in found if name != field][:NAMES_MAX]


def field_hints(field: str, paths: Sequence[str]) -> list[str]:
    """Return what an event without this field carries in its stead.

    A name of the event model is right, or its rule would be refused: nothing stands in for it.
    """
    near = () if field in KNOWN_FIELDS else names_near(field, paths)
    return [f"the event has `{name}`" for name in near]


def value_hints(predicates: Sequence[Predicate], values: Sequence[Any]) -> list[str]:
    """Return how near the values of a field came to any of several demands that none met."""
    hints: dict[str, None] = {}
    for value in islice((value for value in values if value is not None), OPTIONS_MAX):
        for predicate in predicates[:OPTIONS_MAX]:
            hint = _hint(predicate, value)
            if hint:
                hints[hint] = None
            if len(hints) == HINTS_MAX:
                return list(hints)
    return list(hints) or _alike(predicates, values)


def null_hints(values: Sequence[Any]) -> list[str]:
    """Return what looks like null and is none."""
    return ["empty text is not null"] if "" in values else []


def keyword_hints(predicates: Sequence[Predicate], paths: Iterable[str]) -> list[str]:
    """Return names of fields in which a keyword stands, where none is looked for."""
    checks = [predicate.check() for predicate in predicates[:OPTIONS_MAX]]
    named = (path for path in paths if any(check(path) for check in checks))
    return [f"only in the name of `{name}`: keywords are values" for name in islice(named, 1)]


def _hint(predicate: Predicate, value: Any) -> str | None:
    match predicate:
        case Text():
            return _text_hint(predicate, value)
        case Network():
            return _network_hint(value)
        case Number():
            return _number_hint(predicate, value)
        case Compare() | TimePart():
            return _quantity_hint(predicate.part, value)
    return _word_hint(predicate, value)


def _number_hint(predicate: Number, value: Any) -> str | None:
    if isinstance(value, bool):
        return f"`{text_of(value)}` is a boolean, never a number"
    if number_of(value) == predicate.number:
        return f"as text, `{_cut(value)}` is written otherwise than {predicate.text}"
    return None


def _quantity_hint(part: str | None, value: Any) -> str | None:
    if part is None:
        return None if number_of(value) is not None else f"`{_cut(value)}` is no number"
    told = time_part(value, part)
    if told is None:
        return f"`{_cut(value)}` is neither ISO 8601 nor milliseconds"
    return f"its {part} is {told}"


def _word_hint(predicate: Predicate, value: Any) -> str | None:
    if isinstance(predicate, Truth) and lower_text_of(value) in _LIKE_TRUTH[predicate.truth]:
        return f"`{_cut(value)}` is not `{text_of(predicate.truth)}`"
    if isinstance(predicate, Regex):
        folded = Regex(predicate.pattern, predicate.flags | re.IGNORECASE)
        if folded.check()(value):
            return "but for case: `re` minds it, `re|i` does not"
    return None


_LIKE_TRUTH = {
    True: frozenset({"1", "yes", "on", "y", "t"}),
    False: frozenset({"0", "no", "off", "n", "f"}),
}


def _text_hint(pattern: Text, value: Any) -> str | None:
    text = text_of(value)
    if pattern.cased and text_pattern(pattern.tokens).check()(text):
        return "but for case, which `cased` minds"
    check = pattern.check()
    if isinstance(value, str) and text != text.strip() and check(text.strip()):
        return "but for the spaces around it"
    exact = pattern.exact
    if exact is not None and _is_other_number(exact, value):
        return f"the number `{_cut(value)}` is written otherwise"
    literal = exact or pattern.prefix or pattern.suffix or ""
    if len(literal) >= CONTAINED_MIN and literal in (text if pattern.cased else text.lower()):
        if exact is not None:
            return "it is contained, but the whole value must be equal"
        place = "start" if pattern.prefix is not None else "end"
        return f"it is contained, but not at the {place}"
    return None


def _is_other_number(text: str, value: Any) -> bool:
    number = number_of(text)
    return number is not None and number == number_of(value)


def _network_hint(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"`{_cut(value)}` is no text of an address"
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return f"`{_cut(value)}` is no address"
    return None


def _alike(predicates: Sequence[Predicate], values: Sequence[Any]) -> list[str]:
    """Return the demanded text that is spelled most like a value."""
    options = [
        predicate.exact
        for predicate in predicates[:OPTIONS_MAX]
        if isinstance(predicate, Text) and predicate.exact and len(predicate.exact) <= LENGTH_MAX
    ]
    for value in islice((value for value in values if value is not None), HINTS_MAX):
        text = lower_text_of(value)
        if len(text) <= LENGTH_MAX and (close := get_close_matches(text, options, 1, _ALIKE)):
            return [f"`{_cut(value)}` is spelled almost like `{close[0]}`"]
    return []


def agree_hints(view: EventView, fields: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Return what an event without one of two fields carries in its stead."""
    hints: list[str] = []
    for field in fields:
        if not find_values(view, field):
            hints.append(f"`{field}` is missing")
            hints += field_hints(field, paths)
    return hints


def _cut(value: Any) -> str:
    text = text_of(value)
    return text if len(text) <= 40 else text[:39] + "…"
