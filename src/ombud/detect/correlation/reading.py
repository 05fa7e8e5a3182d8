"""Reading: what one correlation takes of a match of one rule, told from the event's values.

The same values always give the same part, so whoever has many events with the same
values may ask once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ombud.detect.correlation.keys import Values, keys_of, numbers_of, texts_of
from ombud.detect.correlation.model import Correlation, CorrelationType, Key, Part

_WHOLE_GROUP: tuple[Key, ...] = ((),)  # Without `group-by` there is one group.


class Reading:
    """Reads matches of one rule for one correlation."""

    def __init__(self, correlation: Correlation, rule_id: str) -> None:
        self.groups = tuple(correlation.field_of(name, rule_id) for name in correlation.group_by)
        counted = tuple(correlation.field_of(name, rule_id) for name in correlation.fields)
        kind = correlation.type
        self._kind = kind
        self._same: Sequence[Any] | None = None  # Where the values are those of every match.
        if kind is CorrelationType.EVENT_COUNT:
            self._same = (None,)
        elif kind.is_temporal:
            self._same = (correlation.rules.index(rule_id),)
        self.counted = counted if self._same is None else ()

    @property
    def fields(self) -> frozenset[str]:
        """The fields that decide the part."""
        return frozenset((*self.groups, *self.counted))

    def part(self, values: Values) -> Part:
        """Return what a match adds, whose fields have these values."""
        keys, beyond = keys_of(self.groups, values) if self.groups else (_WHOLE_GROUP, 0)
        if not keys:
            return Part((), (), beyond)
        if self._same is not None:
            return Part(keys, self._same, beyond)
        added: Sequence[Any]
        if self._kind is CorrelationType.VALUE_COUNT:
            added, more = texts_of(self.counted, values)
        else:
            added, more = numbers_of(self.counted[0], values)
        return Part(keys, added, beyond + more)
