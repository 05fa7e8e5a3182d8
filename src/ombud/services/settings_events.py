"""Settings as events: what is in force differs from what is on record only until the next start.

The settings file is edited by hand, so a change cannot be an event first; it is
an event before anything acts on it.
"""

from __future__ import annotations

from typing import Any

from ombud.config.settings import BY_NAME, Settings
from ombud.services.asker import local_owner
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL, SETTING_CHANGED


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def record_settings(
    appender: Appender, control: ControlStore, settings: Settings, now: int
) -> list[str]:
    """Record every setting that differs from what is on record; return their names."""
    recorded = control.settings()
    in_force = settings.as_dict()
    changed = [
        name
        for name, value in in_force.items()
        if value != recorded.get(name, _plain(BY_NAME[name].default))
    ]
    events = [
        own_event(
            time=now,
            source=CONTROL,
            action="configure",
            operation=SETTING_CHANGED,
            actor_id=local_owner().person,
            actor_type="person",
            attributes={"name": name, "value": in_force[name]},
        )
        for name in changed
    ]
    if events:
        record_events(appender, events)
    return changed
