"""Worlds: what is looked up before a query is compiled: zones of units, events of alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ombud.core.errors import InputError
from ombud.query.columns import SPAN_TABLE
from ombud.query.tree import Query
from ombud.query.world import AlertTest, World, alert_tests, needs_unit_zones
from ombud.query.zones import zone_names
from ombud.store.statement import Rows, Statement

# Indices of the events of those alerts that pass a test; alerts live in another file.
AlertEvents = Callable[[AlertTest], Sequence[int]]


def find_world(ask: Rows, query: Query, now_ms: int, alerts: AlertEvents | None = None) -> World:
    """Return the world in which a query is asked.

    Raises `InputError` for a test of alerts where there are none to ask.  A zone that
    nobody knows counts as UTC.
    """
    zones: tuple[str, ...] = ()
    if needs_unit_zones(query):
        found = ask(Statement(f'SELECT DISTINCT "zone" FROM {SPAN_TABLE} ORDER BY 1', []))
        zones = tuple(zone for (zone,) in found if zone in zone_names())
    tests = alert_tests(query.where)
    if tests and alerts is None:
        raise InputError("alerts are not at hand here: search for them through the home")
    events = {} if alerts is None else {test: alerts(test) for test in tests}
    return World(now_ms=now_ms, zone=query.zone, unit_zones=zones, alerts=events)
