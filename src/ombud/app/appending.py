"""Appending: the way into a home's record, whether it runs or not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ombud.app.home import PATIENCE_SECONDS, prepare_home
from ombud.app.opening import is_running
from ombud.app.paths import HomePaths
from ombud.collect.intake import Intake
from ombud.collect.quarantine import Quarantine
from ombud.config.settings import load_settings
from ombud.record.client import RecorderClient
from ombud.record.paths import Home
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer
from ombud.services.ingesting import load_health, save_health
from ombud.services.record_port import Appender


@contextmanager
def open_appender(home: Path) -> Iterator[Appender]:
    """Yield the running recorder of a home, or one in this process; makes a home that is new.

    Raises `Unavailable` when another process holds the home.
    """
    if is_running(home):
        yield RecorderClient(Home(home.resolve()).recorder_socket)
        return
    settings = load_settings(home, os.environ)
    prepare_home(home)
    origin = settings["record.origin"] or None
    with Recorder.open(home, origin=origin, patience_seconds=PATIENCE_SECONDS) as recorder:
        try:
            yield recorder
        finally:
            Sealer(home, recorder).seal_all()


@contextmanager
def open_intake(home: Path) -> Iterator[Intake]:
    """Yield the way of logs into a home's record; what it noticed of sources is kept at the end.

    Raises what `open_appender` raises.
    """
    settings = load_settings(home, os.environ)
    with open_appender(home) as appender:
        health = load_health(home)
        try:
            yield Intake(
                appender,
                Quarantine(HomePaths(home).quarantine, mb_max=settings["quarantine.max_mb"]),
                health=health,
                overlaps=not isinstance(appender, Recorder),
            )
        finally:
            save_health(home, health)
