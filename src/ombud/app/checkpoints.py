"""Checkpoints wired: the parts around justifications, put together for one open home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ombud.core.clock import Clock
from ombud.core.event import Event
from ombud.record.reader import RecordReader
from ombud.services.checkpoint_desk import CheckpointDesk
from ombud.services.checkpoint_uses import CheckpointUses
from ombud.services.checkpoints import Checkpoints
from ombud.services.credentials import Credentials
from ombud.services.follow import Follower
from ombud.services.justification_report import JustificationReport
from ombud.services.justifications import Justifications
from ombud.services.live_policy import LivePolicy
from ombud.services.looks import Looks
from ombud.services.record_port import Appender
from ombud.services.references import ReferenceData
from ombud.store.control import ControlStore
from ombud.store.index import Index


def open_desk(
    home: Path,
    *,
    credentials: Credentials,
    appender: Appender,
    reader: RecordReader,
    control: ControlStore,
    project: Callable[[], None],
    index: Index,
    follower: Follower,
    looks: Looks,
    live: LivePolicy,
    clock: Clock,
) -> CheckpointDesk:
    """Return the desk of a home; `project` brings the control tables up to the last event.

    `credentials` are the home's one and only: two would not see each other's wrong answers.
    """
    size, _ = appender.head()
    references = ReferenceData(
        home, appender=appender, control=control, project=project, clock=clock
    )
    justifications = Justifications(
        appender=appender,
        control=control,
        project=project,
        references=references,
        looks=looks,
        policy=live.policy,
        clock=clock,
    )
    return CheckpointDesk(
        checkpoints=Checkpoints(
            appender=appender,
            control=control,
            project=project,
            policy=live.policy,
            version=lambda: live.snapshot().version,
            justifications=justifications,
            credentials=credentials,
            uses=CheckpointUses(opened_at=clock(), size=size, read=partial(reader.read, raw=False)),
            clock=clock,
        ),
        justifications=justifications,
        references=references,
        report=JustificationReport(
            appender=appender,
            index=index,
            follower=follower,
            fetch=partial(_without_originals, reader),
            looks=looks,
            justifications=justifications,
            clock=clock,
        ),
    )


def _without_originals(reader: RecordReader, indices: Sequence[int]) -> list[Event]:
    return reader.fetch(indices, raw=False)
