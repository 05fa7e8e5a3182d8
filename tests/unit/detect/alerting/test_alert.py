"""The finding that an alert leaves in the record."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from ombud.core.batch import Committed
from ombud.core.event import Event
from ombud.detect.alerting.alert import Alert, AlertEvent, alert_id, finding_event
from ombud.detect.rule import Rule

ALERT = Alert(
    id="a" * 32,
    rule_id="export",
    rule_version="v",
    title="Export",
    level="high",
    actor="ana",
    group=(("resource.dataset", "plates"),),
    sentence="7 rows of plates",
    opened_at=5,
    first_event=AlertEvent(3, 4, {"action": ["export"]}),
)


def test_finding_is_the_same_each_time(committed_of: Callable[..., Committed]) -> None:
    """A second recording of one alert has the same bytes, so it is a duplicate."""
    first, second = (committed_of([finding_event(ALERT)]) for _ in range(2))

    assert first.blobs == second.blobs


def test_finding_says_what_and_why() -> None:
    """The finding is of OCSF class 2004 and names rule, alert, actor and first event."""
    event = finding_event(ALERT)
    raw = orjson.loads(event.raw)

    assert (event.source, event.class_uid, event.native_id) == ("ombud.detect", 2004, "a" * 32)
    assert (event.rule_id, event.alert_id, event.actor_id) == ("export", "a" * 32, "ombud")
    assert event.attributes is not None
    assert event.attributes["actor_id"] == "ana"
    assert event.time == 5
    assert raw["event"] == {"index": 3, "time": 4, "fields": {"action": ["export"]}}
    assert raw["sentence"] == "7 rows of plates"


def test_id_is_of_the_key(rule_of: Callable[..., Rule], act: Callable[..., Event]) -> None:
    """Rule, version, actor and group each make another alert."""
    rule, other = rule_of("a: 1"), rule_of("a: 2")
    ids = {
        alert_id(rule, "ana", ()),
        alert_id(other, "ana", ()),
        alert_id(rule, None, ()),
        alert_id(rule, "ana", (("a", ""),)),
        alert_id(rule, "ana", (("a", "x"),)),
    }

    assert len(ids) == 5
    assert alert_id(rule, "ana", ()) in ids
