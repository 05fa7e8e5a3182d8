"""World: what lies outside a query and its events, and decides what the query means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ombud.query.names import ALERT_FIELDS
from ombud.query.tree import Has, Match, Node, Query, TimeOfDay, Weekdays, leaves

AlertTest = Match | Has


@dataclass(frozen=True, slots=True)
class World:
    """When a query is asked, and what was looked up for it beforehand.

    `zone` is the query's own; `unit_zones` are those that units have, looked up when
    `needs_unit_zones`.  `alerts` holds the indices of the events of the alerts that
    pass each of `alert_tests`.
    """

    now_ms: int = 0
    zone: str | None = None
    unit_zones: tuple[str, ...] = ()
    alerts: Mapping[AlertTest, Sequence[int]] = field(default_factory=dict)


def needs_unit_zones(query: Query) -> bool:
    """Whether the query means the clocks of the units of those who acted."""
    if query.zone is not None:
        return False
    return any(
        isinstance(leaf, Weekdays) or (isinstance(leaf, TimeOfDay) and leaf.offset is None)
        for leaf in leaves(query.where)
    )


def alert_tests(node: Node | None) -> list[AlertTest]:
    """Return the tests that are about alerts."""
    return [
        leaf
        for leaf in leaves(node)
        if isinstance(leaf, Match | Has) and leaf.field in ALERT_FIELDS
    ]
