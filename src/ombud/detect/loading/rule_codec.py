"""Rule codec: a rule set as bytes and back, so that it need not be parsed again.

Plain values in msgpack: reading them makes data and runs nothing.  Equal
conditions are written once and shared again when read.  Bytes that are no rule
set raise `ValueError`, whatever they are; that they are the right ones is for
whoever keeps them to make sure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ombud.detect.correlation.model import Correlation
from ombud.detect.guidance import Guidance
from ombud.detect.loading.filters import Filter
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.logsource import LogSource
from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
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
from ombud.detect.matching.tree import All, Not, Some
from ombud.detect.rule import Refusal, Rule

FORMAT: Final = 1  # Any change of what is written here, or of what a rule is made of, is another.

_WILDS = (Wild.MANY, Wild.ONE)  # Written as their places.
_PREDICATES: tuple[tuple[type[Predicate], tuple[str, ...]], ...] = (
    (Number, ("text",)),
    (NumberWithin, ("text",)),
    (Truth, ("truth",)),
    (Regex, ("pattern", "flags")),
    (Network, ("cidr",)),
    (Compare, ("operator", "bound", "part")),
    (TimePart, ("part", "number")),
)
_TEXTS = _TEXT, _CASED = (0, 1)  # Then the kinds above, in order.
_KIND_OF = {kind: place for place, (kind, _) in enumerate(_PREDICATES, start=len(_TEXTS))}
_IS, _NULL, _EXISTS, _AGREE, _KEYWORD, _ALL, _SOME, _NOT = range(8)


class _Condition(msgspec.Struct, array_like=True, frozen=True):
    """What rules and filters have in common."""

    id: str
    version: str
    title: str
    path: str
    name: str | None
    logsource: tuple[str | None, str | None, str | None]
    tree: int
    fields: list[int]


class _Rule(msgspec.Struct, array_like=True, frozen=True):
    common: _Condition
    level: str
    guidance: Guidance
    status: str | None
    tags: tuple[str, ...]
    filters: tuple[str, ...]


class _Filter(msgspec.Struct, array_like=True, frozen=True):
    common: _Condition
    rules: tuple[str, ...] | None


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    format: int
    names: list[str]  # Of fields.
    predicates: list[list[Any]]
    nodes: list[list[Any]]  # Each after its parts.
    rules: list[_Rule]
    filters: list[_Filter]
    refusals: tuple[Refusal, ...]
    correlations: tuple[Correlation, ...]


_DECODER = msgspec.msgpack.Decoder(_Stored)


def encode_rules(rule_set: RuleSet) -> bytes:
    """Return a rule set as bytes; the same set gives the same bytes."""
    tables = _Tables()
    rules = [
        _Rule(tables.common(rule), rule.level, rule.guidance, rule.status, rule.tags, rule.filters)
        for rule in rule_set.rules
    ]
    filters = [_Filter(tables.common(one), one.rules) for one in rule_set.filters]
    return msgspec.msgpack.encode(
        _Stored(
            FORMAT,
            list(tables.names),
            tables.predicates.rows,
            tables.nodes.rows,
            rules,
            filters,
            rule_set.refusals,
            rule_set.correlations,
        )
    )


def decode_rules(data: bytes) -> RuleSet:
    """Return the rule set of these bytes; raises `ValueError` for bytes that are none."""
    try:
        stored = _DECODER.decode(data)
        if stored.format != FORMAT:
            raise ValueError(f"format {stored.format}")
        predicates = [_predicate(row) for row in stored.predicates]
        nodes = _nodes(stored.nodes, stored.names, predicates)
        return RuleSet(
            tuple(_rule(row, nodes, stored.names) for row in stored.rules),
            stored.refusals,
            tuple(_filter(row, nodes, stored.names) for row in stored.filters),
            stored.correlations,
        )
    except (msgspec.MsgspecError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"no rule set: {error}") from error


class _Table:
    """Rows, equal ones once."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._places: dict[bytes, int] = {}

    def place(self, row: list[Any]) -> int:
        """Return where a row stands."""
        # As bytes 1, 1.0 and true are apart.
        place = self._places.setdefault(msgspec.msgpack.encode(row), len(self.rows))
        if place == len(self.rows):
            self.rows.append(row)
        return place


