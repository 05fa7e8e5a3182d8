"""Replay: rules put to chosen rows of the record, counted as the engine counts them.

It has the engine's own parts - its rows, its routing, its tally - and differs in
what it is given: rows that were found to be candidates, with what their actors'
earlier acts say, instead of every row there is.  Given every row of the record it
raises the alerts that the engine raises, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.detect.alerting.actors import Actors
from ombud.detect.alerting.alert import AlertChange, Head
from ombud.detect.alerting.chosen import Chosen
from ombud.detect.alerting.correlating import Correlating, Fed, Raised
from ombud.detect.alerting.routing import Found, Routing
from ombud.detect.alerting.tally import ALERTS_MAX, Tally
from ombud.detect.columnar.named_rows import NamedRows
from ombud.detect.correlation.model import Correlation
from ombud.detect.logsource import ROUTES, LogSource
from ombud.detect.matching.matcher import explain
from ombud.detect.replaying.stored_matches import Numbers, StoredMatches
from ombud.detect.rule import Rule

Derived = Mapping[str, Sequence[Any]]


class Stored(NamedTuple):
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

    def add_all(self, times: Numbers) -> None:
        """Count one match at each of these times."""
        if len(times):
            self.add(int(times.min()))
            self.add(int(times.max()))
            self.count += len(times) - 2


class Replay:
    """Rules over the past; one owner, given rows in log order."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation] = (),
        *,
        feeding: Collection[str] = (),
        since: int,
        until: int,
        routes: Mapping[str, LogSource] = ROUTES,
        alerts_max: int = ALERTS_MAX,
    ) -> None:
        """`since` and `until` bound the time of matches, ms, the latter not included.

        `correlations` are as linked; what is `feeding` opens no alert of its own.
        """
        self.rules = tuple(rules)
        self.begins = since - warm_up(correlations)  # Correlations look back from `since`.
        self.actors = Actors()
        heads: tuple[Head, ...] = (*rules, *correlations)
        self.matches = {head.id: Matches() for head in heads}
        self.unreadable_count = 0
        self.sources: Counter[str] = Counter()  # Acts of each source in the time asked for.
        self._seen: set[str] = set()
        self.until = until
        self.correlations = tuple(correlations)
        self._since = since
        self._time = 0  # Log time, milliseconds.
        self._feeding = frozenset(feeding)
        self._correlating = Correlating(correlations, rules, quiet=self._feeding)
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

    def note(self, sources: Mapping[str, int], fields: Collection[str]) -> None:
        """Take note of how many acts each source has in the time asked for, and of their fields."""
        self.sources.update(sources)
        self._seen.update(fields)

    def _unseen(self) -> set[str]:
        silent = (
            rule for rule in self.rules if rule.logsource.is_own and not self.matches[rule.id].count
        )
        return {field for rule in silent for field in rule.fields} - self._seen

    def silence(self, rule: Rule) -> str | None:
        """Return why no event of the time could have fired a rule; None if one could."""
        if not rule.logsource.is_own:
            routes = self._routing.routes.items()
            sources = [name for name, route in routes if rule.logsource.covers(route)]
            if not sources:
                return f"no source here is {rule.logsource}"
            if not any(self.sources[source] for source in sources):
                return f"no event of {', '.join(sources)}"
            return None
        if self.matches[rule.id].count or rule.tree.verdict(self._seen.__contains__) is not False:
            return None
        return f"no event carries {', '.join(sorted(rule.fields - self._seen))}"

    def taken(self) -> list[AlertChange]:
        """Return what happened to alerts since this was last asked."""
        return self._tally.taken()

    def take_all(self, committed: Committed) -> None:
        """Take events of the record of which nothing is known beforehand."""
        indices = range(committed.first_index, committed.first_index + committed.count)
        chosen = Chosen(committed, indices, self._routing.named_fields)
        recorded = committed.recorded_ms
        derived = self.actors.derive(chosen.acts, chosen.actors, chosen.times, recorded)
        rows = chosen.rows(derived)
        self.unreadable_count += len(chosen.unreadable)
        times = chosen.times
        within = [row for row in chosen.acts if self._since <= times[row] < self.until]
        self._watch_all(chosen, rows, within)
        found = [*self._named(chosen, rows), *self._originals(chosen)]
        self._count(found, log_time=max(recorded))

    def _watch_all(self, chosen: Chosen, rows: NamedRows, acts: Sequence[int]) -> None:
        if not acts:
            return
        sources = (chosen.sources[row] for row in acts)
        self.sources.update(one for one in sources if one is not UNSET)
        for field, column in rows.cells(frozenset(self._unseen()), acts).items():
            if any(cell is not UNSET for cell in column):
                self._seen.add(field)

    @property
    def told(self) -> Mapping[str, frozenset[str]]:
        """The fields asked of rules that have matches and nothing else, by id."""
        feeding = self._feeding & self._correlating.fields_read.keys()
        return {
            rule.id: self._correlating.fields_read[rule.id]
            for rule in self.rules
            if rule.id in feeding and rule.logsource.is_own
        }

    def take(
        self,
        named: Stored | None,
        originals: Stored | None,
        derived: Derived,
        *,
        matches: Sequence[StoredMatches] = (),
        log_time: int = 0,
    ) -> None:
        """Take the candidates of a stretch, those of each way to see them apart.

        `derived` are the derived cells of the rows in `named`, in order; `matches` are
        matches of rules in `told`, which may be among the candidates as well; `log_time`
        is the latest time of recording of the stretch, of which correlations want to know.
        """
        found: list[_Seen] = []
        if named is not None:
            chosen = Chosen(*named, self._routing.named_fields)
            found += self._named(chosen, chosen.rows(derived))
        if originals is not None:
            found += self._originals(Chosen(*originals))
        for some in matches:
            self.matches[some.rule_id].add_all(some.times[some.times >= self._since])
            known = frozenset(some.indices.tolist()) if found else frozenset[int]()
            found = [
                one
                for one in found
                if one.index not in known or self.rules[one.found.number].id != some.rule_id
            ]
        self._count(found, log_time=log_time, matches=matches)

    def _named(self, chosen: Chosen, rows: NamedRows) -> list[_Seen]:
        found = self._routing.match(
            rows, chosen.sources, chosen.actions, passed_over=chosen.passed_over
        )
        return [_Seen(chosen, one, is_original=False) for one in found]

    def _originals(self, chosen: Chosen) -> Iterator[_Seen]:
        places: dict[str, list[int]] = {}
        for row in chosen.acts:
            if chosen.sources[row] in self._routing.routes:
                places.setdefault(chosen.sources[row], []).append(row)
        for source, some in places.items():
            program = self._routing.originals(source)
            if program is not None:
                for one in program.match(program.rows(chosen.committed, some), some):
                    yield _Seen(chosen, one, is_original=True)

    def _count(
        self, found: list[_Seen], *, log_time: int, matches: Sequence[StoredMatches] = ()
    ) -> None:
        """Count matches in the order of the engine: by event, names before originals."""
        found.sort(key=lambda one: (one.index, one.is_original, one.found.number))
        self._time = max(self._time, log_time)
        fed: list[Fed] = []
        for one in found:
            time, actor = one.chosen.times[one.found.row], one.chosen.actors[one.found.row]
            if not self.begins <= time < self.until:
                continue
            rule = self.rules[one.found.number]
            who = None if actor is UNSET else actor
            if self._correlating.reads(rule.id):
                place = one.found.place
                fed.append(Fed(rule, one.index, time, one.recorded, who, one.found.rows, place))
            if time >= self._since:
                self.matches[rule.id].add(time)
                if rule.id not in self._feeding:
                    self._raise(rule, one, who, time)
        for raised in self._correlating.feed(fed, log_time=self._time, stored=matches):
            self._raise_correlation(raised)

    def _raise(self, rule: Rule, seen: _Seen, actor: str | None, time: int) -> None:
        view = partial(seen.found.rows.view, seen.found.place)
        self._tally.add(
            rule,
            actor,
            rule.guidance.group_of(view()) if rule.guidance.group_by else (),
            [(seen.index, time, lambda: explain(rule, view()))],
            recorded=seen.recorded,
            say=lambda fields: rule.guidance.sentence(view(), fields),
        )

    def _raise_correlation(self, raised: Raised) -> None:
        """Count what a correlation found, unless it lies before the time asked for."""
        match = raised.match
        if match.last_time < self._since:
            return
        self.matches[match.correlation_id].add(match.last_time)
        self._tally.add(
            raised.correlation,
            raised.actor,
            match.group,
            raised.events,
            more=max(0, match.count - len(raised.events)),
            recorded=match.recorded,
            say=lambda _: raised.sentence,
        )


def warm_up(correlations: Sequence[Correlation]) -> int:
    """Return how far before a time its correlations look back, ms, through those they refer to."""
    back: dict[str, int] = {}
    for one in correlations:  # As linked: each after those that it refers to.
        back[one.id] = one.timespan_ms + max((back.get(rule, 0) for rule in one.rules), default=0)
    return max(back.values(), default=0)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A match, and the rows among which it was found."""

    chosen: Chosen
    found: Found
    is_original: bool

    @property
    def index(self) -> int:
        """The index of the event."""
        return self.chosen.indices[self.found.row]

    @property
    def recorded(self) -> int:
        """When it was recorded, ms."""
        return self.chosen.committed.recorded_ms[self.found.row]
