"""Rule fields: what rules of a home ask for that no event here carries, and what is like it.

Only names of fields are told, never values; that somebody asked is on record.
"""

from __future__ import annotations

from typing import Any

from ombud.detect.logsource import PRODUCT
from ombud.detect.telling.field_counts import CarriedNames
from ombud.detect.view import view_of_event, view_of_original
from ombud.services.asker import Asker
from ombud.services.looks import Looks
from ombud.services.watching import Watch

Json = dict[str, Any]

SAMPLE = 300  # Of the latest events of a source, whose names of fields are proposed.


class RuleFields:
    """Reports on the fields that rules name."""

    def __init__(self, *, looks: Looks, watch: Watch) -> None:
        self._looks = looks
        self._watch = watch

    def report(self, *, asker: Asker) -> Json:
        """Return events by source, fields never seen with names like them, and silent rules."""
        self._looks.record_alert_look("rule fields", asker)
        self._looks.catch_up()
        faults = self._watch.faults()
        carried: dict[str, CarriedNames] = {}
        never = [
            {**row, "close": self._close(row["source"], row["field"], carried, asker)}
            for row in faults["never_seen"]
        ]
        return {
            "rules": len(self._watch.rules),
            "sources": self._looks.count_sources(asker),
            "never_seen": never,
            "silent": faults["silent"],
        }

    def _close(
        self, source: str, field: str, carried: dict[str, CarriedNames], asker: Asker
    ) -> list[str]:
        names = carried.get(source)
        if names is None:
            names = carried[source] = CarriedNames()
            events = self._looks.sample(None if source == PRODUCT else source, SAMPLE, asker)
            if source == PRODUCT:
                names.add(view_of_event(event) for event in events)
            else:
                names.add(view_of_original(event.raw, source) for event in events if event.raw)
        return list(names.close_to(field))
