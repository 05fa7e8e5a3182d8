"""Checkpoint desk: checkpoints, justifications and reference data of one home, as one part."""

from __future__ import annotations

from dataclasses import dataclass

from ombud.services.checkpoints import Checkpoints
from ombud.services.justification_report import JustificationReport
from ombud.services.justifications import Justifications
from ombud.services.references import ReferenceData


@dataclass(frozen=True, slots=True)
class CheckpointDesk:
    """The use cases around justifications."""

    checkpoints: Checkpoints
    justifications: Justifications
    references: ReferenceData
    report: JustificationReport

    def turn(self, now: int) -> None:
        """Do the standing work: verify again once a day, after tables that are due are refreshed.

        Raises `Unavailable` when a table could not be refreshed; the rest was done.
        """
        try:
            self.references.turn(now)
        finally:
            self.justifications.turn(now)
