"""Field counts: how many events of one source carry each field that rules name.

What `usage` remembers of a home as events pass, this counts over a file, where
every event is at hand; besides, it knows which names the events carry instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from msgspec import UNSET

from ombud.detect.alerting.usage import SilentRule
from ombud.detect.columnar.rows import Absent, Rows
from ombud.detect.logsource import PRODUCT, ROUTES, LogSource, sees_original
from ombud.detect.matching.paths import EventView
from ombud.detect.rule import Rule
from ombud.detect.telling.near_misses import names_near, paths_of
from ombud.detect.view import DERIVED_FIELDS, KNOWN_FIELDS

NAMES_MAX = 20_000  # Names of fields that events carry which are remembered as proposals.
SAMPLE_MAX = 2000  # Events whose names are looked at: more bring few that are new.


@dataclass(frozen=True, slots=True)
class CountedField:
    """A field that rules name: how many events carry it, and names that are like it."""

    source: str
    field: str
    event_count: int
    rule_ids: tuple[str, ...]
    close: tuple[str, ...] = ()


class CarriedNames:
    """The names under which events carry values, up to a bound."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._left = SAMPLE_MAX

    def add(self, views: Iterable[EventView]) -> None:
        """Take note of the names of some events; beyond the bounds of none."""
        for view in views:
            if self._left <= 0 or len(self._names) >= NAMES_MAX:
                return
            self._left -= 1
            self._names.update(dict.fromkeys(paths_of(view)))

    def close_to(self, field: str) -> tuple[str, ...]:
        """Return the names most like one that no event carries; none for names of the model."""
        return () if field in KNOWN_FIELDS else tuple(names_near(field, list(self._names)))


class FieldCounts:
    """Counts over the events of one source; without a source every rule sees every event.

    Fields that only a record gives are not counted, and no rule is silent for want of them.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        source: str | None,
        *,
        routes: Mapping[str, LogSource] = ROUTES,
    ) -> None:
        self.event_count = 0
        self._source = source
        route = None if source is None else routes.get(source)
        own = [rule for rule in rules if source is not None and rule.logsource.is_own]
        other = [rule for rule in rules if source is None or sees_original(rule.logsource, route)]
        taken = {rule.id for rule in (*own, *other)}
        self.elsewhere = tuple(rule for rule in rules if rule.id not in taken)
        self._tables = (_Table(PRODUCT, own), _Table(source or "-", other))

    def add(self, originals: Rows, named: Rows | None = None) -> None:
        """Count some events, as their source wrote them and by the names of the model."""
        self.event_count += originals.count
        for table, rows in zip(self._tables, (named, originals), strict=True):
            if rows is not None and table.rules:
                table.add(rows)

    def fields(self) -> list[CountedField]:
        """Return every field, those that fewest events carry first."""
        found = [row for table in self._tables for row in table.fields()]
        return sorted(found, key=lambda row: (row.event_count, row.source, row.field))

    def silent(self) -> list[SilentRule]:
        """Return the rules that no such event can fire, with the reason."""
        return [silent for table in self._tables for silent in table.silent(self.event_count)]

    @property
    def rule_count(self) -> int:
        """How many rules see such events."""
        return sum(len(table.rules) for table in self._tables)


class _Table:
    """The rules that see events in one form, and what these carry."""

    def __init__(self, source: str, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._source = source
        named = frozenset[str]().union(*(rule.fields for rule in rules))
        self._fields = named - DERIVED_FIELDS.keys()
        self._counts = dict.fromkeys(sorted(self._fields), 0)
        self._carried = CarriedNames()

    def add(self, rows: Rows) -> None:
        for field, column in rows.cells(self._fields).items():
            if column.__class__ is not Absent:
                self._counts[field] += sum(cell is not UNSET for cell in column)
        self._carried.add(rows.view(row) for row in range(rows.count))

    def _occurs(self, field: str) -> bool:
        return self._counts.get(field, 1) > 0

    def fields(self) -> list[CountedField]:
        users: dict[str, list[str]] = {}
        for rule in self.rules:
            for field in rule.fields & self._fields:
                users.setdefault(field, []).append(rule.id)
        return [
            CountedField(
                self._source,
                field,
                count,
                tuple(sorted(users[field])),
                () if count else self._carried.close_to(field),
            )
            for field, count in self._counts.items()
        ]

    def silent(self, event_count: int) -> list[SilentRule]:
        if not event_count:
            return [SilentRule(rule.id, rule.title, "there is no event") for rule in self.rules]
        return [
            SilentRule(rule.id, rule.title, f"no event carries {', '.join(missing)}")
            for rule in self.rules
            if rule.tree.verdict(self._occurs) is False
            and (missing := sorted(name for name in rule.fields if not self._occurs(name)))
        ]
