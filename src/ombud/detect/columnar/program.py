"""Program: many rules, put to many events at once; exactly what the plain matcher finds.

First the witnesses of the rules are looked for in a few fields of every event.
Where one is seen, the other fields of the rule are decoded and the rule is
decided.  Both go by distinct values: what is known of a value, or of several
together, is kept and not asked again.  How the events are cut into batches,
and what is known already, changes the time and never the outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ombud.detect.columnar.cell_codes import CellCodes, Codes
from ombud.detect.columnar.decision import OUTCOME_SIZE, Decision
from ombud.detect.columnar.experience import Experience
from ombud.detect.columnar.groups import fields_of, form_of, is_decided_by_fields
from ombud.detect.columnar.rates import Rates
from ombud.detect.columnar.rows import Rows
from ombud.detect.columnar.screen import Numbers, Screen
from ombud.detect.columnar.tables import Table
from ombud.detect.columnar.witness import Chooser, Witness, choose_witnesses, users_of
from ombud.detect.columnar.words import Words
from ombud.detect.matching.predicates import Predicate
from ombud.detect.rule import Rule

SPAN_MAX = 4096  # Events taken at once: with more, columns leave the cache.
MEMORY_MAX = 32 << 20  # Bytes that may be kept of values seen before, roughly.


class Hit(NamedTuple):
    """A rule, by its position, that matches the event of a row."""

    row: int
    rule: int


class Program:
    """Rules made ready; keeps what it learnt of values from batch to batch."""

    def __init__(
        self, rules: Sequence[Rule], *, span_max: int = SPAN_MAX, memory_max: int = MEMORY_MAX
    ) -> None:
        self.rules = tuple(rules)
        self._span_max = span_max
        self._memory_max = memory_max
        self._forms = [form_of(rule.tree) for rule in rules]
        # None for rules that only the whole event decides.
        self._rule_fields = [
            tuple(fields_of(form)) if is_decided_by_fields(form) else None for form in self._forms
        ]
        self.fields = frozenset().union(*(rule.fields for rule in rules))
        self._decisions: dict[int, Decision] = {}
        self._tables: dict[str, Table] = {}
        self._rates = Rates(self._forms)
        self._experience = Experience(self._forms, self._rates)
        self._screens: dict[str, Screen] = {}
        self._witnesses: list[Witness | None] = []
        self._watch(choose_witnesses(self._forms, self._rates))

    def _watch(self, witnesses: list[Witness | None]) -> None:
        """Make ready the screens for the witnesses, those that stay the same excepted."""
        self._witnesses = witnesses
        spoken: dict[str | None, dict[Predicate, list[int]]] = {}
        for rule, witness in enumerate(witnesses):
            for group in witness or ():
                predicates = spoken.setdefault(group.field, {})
                for predicate in group.predicates:
                    predicates.setdefault(predicate, []).append(rule)
        words = spoken.pop(None, None)
        self._words = Words(words) if words else None
        old = self._screens
        self._screens = {
            name: old[name] if name in old and old[name].rules == rules else Screen(rules)
            for name, rules in spoken.items()
            if name is not None
        }
        self._always = [rule for rule, witness in enumerate(witnesses) if witness is None]
        always = {name for rule in self._always for name in self._rule_fields[rule] or ()}
        self.first_fields = frozenset(self._screens.keys() | always)
        self._later_fields: frozenset[str] = frozenset()

    def match(self, rows: Rows) -> list[Hit]:
        """Return every rule that matches a row, sorted by row and position of the rule."""
        hits: list[Hit] = []
        for start in range(0, rows.count, self._span_max):
            span = range(start, min(start + self._span_max, rows.count))
            hits += self._match(rows, span)
            self._relieve()
        return hits

    def _match(self, rows: Rows, span: range) -> list[Hit]:
        is_whole = len(span) == rows.count
        first = rows.cells(self.first_fields, None if is_whole else span)
        candidates = dict(self._candidates(rows, span, first))
        everywhere = np.arange(len(span))
        candidates.update((rule, everywhere) for rule in self._always)
        found: list[Hit] = []
        weak = self._experience.take(rows, span, candidates)
        if weak:
            chooser = Chooser(self._rates, users_of(self._witnesses))
            better = self._witnesses[:]
            for rule in weak:
                better[rule] = chooser.best(self._forms[rule])
                self._decisions.pop(rule, None)  # To be made again in a better order.
            self._watch(better)
        look = _Look(self, rows, span, first)
        look.encode(candidates)
        for rule, places in candidates.items():
            found += [Hit(span[place], rule) for place in look.matches(rule, places)]
        found.sort()
        return found

    def _candidates(
        self, rows: Rows, span: range, first: Mapping[str, Sequence[Any]]
    ) -> Iterator[tuple[int, Numbers]]:
        """Yield each rule with the places in the span at which its witness was seen."""
        pairs = [
            screen.candidates(screen.column(first[name])) for name, screen in self._screens.items()
        ]
        if self._words is not None:
            pairs.append(self._words.candidates(rows, span))
        pairs = [pair for pair in pairs if len(pair[0])]
        if not pairs:
            return
        keys = np.concatenate([found * len(span) + places for found, places in pairs])
        keys.sort()  # Sooner than `np.unique`, which hashes.
        keys = keys[np.diff(keys, prepend=-1) != 0]
        found, places = np.divmod(keys, len(span))
        starts = np.flatnonzero(np.diff(found, prepend=-1))
        yield from zip(found[starts].tolist(), np.split(places, starts[1:]), strict=True)

    def decision(self, rule: int) -> Decision | None:
        """Return what decides a rule by its fields; None if only the whole event does."""
        fields = self._rule_fields[rule]
        if fields is None:
            return None
        decision = self._decisions.get(rule)
        if decision is None:
            for name in fields:
                self._tables.setdefault(name, Table())
            decision = Decision(self._forms[rule], fields, self._tables, self._rates)
            self._decisions[rule] = decision
        return decision

    def table(self, name: str) -> Table:
        """Return the table of a field."""
        return self._tables[name]

    def later_fields(self, names: set[str]) -> frozenset[str]:
        """Return what to decode of candidates: these fields, and those needed before.

        Rows keep a decoder for each set of fields, so the set only ever grows.
        """
        if not names <= self._later_fields:
            self._later_fields |= names
        return self._later_fields

    @property
    def weight(self) -> int:
        """About how many bytes are kept of values seen before."""
        holders: list[CellCodes] = [*self._screens.values(), *self._tables.values()]
        return self._outcome_weight() + sum(holder.weight for holder in holders)

    def _outcome_weight(self) -> int:
        return sum(map(len, self._decisions.values())) * OUTCOME_SIZE

    def _relieve(self) -> None:
        """Forget the heaviest of what is kept, if it is too much; it is found anew if needed."""
        weight = self.weight
        if weight <= self._memory_max:
            return
        if self._outcome_weight() > self._memory_max // 4:
            weight -= self._outcome_weight()
            for decision in self._decisions.values():
                decision.clear()
        kept: list[tuple[str | None, CellCodes]] = [
            *((None, screen) for screen in self._screens.values()),
            *self._tables.items(),
        ]
        kept.sort(key=lambda one: one[1].weight, reverse=True)
        forgotten: set[str | None] = set()
        for name, holder in kept:
            if weight <= self._memory_max // 2:
                break
            weight -= holder.weight
            holder.forget()
            forgotten.add(name)
        for decision in self._decisions.values():
            if not forgotten.isdisjoint(decision.fields):
                decision.clear()  # Its keys are codes that mean nothing any more.


class _Look:
    """The closer look at the candidates of one span."""

    def __init__(
        self, program: Program, rows: Rows, span: range, first: Mapping[str, Sequence[Any]]
    ) -> None:
        self._program = program
        self._rows = rows
        self._span = span
        self._first = first
        self._codes: dict[str, Codes] = {}
        self._views: dict[int, Any] = {}

    def encode(self, candidates: Mapping[int, Numbers]) -> None:
        """Give a code to every cell that a candidate rule asks for."""
        needed: dict[str, Any] = {}
        count = len(self._span)
        for rule, places in candidates.items():
            decision = self._program.decision(rule)
            for name in decision.fields if decision is not None else ():
                mask = needed.get(name)
                if mask is None:
                    mask = needed[name] = np.zeros(count, np.bool_)
                mask[places] = True
        later = {name for name in needed if name not in self._first}
        if later:
            names = self._program.later_fields(later)
            wide = np.flatnonzero(np.logical_or.reduce([needed[name] for name in later]))
            is_whole = len(wide) == self._rows.count
            chosen = None if is_whole else [self._span[place] for place in wide.tolist()]
            columns = self._rows.cells(names.difference(self._first), chosen)
            for name in later:
                self._codes[name] = self._coded(name, columns[name], needed[name], wide)
        everywhere = np.arange(count)
        for name, mask in needed.items():
            if name not in later:
                self._codes[name] = self._coded(name, self._first[name], mask, everywhere)

    def _coded(self, name: str, column: Sequence[Any], mask: Any, places: Numbers) -> Codes:
        """Return codes by place, of the places in the mask; the column has those given."""
        table = self._program.table(name)
        wanted = np.flatnonzero(mask[places])
        if len(wanted) < len(places):
            column = [column[place] for place in wanted.tolist()]
        codes = np.zeros(len(self._span), np.int32)
        codes[places[wanted]] = table.column(column)
        return codes

    def matches(self, rule: int, places: Numbers) -> list[int]:
        """Return the places at which the rule matches."""
        decision = self._program.decision(rule)
        if decision is None:
            test = self._program.rules[rule].matches
            return [place for place in places.tolist() if test(self._view(place))]
        if not decision.fields:
            return places.tolist() if decision[()] else []
        keys = zip(*(self._codes[name][places].tolist() for name in decision.fields), strict=True)
        return [place for place, key in zip(places.tolist(), keys, strict=True) if decision[key]]

    def _view(self, place: int) -> Any:
        view = self._views.get(place)
        if view is None:
            view = self._views[place] = self._rows.view(self._span[place])
        return view
