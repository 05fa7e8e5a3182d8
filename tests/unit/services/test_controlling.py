"""Controlling: control tables follow the record in log order, whatever the clock said."""

from __future__ import annotations

from pathlib import Path

from ombud.core.event import Event
from ombud.record.reader import RecordReader
from ombud.record.recorder import Recorder
from ombud.services.controlling import ControlProjection
from ombud.services.own_events import own_event
from ombud.services.record_port import record_events
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL, SETTING_CHANGED

NOON = 1_795_348_800_000


def setting(number: int, value: int, *, time: int) -> Event:
    """Return a change of one of many settings."""
    return own_event(
        time=time,
        source=CONTROL,
        action="configure",
        operation=SETTING_CHANGED,
        attributes={"name": f"setting-{number}", "value": value},
    )


def test_change_under_a_clock_that_went_back(home: Path) -> None:
    """A change is applied though more than a thousand with later times lie before it."""
    with Recorder.open(home) as recorder:
        control = ControlStore.open(home / "control.sqlite")
        projection = ControlProjection(
            appender=recorder, reader=RecordReader(home), control=control
        )
        record_events(recorder, [setting(n, 0, time=NOON + n) for n in range(1_100)])
        projection.catch_up()
        record_events(recorder, [setting(7, 1, time=NOON - 60_000)])

        projection.catch_up()

        assert control.settings()["setting-7"] == 1
        assert control.watermark() == recorder.size
        projection.rebuild()
        assert control.settings()["setting-7"] == 1
        control.close()
