"""Routing: which rules match which rows of a stretch of the record, by their logsources.

Rules of product `ombud` are one program over the names of the event model; the
rules that see a source's originals are a program over these.  A logsource is held
to exactly: what a rule must not see it does not match, whatever it says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.core.fields import Group
from ombud.detect.columnar.original_rows import OriginalProjector, OriginalRows
from ombud.detect.columnar.prefetched import Prefetched
from ombud.detect.columnar.program import Program
from ombud.detect.columnar.rows import Rows
from ombud.detect.logsource import SERVICES, LogSource, sees_event, sees_original
from ombud.detect.rule import Rule

KINDS_MAX = 4096  # Kinds of event whose services are remembered; sources come from outside.


class Found(NamedTuple):
    """A match: the row of the stretch, the rule, and where the rule saw the event."""

    row: int
    number: int
    rows: Rows
    place: int


class Originals:
    """The rules that see the originals of one source."""

    def __init__(self, source: str, rules: Sequence[Rule], numbers: Sequence[int]) -> None:
        self.numbers = tuple(numbers)
        self._program = Program([rules[number] for number in numbers])
        self._projector = OriginalProjector(source)

    def rows(self, stretch: Committed, places: Sequence[int]) -> OriginalRows:
        """Return the originals at these places of a stretch."""
        offsets, blob = stretch.offsets[Group.RAW - 1], stretch.blobs[Group.RAW - 1]
        raws = [blob[offsets[place] : offsets[place + 1]] for place in places]
        # Of all rows it is known together what else each would be asked for by itself.
        is_whole = len(places) == stretch.count and isinstance(blob, bytes)
        return OriginalRows(raws, self._projector, blob=bytes(blob) if is_whole else None)

    def prefetched(self, rows: OriginalRows, names: frozenset[str]) -> Prefetched:
        """Return rows with these names at hand, and all that every row is asked for."""
        return Prefetched(rows, names | self._program.first_fields)

    def match(self, rows: Rows, places: Sequence[int]) -> list[Found]:
        """Return the matches of rows that are at these places of the stretch."""
        return [
            Found(places[row], self.numbers[rule], rows, row)
            for row, rule in self._program.match(rows)
        ]


class Routing:
    """Puts each row to the rules that may see it."""

    def __init__(self, rules: Sequence[Rule], routes: Mapping[str, LogSource]) -> None:
        self.rules = tuple(rules)
        self.routes = dict(routes)
        self._own = [number for number, rule in enumerate(self.rules) if rule.logsource.is_own]
        self._program = Program([self.rules[number] for number in self._own])
        self._services = [self.rules[number].logsource.service for number in self._own]
        self._kinds: dict[tuple[Any, Any], frozenset[str | None]] = {}
        self._originals: dict[str, Originals | None] = {}

    @property
    def named_fields(self) -> frozenset[str]:
        """The names of the event model that some rule asks for."""
        return self._program.fields

    def originals(self, source: Any) -> Originals | None:
        """Return the rules that see the originals of a source, None if none does."""
        if source not in self.routes:
            return None
        if source not in self._originals:
            route = self.routes[source]
            numbers = [
                number
                for number, rule in enumerate(self.rules)
                if sees_original(rule.logsource, route)
            ]
            self._originals[source] = Originals(source, self.rules, numbers) if numbers else None
        return self._originals[source]

    def match(
        self,
        rows: Rows,
        sources: Sequence[Any],
        actions: Sequence[Any],
        *,
        passed_over: Collection[int],
    ) -> list[Found]:
        """Return the matches of rules of product `ombud`, but for rows that are passed over.

        Each row is that of the same number in the stretch.
        """
        found = []
        for row, place in self._program.match(rows) if self._own else ():
            if row not in passed_over and self._services[place] in self._seeing(
                sources[row], actions[row]
            ):
                found.append(Found(row, self._own[place], rows, row))
        return found

    def _seeing(self, source: Any, action: Any) -> frozenset[str | None]:
        """Return the services whose rules see events of this source and action."""
        seeing = self._kinds.get((source, action))
        if seeing is None:
            if len(self._kinds) >= KINDS_MAX:
                self._kinds.clear()
            named = ("" if source is UNSET else source, "" if action is UNSET else action)
            seeing = self._kinds[source, action] = frozenset(
                service
                for service in (None, *SERVICES)
                if sees_event(LogSource("ombud", service), *named)
            )
        return seeing
