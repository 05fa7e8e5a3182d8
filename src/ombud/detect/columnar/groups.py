"""Groups: the condition of a rule in the form in which it is put to many events.

What one rule demands of one field by alternatives is one group: a set of
predicates of which some value must meet one.  Equal groups of different rules
are one.  What is not said of a field, a keyword above all, stays as it is and
makes the condition opaque: only the whole event decides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.predicates import Predicate
from ombud.detect.matching.tree import All, Not, Some


@dataclass(frozen=True, slots=True)
class Group:
    """Some value of the field, or of the whole event if there is none, meets a predicate."""

    field: str | None
    predicates: frozenset[Predicate]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A condition of a kind unknown here."""

    node: Node


@dataclass(frozen=True, slots=True)
class Every:
    """All parts must hold."""

    parts: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part must hold."""

    parts: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Unless:
    """The part must not hold."""

    part: Form


Form = Group | FieldIsNull | FieldExists | FieldsAgree | Opaque | Every | Either | Unless


def form_of(node: Node) -> Form:
    """Return the condition with its alternatives for one field as groups, nested lists opened."""
    form: Form = Opaque(node)
    match node:
        case FieldIs(field, predicate):
            form = Group(field, frozenset((predicate,)))
        case Keyword(predicate):
            form = Group(None, frozenset((predicate,)))
        case FieldIsNull() | FieldExists() | FieldsAgree():
            form = node
        case All(parts):
            form = _every([form_of(part) for part in parts])
        case Some(parts):
            form = _either([form_of(part) for part in parts])
        case Not(part):
            form = Unless(form_of(part))
    return form


def _every(parts: Sequence[Form]) -> Form:
    """Return the conditions, those that must not hold as alternatives, of which none may."""
    opened: list[Form] = []
    for part in parts:
        opened.extend(part.parts if isinstance(part, Every) else (part,))
    refused = [part.part for part in opened if isinstance(part, Unless)]
    if len(refused) > 1:
        opened = [part for part in opened if not isinstance(part, Unless)]
        opened.append(Unless(_either(refused)))
    distinct = tuple(dict.fromkeys(opened))
    return distinct[0] if len(distinct) == 1 else Every(distinct)


def _either(parts: Sequence[Form]) -> Form:
    """Return the alternatives, those about one field as one group in the place of the first."""
    grouped: dict[str | None, list[Predicate]] = {}
    opened: dict[Form | tuple[str | None], None] = {}
    for part in parts:
        for one in part.parts if isinstance(part, Either) else (part,):
            if isinstance(one, Group):
                grouped.setdefault(one.field, []).extend(one.predicates)
                opened[one.field,] = None
            else:
                opened[one] = None
    distinct = tuple(
        Group(one[0], frozenset(grouped[one[0]])) if isinstance(one, tuple) else one
        for one in opened
    )
    return distinct[0] if len(distinct) == 1 else Either(distinct)


def is_decided_by_fields(form: Form) -> bool:
    """Whether the values of the fields named decide the condition."""
    return not any(
        isinstance(leaf, Opaque) or (isinstance(leaf, Group) and leaf.field is None)
        for leaf in leaves_of(form)
    )


def leaves_of(form: Form) -> Iterator[Group | FieldIsNull | FieldExists | FieldsAgree | Opaque]:
    """Yield the conditions that are not made of others, with repetitions."""
    stack: list[Form] = [form]
    while stack:
        one = stack.pop()
        if isinstance(one, Every | Either):
            stack.extend(reversed(one.parts))
        elif isinstance(one, Unless):
            stack.append(one.part)
        else:
            yield one


def fields_of(form: Form) -> list[str]:
    """Return the fields named, once each, in the order of first mention."""
    found: dict[str, None] = {}
    for leaf in leaves_of(form):
        if isinstance(leaf, FieldsAgree):
            found[leaf.field] = found[leaf.other] = None
        elif not isinstance(leaf, Opaque) and leaf.field is not None:
            found[leaf.field] = None
    return list(found)
