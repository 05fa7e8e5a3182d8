"""Worlds: what is looked up before a query is compiled: zones of units, events of alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ombud.core.errors import InputError
from ombud.query.columns import SPAN_TABLE
from ombud.query.tree import Query
from ombud.query.world import AlertTest, World, alert_tests, needs_unit_zones
from ombud.query.zones import zone_names
from ombud.store.statement import Rows, Statement

# Indices of the events of those alerts that pass a test; alerts live in another file.
AlertEvents = Callable[[AlertTest], Sequence[int]]


def find_alerts(query: Query, alerts: AlertEvents | None) -> Mapping[AlertTest, Sequence[int]]:
    """Return the indices of the events that pass each test of alerts in the query.

    Raises `InputError` where there are no alerts to ask.
    """
    tests = alert_tests(query.where)
    if tests and alerts is None:
        raise InputError("alerts are not at hand here: search for them through the home")
    return {} if alerts is None else {test: alerts(test) for test in tests}


def find_world(
    ask: Rows, query: Query, now_ms: int, alerts: Mapping[AlertTest, Sequence[int]]
) -> World:
    """Return the world in which a query is asked; a zone that nobody knows counts as UTC."""
    zones: tuple[str, ...] = ()
    if needs_unit_zones(query):
        found = ask(Statement(f'SELECT DISTINCT "zone" FROM {SPAN_TABLE} ORDER BY 1', []))
        zones = tuple(zone for (zone,) in found if zone in zone_names())
    return World(now_ms=now_ms, zone=query.zone, unit_zones=zones, alerts=alerts)
