"""Settings as events: what is in force differs from what is on record only until the next start.

The settings file is edited by hand, so a change cannot be an event first; it is
an event before anything acts on it.  So is the file of attribution.
"""

from __future__ import annotations

from typing import Any

from ombud.attribution.declarations import Declarations
from ombud.config.attribution_file import SETTING, plain_attribution
from ombud.config.settings import BY_NAME, Settings
from ombud.services.asker import local_owner
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL, SETTING_CHANGED


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def record_settings(
    appender: Appender,
    control: ControlStore,
    settings: Settings,
    now: int,
    *,
    declarations: Declarations | None = None,
) -> list[str]:
    """Record every setting that differs from what is on record; return their names.

    What is declared for attribution is one of them, under the name `attribution`.
    """
    recorded = control.settings()
    in_force = settings.as_dict() | {SETTING: plain_attribution(declarations or {})}
    defaults = {name: _plain(setting.default) for name, setting in BY_NAME.items()}
    defaults[SETTING] = plain_attribution({})
    changed = [
        name for name, value in in_force.items() if value != recorded.get(name, defaults[name])
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
