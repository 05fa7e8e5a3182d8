"""Wording: what a rule demands of a value, in the words in which rules are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ombud.detect.matching.predicates import (
    Compare,
    Network,
    Number,
    NumberWithin,
    Predicate,
    Regex,
    Text,
    TimePart,
    Truth,
    Wild,
)

_FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))


@dataclass(frozen=True, slots=True)
class Demand:
    """A value as a rule writes it, and the modifiers before it; text is in lower case.

    In a text without modifiers, `*` and `?` are wildcards unless a backslash is before them.
    """

    modifiers: tuple[str, ...]
    value: str | int | float | bool


def demand_of(predicate: Predicate) -> Demand:
    """Return what a predicate demands, as a rule would write it; raises `TypeError` for others."""
    demand: Demand | None = None
    match predicate:
        case Text():
            demand = _text(predicate)
        case Number():
            demand = Demand((), predicate.number)
        case NumberWithin(text):
            demand = Demand(("contains",), text)
        case Truth(truth):
            demand = Demand((), truth)
        case Regex(pattern, flags):
            letters = tuple(letter for flag, letter in _FLAGS if flags & flag)
            demand = Demand(("re", *letters), pattern)
        case Network(cidr):
            demand = Demand(("cidr",), cidr)
        case Compare(operator, bound, part):
            demand = Demand((operator,) if part is None else (part, operator), bound)
        case TimePart(part, number):
            demand = Demand((part,), number)
    if demand is not None:
        return demand
    raise TypeError(f"no words for a predicate of kind `{type(predicate).__name__}`")


def _text(pattern: Text) -> Demand:
    cased = ("cased",) if pattern.cased else ()
    for modifier, literal in (
        ("startswith", pattern.prefix),
        ("endswith", pattern.suffix),
        ("contains", pattern.infix),
    ):
        if literal is not None:
            return Demand((modifier, *cased), literal)
    if pattern.exact is not None and not set("*?") & set(pattern.exact):
        return Demand(cased, pattern.exact)
    written = (
        token.value if isinstance(token, Wild) else re.sub(r"([*?])", r"\\\1", token)
        for token in pattern.tokens
    )
    return Demand(cased, "".join(written))


def sigma_value(value: Any) -> str:
    """Return a value as a rule writes it, on one line: text in quotes where YAML needs them."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if value and _PLAIN.fullmatch(value) and value.lower() not in _NO_TEXT:
        return value
    return "'" + value.replace("'", "''") + "'"


_PLAIN = re.compile(r"[A-Za-z_/\\.~][^\x00-\x1f\"',:\[\]{}#&*!|>%@`]*(?<! )")
_NO_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "~"})
