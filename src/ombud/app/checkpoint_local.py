"""Checkpoint local: the questions about checkpoints, put to a home that is open here."""

from __future__ import annotations

from collections.abc import Sequence

from ombud.app.checkpoint_door import Json
from ombud.services.asker import Asker
from ombud.services.checkpoint_desk import CheckpointDesk
from ombud.services.checkpoint_wanted import CheckpointWanted


class LocalCheckpoints:
    """The desk of a home, asked by its owner."""

    def __init__(self, desk: CheckpointDesk, asker: Asker) -> None:
        self._desk = desk
        self._asker = asker

    def listed(self) -> Json:
        """Return the checkpoints."""
        return self._desk.checkpoints.listed(asker=self._asker)

    def show(self, name: str, *, purpose: str | None) -> Json:
        """Return one checkpoint."""
        return self._desk.checkpoints.show(name, purpose=purpose, asker=self._asker)

    def meet(self, name: str, wanted: CheckpointWanted) -> Json:
        """Answer a checkpoint."""
        return self._desk.checkpoints.meet(name, wanted, asker=self._asker)

    def awaiting(self) -> Json:
        """Return what waits."""
        return self._desk.checkpoints.awaiting(asker=self._asker)

    def confirm(self, id_: str, *, is_declined: bool) -> Json:
        """Confirm or decline."""
        return self._desk.checkpoints.confirm(id_, is_declined=is_declined, asker=self._asker)

    def justifications(
        self,
        *,
        since: int,
        limit: int,
        verdicts: Sequence[str],
        actor: str | None,
        cursor: str | None,
        why: str | None,
        case: str | None,
    ) -> Json:
        """Return a page of justifications."""
        return self._desk.justifications.find(
            asker=self._asker,
            since=since,
            limit=limit,
            verdicts=verdicts,
            actor=actor,
            cursor=cursor,
            why=why,
            case=case,
        )

    def justification(self, id_: str, *, why: str | None, case: str | None) -> Json:
        """Return one justification."""
        return self._desk.justifications.show(id_, asker=self._asker, why=why, case=case)

    def report(self, *, days: int, limit: int, why: str | None, case: str | None) -> Json:
        """Return the report."""
        return self._desk.report.report(
            days=days, limit=limit, asker=self._asker, why=why, case=case
        )

    def reference_load(self, names: Sequence[str], *, why: str | None) -> Json:
        """Load tables."""
        return self._desk.references.load(names, asker=self._asker, why=why)

    def reference_check(self, names: Sequence[str]) -> Json:
        """Read tables."""
        return self._desk.references.check(names, asker=self._asker)

    def reference_list(self) -> Json:
        """Return the tables."""
        return self._desk.references.tables(asker=self._asker)

    def reference_loads(self, name: str) -> Json:
        """Return the loads of a table."""
        return self._desk.references.loads(name, asker=self._asker)

    def credential_set(self, secret: str, *, person: str | None, current: str | None) -> Json:
        """Set a secret."""
        return self._desk.checkpoints.credential_set(
            secret, person=person, current=current, asker=self._asker
        )
