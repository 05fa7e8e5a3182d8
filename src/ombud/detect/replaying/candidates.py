"""Candidates: the rows of stored events that any of some rules can match.

A rule sees what its logsource lets it see, and of that what its tree leaves
possible.  Rules of product `ombud` are narrowed by the fields of the event model.
Rules about originals are narrowed by those members of an original that its source
takes over as they are (`VERBATIM`): the field of the event tells what the original
says, or says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from msgspec import UNSET

from ombud.detect.alerting.alert import FINDING_SOURCE
from ombud.detect.alerting.engine import TICK_SOURCE
from ombud.detect.logsource import LogSource, sees_event, sees_original
from ombud.detect.matching.values import number_of
from ombud.detect.replaying.narrowing import (
    ANYTHING,
    Cells,
    Columns,
    Elements,
    Narrowing,
    OneOf,
    Rows,
    distinct,
)
from ombud.detect.replaying.stored_matches import is_told
from ombud.detect.rule import Rule

NOT_ACTS = frozenset({TICK_SOURCE, FINDING_SOURCE})

# By source: members of the original, and the field of the event that holds them as they are.
VERBATIM: Mapping[str, Mapping[str, str]] = {
    "aws.cloudtrail": {
        "eventName": "operation",
        "eventSource": "resource.system",
        "userAgent": "origin.agent",
    },
}
NOBODY: Mapping[str, frozenset[str]] = MappingProxyType({})
_WORDS = frozenset({"true", "false", "null"})


class OriginalColumns:
    """What the fields of events tell of their originals, of one source."""

    def __init__(self, source: str, named: Columns) -> None:
        self._named = named
        self._fields = VERBATIM.get(source, {})

    def cells(self, field: str, rows: Rows) -> Cells | None:
        """Return what a member of the originals may be.

        A text that the event has stands in the original as it is, or under a key
        in other letters: then the member is missing, or null.  A source that reads
        numbers as text leaves open what a text of digits was.
        """
        name = self._fields.get(field)
        stored = None if name is None else self._named.cells(name, rows)
        if stored is None:
            return None
        return Cells(stored.codes, [_original(cell) for cell in stored.cells])

    def elements(self, field: str, rows: Rows) -> Elements | None:
        """Return None: what lists an original holds is not stored apart."""
        del field, rows
        return None

    def cost(self, field: str) -> int:
        """Return the cost of the field of the event."""
        name = self._fields.get(field)
        return 0 if name is None else self._named.cost(name)


def _original(cell: Any) -> Any:
    if cell.__class__ is not str or cell.lower() in _WORDS or number_of(cell) is not None:
        return ANYTHING
    return OneOf((cell, None, UNSET))


class Chances(NamedTuple):
    """Rows to be put to rules by name, rows to be put to them as originals, and matches.

    `matches` are by the id of a rule: what it matches beside the rows to be put to it.
    """

    named: Rows
    originals: Rows
    matches: Mapping[str, Rows]


class Candidates:
    """Finds the candidates of rules among stored events."""

    def __init__(
        self,
        rules: Sequence[Rule],
        routes: Mapping[str, LogSource],
        *,
        told: Mapping[str, frozenset[str]] = NOBODY,
    ) -> None:
        """`told` are the fields of rules of whose matches nothing else is asked, by id."""
        self._told = told
        self._routes = dict(routes)
        self._named = [(rule, Narrowing(rule.tree)) for rule in rules if rule.logsource.is_own]
        self._originals = [
            (rule, Narrowing(rule.tree)) for rule in rules if not rule.logsource.is_own
        ]

    def find(self, columns: Columns, rows: Rows) -> Chances:
        """Return the rows that rules can match; `rows` are rows of acts, in order."""
        kinds = _Kinds(columns, rows)
        named: list[Rows] = []
        matches: dict[str, Rows] = {}
        seen_by: dict[str | None, Rows] = {}
        for rule, narrowing in self._named:
            service = rule.logsource.service
            if service not in seen_by:
                seen_by[service] = kinds.rows(rows, _sees(rule.logsource))
            seen = seen_by[service]
            fields = self._told.get(rule.id)
            if fields is None or not kinds.is_certain:
                named.append(narrowing.rows(columns, seen))
                continue
            sure, is_open = narrowing.split(columns, seen)
            is_known = is_told(columns, sure, fields)
            matches[rule.id] = sure[is_known]
            named += [is_open, sure[~is_known]]
        return Chances(_union(named), self._find_originals(columns, rows, kinds), matches)

    def _find_originals(self, columns: Columns, rows: Rows, kinds: _Kinds) -> Rows:
        found: list[Rows] = []
        for source in kinds.sources & self._routes.keys():
            rules = [
                narrowing
                for rule, narrowing in self._originals
                if sees_original(rule.logsource, self._routes[source])
            ]
            if rules:
                seen = kinds.rows(rows, _is_of(source))
                originals = OriginalColumns(source, columns)
                found += [narrowing.rows(originals, seen) for narrowing in rules]
        return _union(found)


def acts_of(columns: Columns, rows: Rows) -> Rows:
    """Return the rows of acts: neither ticks nor findings."""
    stored = columns.cells("source", rows)
    if stored is None:
        return rows
    is_act = np.array([one not in NOT_ACTS for one in map(_hashable, stored.cells)], np.bool_)
    acts: Rows = rows[is_act[stored.codes]]
    return acts


def _hashable(cell: Any) -> Any:
    return cell if cell.__class__ is str else None


def _sees(logsource: LogSource) -> Callable[[Any, Any], bool]:
    def sees(source: Any, action: Any) -> bool:
        named = ["" if one is UNSET else one for one in (source, action)]
        if any(one.__class__ is not str for one in named):
            return True
        return sees_event(logsource, *named)

    return sees


def _is_of(source: str) -> Callable[[Any, Any], bool]:
    return lambda one, _action: one == source


class _Kinds:
    """The sources and actions of rows."""

    def __init__(self, columns: Columns, rows: Rows) -> None:
        sources, actions = columns.cells("source", rows), columns.cells("action", rows)
        if sources is None or actions is None:
            raise ValueError("source and action are stored of every event")
        places, self._codes = distinct(sources.codes, actions.codes, len(actions.cells))
        self._pairs = [(sources.cells[left], actions.cells[right]) for left, right in places]
        # Whether a rule sees an event is certain of those whose source and action are texts.
        self.is_certain = all(
            one is UNSET or one.__class__ is str for pair in self._pairs for one in pair
        )
        self.sources = {source for source, _ in self._pairs if source.__class__ is str}

    def rows(self, rows: Rows, sees: Callable[[Any, Any], bool]) -> Rows:
        """Return those of the rows whose kind is seen."""
        is_seen = np.array([sees(*pair) for pair in self._pairs], np.bool_)
        found: Rows = rows[is_seen[self._codes]]
        return found


def _union(found: Sequence[Rows]) -> Rows:
    if not found:
        return np.empty(0, np.int64)
    return np.unique(np.concatenate(found))
