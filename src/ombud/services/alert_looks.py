"""Alert looks: alerts as an asker may see them, each look an event before it is answered.

Reading alerts is an overseer's work: no reason is asked for, one that is given is
kept.  Whoever sees some units or systems only sees the alerts all of whose kept
events lie there: counts and sentences would tell of the others.
"""

from __future__ import annotations

from typing import Any

from ombud.core.errors import NotFound
from ombud.services.asker import Asker
from ombud.services.looks import Looks
from ombud.services.watching import Watch

Json = dict[str, Any]

PAGE = 500  # Alerts looked through at once for what an asker may see.


class AlertLooks:
    """Answers about alerts."""

    def __init__(self, *, looks: Looks, watch: Watch) -> None:
        self._looks = looks
        self._watch = watch

    def list(self, *, limit: int, asker: Asker) -> list[Json]:
        """Return alerts, the latest first."""
        self._looks.record_alert_look("alerts", asker)
        if not asker.is_restricted:
            return self._watch.alerts(limit=limit)
        seen: list[Json] = []
        for page in self._watch.pages(limit=PAGE):
            kept = [alert.pop("event_indices") for alert in page]
            visible = self._looks.visible(sorted({i for some in kept for i in some}), asker)
            for alert, indices in zip(page, kept, strict=True):
                if indices and visible.issuperset(indices):
                    seen.append(alert)
            if len(seen) >= limit:
                break
        return seen[:limit]

    def get(self, alert_id: str, *, asker: Asker, why: str | None, case: str | None) -> Json:
        """Return one alert, its rule, and the events it keeps with the fields that matched.

        Events are OCSF without their originals, which a search shows.  Raises
        `NotFound`, also for an alert that the asker may not see.
        """
        self._looks.record_alert_look("alert", asker, resource_id=alert_id, why=why, case=case)
        try:
            alert = self._watch.alert(alert_id)
        except NotFound:
            if asker.is_restricted:  # "More than one" would tell of those out of sight.
                raise _no_alert(alert_id) from None
            raise
        kept = {event["index"]: event["fields"] for event in alert.pop("events")}
        seen = self._looks.visible([alert["first_index"], *kept], asker)
        if not seen.issuperset([alert["first_index"], *kept]):
            raise _no_alert(alert_id)
        events = self._looks.events(sorted(kept))
        return {
            "alert": alert,
            "rule": self._watch.rule_facts(alert["rule_id"], alert["rule_version"]),
            "events": [
                {
                    "index": told.event.id,
                    "fields": kept[told.event.id or 0],
                    "event": told.to_ocsf(),
                }
                for told in events
            ],
        }


def _no_alert(alert_id: str) -> NotFound:
    return NotFound(f"no alert is `{alert_id}`", hint="`ombud alerts` lists those there are")
