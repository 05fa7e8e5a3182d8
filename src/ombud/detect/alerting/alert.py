"""Alert: what a rule found about one actor, once, however often it matches.

An alert is keyed by rule, version of the rule, actor and group, and its id is
the hash of that key; so the same record and rules give the same alerts, and a
replay finds them again instead of doubling them.  What `Alert` holds was true
when it opened and never changes; counts and events arrive as `AlertChange`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from ombud.core.event import Action, Event

FINDING_SOURCE = "ombud.detect"
FINDING_CLASS = 2004  # OCSF Detection Finding.
FINDING_CREATED = 1  # OCSF activity Create.
ID_LENGTH = 32  # Hexadecimal digits of the SHA-256 of the key.

Group = tuple[tuple[str, str], ...]


class Head(Protocol):
    """What an alert says of its rule, which may be a correlation."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def version(self) -> str:
        """The hash of its text."""

    @property
    def title(self) -> str:
        """Its title."""

    @property
    def level(self) -> str:
        """How serious it is."""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One event of an alert: its index and time, and the fields by which it matched."""

    index: int
    time: int
    fields: dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it opened; `opened_at` is the time of recording of its first event."""

    id: str
    rule_id: str
    rule_version: str
    title: str
    level: str
    actor: str | None
    group: Group
    sentence: str
    opened_at: int
    first_event: AlertEvent


@dataclass(frozen=True, slots=True)
class AlertChange:
    """What a stretch of the record did to one alert.

    `opened` is set if the alert opened in that stretch.  `events` are its new
    events as far as they are kept; `count` is of all events so far, kept or not.
    """

    alert_id: str
    opened: Alert | None
    events: tuple[AlertEvent, ...]
    count: int
    first_time: int
    last_time: int
    last_index: int


def alert_id(rule: Head, actor: str | None, group: Group) -> str:
    """Return the id of the alert for this key."""
    key = orjson.dumps([rule.id, rule.version, actor, group])
    return hashlib.sha256(key).hexdigest()[:ID_LENGTH]


def finding_event(alert: Alert) -> Event:
    """Return the finding to be recorded when an alert opens, OCSF class 2004.

    Depends on nothing but the alert as it opened, so that a second recording of
    the same alert is a duplicate.  Ombud is the actor of a finding; the one that it
    is about, who did nothing here, is an attribute.
    """
    finding = {
        "alert_id": alert.id,
        "rule": {"id": alert.rule_id, "version": alert.rule_version, "title": alert.title},
        "level": alert.level,
        "actor": alert.actor,
        "group": [list(pair) for pair in alert.group],
        "sentence": alert.sentence,
        "opened_at": alert.opened_at,
        "event": {
            "index": alert.first_event.index,
            "time": alert.first_event.time,
            "fields": alert.first_event.fields,
        },
    }
    return Event(
        time=alert.opened_at,
        source=FINDING_SOURCE,
        action=Action.OTHER.value,
        operation="open_alert",
        class_uid=FINDING_CLASS,
        activity_id=FINDING_CREATED,
        native_id=alert.id,
        observed_by=FINDING_SOURCE,
        actor_id="ombud",
        actor_type="service",
        rule_id=alert.rule_id,
        alert_id=alert.id,
        attributes={"level": alert.level, "title": alert.title, "actor_id": alert.actor},
        raw=orjson.dumps(finding, option=orjson.OPT_SORT_KEYS),
    )
