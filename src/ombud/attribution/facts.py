"""Facts: what a statement says of its relations' columns, and what follows for data subjects.

A use of a declared dataset is *pinned* when every row of it that the statement
can reach has a declared column equal to a value the statement names.  What is
not pinned has subjects nobody named, and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Column = tuple[int, str]  # Number of the relation, name of the column.
Term = tuple[Column, ...]  # The columns that a name may stand for; none: nobody knows.
NO_COMPARISON = "no_comparison"
NO_KINDS: Mapping[str, str] = {}


class Literal(NamedTuple):
    """A constant of the statement: where it stands (bytes; -1 unknown), and its text."""

    place: int
    text: str


class Parameter(NamedTuple):
    """A parameter, numbered from 1."""

    number: int


class Value(NamedTuple):
    """What a column is compared with; `is_array` when its text lists several values."""

    of: Literal | Parameter
    is_array: bool = False


@dataclass(slots=True)
class Relation:
    """One use of a table, view or derived table.

    `dataset` and `kinds` are set when it is declared; `columns` of a derived table
    give what its columns stand for, `stars` the relations whose columns it passes on.
    """

    number: int
    name: str = ""  # For columns: dataset where known, else as written.
    dataset: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Term] | None = None
    stars: tuple[Relation, ...] = ()

    def term(self, column: str) -> Term:
        """Return what a column of this relation stands for."""
        if self.columns is None:
            return ((self.number, column),)
        if column in self.columns:
            return self.columns[column]
        if len(self.stars) == 1:
            return self.stars[0].term(column)
        holders = [star for star in self.stars if star.knows(column)]
        return holders[0].term(column) if len(holders) == 1 else ()

    def knows(self, column: str) -> bool:
        """Whether this relation certainly has such a column."""
        if self.columns is None:
            return column in self.kinds
        return column in self.columns or any(star.knows(column) for star in self.stars)

    def bases(self) -> Iterator[int]:
        """Yield the numbers of this relation and of those whose columns it passes on."""
        yield self.number
        for term in (self.columns or {}).values():
            for number, _ in term:
                yield number
        for star in self.stars:
            yield from star.bases()


class Pins(NamedTuple):
    """What a condition pins where it holds: columns, and relations by a declared column."""

    columns: frozenset[Column] = frozenset()
    relations: frozenset[int] = frozenset()

    def both(self, other: Pins) -> Pins:
        """Return what holds when both conditions do."""
        if not other.columns and not other.relations:
            return self
        return Pins(self.columns | other.columns, self.relations | other.relations)

    def either(self, other: Pins) -> Pins:
        """Return what holds when one of two conditions does."""
        return Pins(self.columns & other.columns, self.relations & other.relations)

    def only(self, numbers: Iterable[int]) -> Pins:
        """Return what is pinned of these relations."""
        kept = frozenset(numbers)
        return Pins(
            frozenset(column for column in self.columns if column[0] in kept),
            self.relations & kept,
        )


NO_PINS = Pins()


class Link(NamedTuple):
    """Where the source is pinned so is the target; `holds` for pins of an outer join too."""

    source: Column
    target: Column
    holds: bool = True


@dataclass(slots=True)
class Facts:
    """What was found in one statement."""

    relations: list[Relation] = field(default_factory=list)
    values: list[tuple[Column, Value]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    same: list[tuple[Column, Column]] = field(default_factory=list)  # Compared as equal anywhere.
    reasons: dict[int, dict[str, None]] = field(default_factory=dict)
    pins: Pins = NO_PINS  # Of conditions that every row met.
    join_pins: Pins = NO_PINS  # Of outer joins: they say nothing of the rows on the other side.
    given: list[tuple[str, Value]] = field(default_factory=list)  # Kinds named by functions.
    lost: dict[str, None] = field(default_factory=dict)  # Reasons beside those of relations.
    filtered: dict[str, None] = field(default_factory=dict)
    projected: dict[str, None] = field(default_factory=dict)
    settings: list[tuple[Value | None, Value | None, bool | None]] = field(default_factory=list)

    is_ordered: bool = True  # Settings are those of the first statement only.

    def add_relation(
        self,
        name: str = "",
        *,
        dataset: str | None = None,
        kinds: Mapping[str, str] = NO_KINDS,
        columns: Mapping[str, Term] | None = None,
        stars: tuple[Relation, ...] = (),
    ) -> Relation:
        """Return a new relation of the statement."""
        relation = Relation(len(self.relations), name, dataset, kinds, columns, stars)
        self.relations.append(relation)
        return relation

    def pin(self, term: Term) -> Pins:
        """Return what a comparison with a value pins."""
        declared = [number for number, name in term if name in self.relations[number].kinds]
        return Pins(frozenset(term), frozenset(declared))

    def compare(self, term: Term, value: Value) -> Pins:
        """Note that a column equals a value, and return what that pins."""
        self.values += [(column, value) for column in term]
        return self.pin(term)

    def fault(self, term: Term, reason: str) -> None:
        """Note why a comparison of a declared column names nobody."""
        for number, name in term:
            if name in self.relations[number].kinds:
                self.reasons.setdefault(number, {})[reason] = None

    def subjects(self) -> list[tuple[str, Value]]:
        """Return kind and value of everybody named."""
        found = list(self.given)
        if not self.same:
            for (number, name), value in self.values:
                kind = self.relations[number].kinds.get(name)
                if kind is not None:
                    found.append((kind, value))
            return list(dict.fromkeys(found)) if len(found) > 1 else found
        same: dict[Column, list[Column]] = {}
        for left, right in self.same:
            same.setdefault(left, []).append(right)
            same.setdefault(right, []).append(left)
        for start, value in self.values:
            seen, todo = {start}, [start]
            while todo:
                number, name = column = todo.pop()
                kind = self.relations[number].kinds.get(name)
                if kind is not None:
                    found.append((kind, value))
                for other in same.get(column, ()):
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
        return list(dict.fromkeys(found))

    def unnamed(self) -> list[str]:
        """Return the reasons why some use of a declared dataset is not pinned."""
        reasons = dict(self.lost)
        declared = [relation.number for relation in self.relations if relation.kinds]
        if self.pins.relations.issuperset(declared):
            return list(reasons)
        pinned = self._closure()
        for relation in self.relations:
            if relation.kinds and relation.number not in pinned:
                reasons.update(self.reasons.get(relation.number) or {NO_COMPARISON: None})
        return list(reasons)

    def _closure(self) -> set[int]:
        """Return the relations pinned, directly or over columns that are equal to pinned ones."""
        columns: set[Column] = set()
        relations: set[int] = set()
        self._spread(columns, relations, self.pins, self.links)
        if self.join_pins.relations or self.join_pins.columns:
            held = [link for link in self.links if link.holds]
            everything = Pins(frozenset(columns), frozenset(relations))
            self._spread(columns, relations, self.join_pins.both(everything), held)
        return relations

    def _spread(
        self,
        columns: set[Column],
        relations: set[int],
        start: Pins,
        links: Iterable[Link],
    ) -> None:
        ways: dict[Column, list[Column]] = {}
        for link in links:
            ways.setdefault(link.source, []).append(link.target)
        todo: list[Column] = list(start.columns)
        columns.update(todo)
        for number in start.relations:
            self._name(number, columns, relations, todo)
        while todo:
            for target in ways.get(todo.pop(), ()):
                if target not in columns:
                    columns.add(target)
                    todo.append(target)
                    number, name = target
                    if name in self.relations[number].kinds:
                        self._name(number, columns, relations, todo)

    def _name(
        self, number: int, columns: set[Column], relations: set[int], todo: list[Column]
    ) -> None:
        """Note that a relation is pinned: all its declared columns are of persons named."""
        relations.add(number)
        kinds = self.relations[number].kinds
        many = list(kinds.values())
        for name, kind in kinds.items():
            # Two columns of one kind are of two persons, such as sender and recipient.
            if (number, name) not in columns and many.count(kind) == 1:
                columns.add((number, name))
                todo.append((number, name))

    def use(self, term: Term, into: dict[str, None]) -> None:
        """Note columns by name among those filtered or projected."""
        relations = self.relations
        for number, name in term:
            owner = relations[number].name
            into[f"{owner}.{name}" if owner else name] = None
