"""Upgrading: a home brought to the format of this program, step by step, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ombud.app.home import open_here
from ombud.app.opening import is_running
from ombud.app.paths import HomePaths
from ombud.core.clock import now_ms
from ombud.core.errors import Conflict, NotFound
from ombud.record.paths import Home
from ombud.record.standing import FORMAT, check_may_sign, check_version, write_version
from ombud.services.asker import local_owner
from ombud.services.own_events import own_event
from ombud.services.record_port import record_events
from ombud.store.control_events import CONTROL
from ombud.store.control_schema import REVISION
from ombud.store.versions import control_revision, index_is_current

HOME_UPGRADED = "home.upgraded"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade does to a home; without steps there is nothing to do."""

    found: int
    steps: tuple[str, ...]


def plan_upgrade(home: Path) -> Plan:
    """Return what is to be done; raises `NotFound` without a home, `Unavailable` if newer.

    Raises `Conflict` while the home runs: its tables belong to the server then.
    """
    if is_running(home):
        raise Conflict("this home is running", hint="stop `ombud serve`, then upgrade")
    place, paths = Home(home.resolve()), HomePaths(home.resolve())
    if not place.state.exists():
        raise NotFound(f"no record at `{home}`")
    found = check_version(place.root)
    steps = []
    if not index_is_current(paths.index_database):
        steps.append("index: made anew from the record, which takes the longest")
    revision = control_revision(paths.control_database)
    if revision != REVISION:
        steps.append(f"control tables: from revision {revision or 'none'} to {REVISION}")
    if found < FORMAT:
        steps.append(f"format: from {found} to {FORMAT}, said in `version`; last of all")
    return Plan(found, tuple(steps))


def upgrade_home(home: Path, on_progress: Callable[[int, int], None]) -> Plan:
    """Bring a home to this format and return what was done; the format itself changes last.

    Cut short, it is begun again.  Raises `Conflict` while the home runs.
    """
    plan = plan_upgrade(home)
    if not plan.steps:
        return plan
    place = Home(home.resolve())
    check_may_sign(place.root)
    with open_here(home) as opened:
        size, _ = opened.appender.head()
        opened.rebuild(lambda done: on_progress(done, 2 * size))
        if plan.found < FORMAT:
            event = own_event(
                time=now_ms(),
                source=CONTROL,
                action="configure",
                operation=HOME_UPGRADED,
                actor_id=local_owner().person,
                actor_type="person",
                attributes={"from": plan.found, "to": FORMAT},
            )
            record_events(opened.appender, [event])
            write_version(place.root, place.tmp / "version")
    return plan
