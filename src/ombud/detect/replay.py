"""Replay: rules put to chosen rows of the record, counted as the engine counts them.

It has the engine's own parts - its rows, its routing, its tally - and differs in
what it is given: rows that were found to be candidates, with what their actors'
earlier acts say, instead of every row there is.  Given every row of the record it
raises the alerts that the engine raises, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.detect.actors import Actors
from ombud.detect.alert import AlertChange
from ombud.detect.candidates import NOT_ACTS
from ombud.detect.logsource import ROUTES, LogSource
from ombud.detect.matcher import explain
from ombud.detect.routing import Found, Routing
from ombud.detect.rule import Rule
from ombud.detect.stand_in import NamedRows
from ombud.detect.tally import ALERTS_MAX, Tally

_ROUTING = frozenset({"source", "action", "actor.id", "time"})
Derived = Mapping[str, Sequence[Any]]


class Chosen(NamedTuple):
    """Rows of the record, in order: their content, and the index of each."""

    committed: Committed
    indices: Sequence[int]


@dataclass(slots=True)
class Matches:
    """How often one rule matched."""

    count: int = 0
    first_time: int = 0
    last_time: int = 0

    def add(self, time: int) -> None:
        """Count one match."""
        self.first_time = min(self.first_time, time) if self.count else time
        self.last_time = max(self.last_time, time) if self.count else time
        self.count += 1


class Replay:
    """Rules over the past; one owner, given rows in log order."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        since: int,
        until: int,
        routes: Mapping[str, LogSource] = ROUTES,
        alerts_max: int = ALERTS_MAX,
    ) -> None:
        """`since` and `until` bound the time of matches, ms, the latter not included."""
        self.rules = tuple(rules)
        self.actors = Actors()
        self.matches = {rule.id: Matches() for rule in rules}
        self.unreadable_count = 0
        self._since, self._until = since, until
        self._routing = Routing(rules, routes)
        self._tally = Tally(most=alerts_max)

    @property
    def has_derived(self) -> bool:
        """Whether any rule asks what an actor's earlier acts say."""
        return any(
            name.startswith("derived.")
            for rule in self.rules
            for name in (*rule.fields, *rule.guidance.fields)
        )

    def taken(self) -> list[AlertChange]:
        """Return what happened to alerts since this was last asked."""
        return self._tally.taken()

    def take_all(self, committed: Committed) -> None:
        """Take events of the record of which nothing is known beforehand."""
        indices = range(committed.first_index, committed.first_index + committed.count)
        rows = NamedRows(committed)
        columns = rows.cells(_ROUTING)
        acts = self._acts(rows, columns["source"])
        recorded = committed.recorded_ms
        rows.add(self.actors.derive(acts, columns["actor.id"], columns["time"], recorded))
        self.unreadable_count += len(rows.unreadable)
        chosen = Chosen(committed, indices)
        self._count(chosen, rows, [*self._named(rows, acts), *self._originals(chosen, rows, acts)])

    def take(self, named: Chosen, originals: Chosen, derived: Derived) -> None:
        """Take the candidates among stored events, in one go for each way to see them.

        `derived` are the derived cells of the rows in `named`, in order.
        """
        found: list[tuple[Chosen, NamedRows, list[Found]]] = []
        if len(named.indices):
            rows = NamedRows(named.committed)
            rows.add(derived)
            acts = self._acts(rows, rows.cells(_ROUTING)["source"])
            found.append((named, rows, list(self._named(rows, acts))))
        if len(originals.indices):
            rows = NamedRows(originals.committed)
            acts = self._acts(rows, rows.cells(_ROUTING)["source"])
            found.append((originals, rows, list(self._originals(originals, rows, acts))))
        for chosen, rows, some in found:
            self._count(chosen, rows, some)

    def _acts(self, rows: NamedRows, sources: Sequence[Any]) -> list[int]:
        passed_over = set(rows.unreadable)
        passed_over.update(row for row, source in enumerate(sources) if source in NOT_ACTS)
        return [row for row in range(rows.count) if row not in passed_over]

    def _named(self, rows: NamedRows, acts: Sequence[int]) -> list[Found]:
        columns = rows.cells(_ROUTING)
        passed_over = set(range(rows.count)) - set(acts)
        return self._routing.match(
            rows, columns["source"], columns["action"], passed_over=passed_over
        )

    def _originals(self, chosen: Chosen, rows: NamedRows, acts: Sequence[int]) -> Iterator[Found]:
        sources = rows.cells(_ROUTING)["source"]
        places: dict[str, list[int]] = {}
        for row in acts:
            if sources[row] in self._routing.routes:
                places.setdefault(sources[row], []).append(row)
        for source, some in places.items():
            program = self._routing.originals(source)
            if program is not None:
                yield from program.match(program.rows(chosen.committed, some), some)

    def _count(self, chosen: Chosen, rows: NamedRows, found: list[Found]) -> None:
        columns = rows.cells(_ROUTING)
        times, actors = columns["time"], columns["actor.id"]
        found.sort(key=lambda one: (one.row, one.rows is not rows, one.number))
        for one in found:
            time = times[one.row]
            if self._since <= time < self._until:
                rule = self.rules[one.number]
                self.matches[rule.id].add(time)
                self._raise(rule, one, chosen, actors[one.row], time)

    def _raise(self, rule: Rule, found: Found, chosen: Chosen, actor: Any, time: int) -> None:
        view = partial(found.rows.view, found.place)
        self._tally.add(
            rule,
            None if actor is UNSET else actor,
            rule.guidance.group_of(view()) if rule.guidance.group_by else (),
            [(chosen.indices[found.row], time, lambda: explain(rule, view()))],
            recorded=chosen.committed.recorded_ms[found.row],
            say=lambda fields: rule.guidance.sentence(view(), fields),
        )
