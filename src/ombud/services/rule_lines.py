"""Rule lines: records of a file put to rules many at a time, in this process or in several.

What a rule sees of a record is what it would see of it here: its original, or the
event that it becomes; what is no record is told with the reason.  Without a
source, lines are fields and values, and every rule sees every line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from ombud.collect.source import FastPath
from ombud.collect.sources import get_source
from ombud.core.errors import EventError, InputError
from ombud.detect.columnar.original_rows import OriginalProjector, OriginalRows
from ombud.detect.columnar.program import Program
from ombud.detect.columnar.rows import ViewRows
from ombud.detect.logsource import ROUTES, sees_event, sees_original
from ombud.detect.matching.paths import EventView
from ombud.detect.rule import Rule
from ombud.detect.view import view_of_event, view_of_original, with_short_names
from ombud.services.matching import PartLines

Faults = list[tuple[int, str]]  # Row, from 0, and why no rule was put to it.
Found = list[tuple[int, int]]  # Row and position of the rule, in this order.

_BLANK = b"\xef\xbb\xbf \t\r\n"
_GOES_ON = (b"{", b"[", b",", b":")  # The end of a first line of a document over many.


class RuleLines:
    """Rules made ready for records of one kind of source; keeps what it learns of values."""

    def __init__(
        self, rules: Sequence[Rule], kind: str | None = None, mapping: Path | None = None
    ) -> None:
        self.rules = tuple(rules)
        self._source = None if kind is None else get_source(kind, mapping=mapping)
        self._kind = None if self._source is None else self._source.kind
        own = [place for place, rule in enumerate(rules) if rule.logsource.is_own]
        self._own = own if kind is not None else []
        self._other = [place for place in range(len(rules)) if place not in set(self._own)]
        self._named = Program([rules[place] for place in self._own])
        self._projector = OriginalProjector(self._kind)
        self._original = Program([rules[place] for place in self._other])

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return the rules that match each record, and what is no record."""
        rows: list[int] = []
        views: list[EventView] = []
        faults: Faults = []
        for row, raw in enumerate(lines):
            try:
                if self._own:
                    views.append(self._read(raw))
                else:
                    self._check(raw)
            except EventError as error:
                faults.append((row, error.message))
            else:
                rows.append(row)
        text = lines.text if isinstance(lines, PartLines) and not faults else None
        originals = OriginalRows([lines[row] for row in rows], self._projector, blob=text)
        found = [(rows[hit.row], self._other[hit.rule]) for hit in self._original.match(originals)]
        found += [
            (rows[hit.row], self._own[hit.rule])
            for hit in (self._named.match(ViewRows(views)) if self._own else ())
            if self._sees(self._own[hit.rule], views[hit.row])
        ]
        return sorted(found), faults

    def view(self, raw: bytes, rule: int) -> EventView:
        """Return what one rule sees of a record; raises `EventError` if it is none."""
        if self._source is None or self.rules[rule].logsource.is_own:
            return self._read(raw)
        return view_of_original(raw, self._kind)

    def time(self, raw: bytes) -> int | None:
        """Return when a record says that it happened, in milliseconds; None if it does not."""
        value = self._read(raw).get("time")
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        try:
            return to_ms(datetime.fromisoformat(value)) if isinstance(value, str) else None
        except ValueError:
            return None

    def _sees(self, rule: int, view: EventView) -> bool:
        logsource = self.rules[rule].logsource
        return sees_event(logsource, view.get("source", ""), view.get("action", ""))

    def _check(self, raw: bytes) -> None:
        """Raise `EventError` for what is no record, with no more work than that takes."""
        if not isinstance(self._source, FastPath) or self._source.canonical(raw) is None:
            self._read(raw)

    def _read(self, raw: bytes) -> EventView:
        """Return a record by the names of the model, or without a source as it is."""
        if self._source is not None:
            return view_of_event(self._source.parse(raw, now_ms=0))
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise EventError(f"no JSON: {error}") from error
        if not isinstance(value, dict):
            raise EventError("no JSON object")
        return with_short_names(value)


class WholeLines(RuleLines):
    """Rule lines for a file each line of which is one record, as several processes read it."""

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return matches and faults; raises `InputError` for a line that is part of a document."""
        if self._source is not None:
            for raw in lines:
                _check_line(raw)
        return super().match(lines)


def _check_line(raw: bytes) -> None:
    line = raw.strip(_BLANK)
    is_part = line[:1] == b"{" and line.endswith(_GOES_ON)
    if line[:1] == b"[" or is_part or (line.endswith(b"]}") and _holds_many(line)):
        raise InputError(
            "the file is not one record per line, so that several processes cannot share it",
            hint="leave out --jobs",
        )


def _holds_many(line: bytes) -> bool:
    """Whether a line is a document whose member is a list of records."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and any(
        isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner)
        for name, inner in value.items()
        if name in _MANY
    )


def to_ms(moment: datetime) -> int:
    """Return an instant in milliseconds; one without a zone is in UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)


_MANY = frozenset({"Records", "records", "value", "items", "entry", "data"})


def routed(rules: Sequence[Rule], kind: str) -> list[Rule]:
    """Return the rules that see events of this kind of source, in one form or the other."""
    route = ROUTES.get(kind)
    return [rule for rule in rules if rule.logsource.is_own or sees_original(rule.logsource, route)]
