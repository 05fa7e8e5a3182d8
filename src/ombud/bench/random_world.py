"""Random world: the few names that random policies are made of, and conditions over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ombud.access.attempt import Attachment, Fulfilment, Grant, Spent
from ombud.access.model import Attributes, Policy

DAY_MS = 86_400_000
START = 20_000 * DAY_MS
NOWS = tuple(START + hours * 3_600_000 for hours in (0, 9, 26, 50, 99, 140))
ACTORS = (("person", "ana"), ("person", "ben"), ("person", "cy"), ("service", "bot"))
ACTIONS = ("read", "search", "export", "reveal")
COLUMNS = ("name", "born", "street")
LABELS = ("health", "identifier")
UNITS = ("north", "south")
ROLES = ("clerk", "chief")
AREAS = ("a1", "a2")
CODES = ("support", "legal")
ATTRIBUTES = Attributes(
    actor={"grade": "string", "cleared": "bool"},
    resource={"status": "string", "level": "int"},
    action={"soft": "bool"},
    context={"case": "string", "rank": "int"},
    stated=("grade",),
)
VALUES: Mapping[str, Sequence[Any]] = {
    "actor.grade": ("g1", "g2"),
    "actor.cleared": (True, False),
    "resource.status": ("open", "closed"),
    "resource.level": (1, 2, 3),
    "action.soft": (True, False),
    "context.case": ("c1", "c2"),
    "context.rank": (1, 2, 3),
}


@dataclass(frozen=True)
class Atom:
    """A comparison of one attribute with a value."""

    name: str
    op: str
    value: Any


@dataclass(frozen=True)
class Compound:
    """Conditions joined by `and` or `or`, or one of them turned round by `not`."""

    op: str
    parts: tuple[Atom | Compound, ...]


Formula = Atom | Compound


@dataclass
class World:
    """One policy with what is known besides; `formulas` has the meaning of each condition."""

    policy: Policy
    grants: tuple[Grant, ...]
    attachments: tuple[Attachment, ...]
    directory: dict[tuple[str, str], dict[str, Any]]
    fulfilments: tuple[Fulfilment, ...]
    spent: dict[tuple[str, str, str], Spent]
    formulas: dict[str, Formula] = field(default_factory=dict)


def write(formula: Formula) -> str:
    """Return a formula as the text of a condition."""
    if isinstance(formula, Atom):
        value = formula.value
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, str):
            value = f"'{value}'"
        return f"{formula.name} {formula.op} {value}"
    if formula.op == "not":
        return f"!({write(formula.parts[0])})"
    sign = " && " if formula.op == "and" else " || "
    return sign.join(f"({write(part)})" for part in formula.parts)