class _Tables:
    """Everything that several rules share."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.predicates = _Table()
        self.nodes = _Table()

    def common(self, one: Rule | Filter) -> _Condition:
        """Return what a rule or filter shares, its tree as a place."""
        source = one.logsource
        return _Condition(
            one.id,
            one.version,
            one.title,
            one.path,
            one.name,
            (source.product, source.service, source.category),
            self._node(one.tree),
            sorted(map(self._name, one.fields)),
        )

    def _name(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def _predicate(self, predicate: Predicate) -> int:
        if isinstance(predicate, Text):
            tokens = (
                _WILDS.index(token) if isinstance(token, Wild) else token
                for token in predicate.tokens
            )
            return self.predicates.place([_CASED if predicate.cased else _TEXT, *tokens])
        kind = _KIND_OF[type(predicate)]
        values = (getattr(predicate, name) for name in _PREDICATES[kind - len(_TEXTS)][1])
        return self.predicates.place([kind, *values])

    def _node(self, node: Node) -> int:
        return self.nodes.place(self._row(node))

    def _row(self, node: Node) -> list[Any]:
        row: list[Any]
        match node:
            case FieldIs(field, predicate):
                row = [_IS, self._name(field), self._predicate(predicate)]
            case FieldIsNull(field):
                row = [_NULL, self._name(field)]
            case FieldExists(field, exists):
                row = [_EXISTS, self._name(field), exists]
            case FieldsAgree(field, other, starts, ends):
                row = [_AGREE, self._name(field), self._name(other), starts, ends]
            case Keyword(predicate):
                row = [_KEYWORD, self._predicate(predicate)]
            case All(parts):
                row = [_ALL, *map(self._node, parts)]
            case Some(parts):
                row = [_SOME, *map(self._node, parts)]
            case Not(part):
                row = [_NOT, self._node(part)]
            case _:
                raise TypeError(f"`{type(node).__name__}` cannot be written")
        return row


def _predicate(row: list[Any]) -> Predicate:
    kind, *values = row
    if kind in _TEXTS:
        tokens = tuple([_WILDS[one] if one.__class__ is int else one for one in values])
        return Text(tokens, kind == _CASED)
    made, names = _PREDICATES[kind - len(_TEXTS)]
    if kind < 0 or len(values) != len(names):
        raise ValueError("odd predicate")
    predicate: Predicate = made(*values)
    return predicate


def _nodes(
    rows: Sequence[list[Any]], names: Sequence[str], predicates: Sequence[Predicate]
) -> list[Node]:
    """Return the nodes of a table, in which every part stands before what it is part of."""
    nodes: list[Node] = []
    part = nodes.__getitem__
    builders: tuple[Callable[..., Node], ...] = (
        lambda field, predicate: FieldIs(names[field], predicates[predicate]),
        lambda field: FieldIsNull(names[field]),
        lambda field, exists: FieldExists(names[field], exists),
        lambda field, other, *ends: FieldsAgree(names[field], names[other], *ends),
        lambda predicate: Keyword(predicates[predicate]),
        lambda *parts: All(tuple(map(part, parts))),
        lambda *parts: Some(tuple(map(part, parts))),
        lambda inner: Not(part(inner)),
    )
    for kind, *values in rows:
        nodes.append(builders[kind](*values))
    return nodes


def _common(row: _Condition, nodes: Sequence[Node], names: Sequence[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "version": row.version,
        "title": row.title,
        "path": row.path,
        "name": row.name,
        "logsource": LogSource(*row.logsource),
        "tree": nodes[row.tree],
        "fields": frozenset([names[place] for place in row.fields]),
    }


def _rule(row: _Rule, nodes: Sequence[Node], names: Sequence[str]) -> Rule:
    return Rule(
        level=row.level,
        guidance=row.guidance,
        status=row.status,
        tags=row.tags,
        filters=row.filters,
        **_common(row.common, nodes, names),
    )


def _filter(row: _Filter, nodes: Sequence[Node], names: Sequence[str]) -> Filter:
    return Filter(rules=row.rules, **_common(row.common, nodes, names))
