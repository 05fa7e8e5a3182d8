"""Desk: one actor at work on one system: it moves the time on and fills in what is known."""

from __future__ import annotations

from typing import Any

from ombud.simulate.act import CHARTBOOK, PLATELINE, PLATFORM, RECORDS, Act, Seat
from ombud.simulate.cases import Case
from ombud.simulate.dice import Dice
from ombud.simulate.people import Actor
from ombud.simulate.residents import Resident
from ombud.simulate.roster import SECOND, TOLERANCE
from ombud.simulate.world import World

_AGENTS = {
    "casebook": "Casebook/8.2 (Windows NT 10.0)",
    "chartbook": "Chartbook/5.1 (Windows NT 10.0)",
    "dataworks": "Dataworks-Studio/2026.3",
    "plateline": "Plateline-Mobile/3.4",
    "records": "ward-client",
    "platform": "aws-cli/2.31.1",
}
_CASE_SHARE = 0.93  # Some honest work has a purpose and a reason, and no file yet.


class Desk:
    """Where routines and stories get their acts from.

    `time` only moves on.  `pace` is the mean gap between acts, milliseconds.
    """

    __slots__ = ("_own_key", "_shift", "actor", "dice", "pace", "seat", "time", "world")

    def __init__(
        self,
        world: World,
        dice: Dice,
        actor: Actor,
        system: str,
        time: int,
        *,
        pace: float = 40 * SECOND,
        shift: tuple[int, int] | None = None,
    ) -> None:
        self.world = world
        self.dice = dice
        self.actor = actor
        self.time = time
        self.pace = pace
        self._shift = shift
        self.seat = Seat(
            actor=actor,
            system=system,
            session=f"{system[:2]}-{dice.hex(10)}",
            started=time,
            ip=world.moves.address_of(actor, time),
            device=actor.device,
            agent=_AGENTS[system] if actor.kind == "person" else f"{actor.login}/1.0",
            port=dice.between(32_768, 60_999),
            pid=dice.between(2_000, 400_000) if system == RECORDS else 0,
            database="clinic",
            account=actor.login,
        )
        own = world.own_resident(actor)
        if own is None:
            self._own_key = None
        else:
            self._own_key = own.patient_no if system == CHARTBOOK else own.key

    def case(self) -> Case | None:
        """Return a file of the actor to work on now, if there is one."""
        if self.dice.chance(_CASE_SHARE):
            files = self.world.cases.open_for(self.actor, self.time)
            if files:
                return self.dice.pick(files)
        return None

    def wait(self, mean: float) -> None:
        """Let time pass, `mean` milliseconds on average."""
        self.time += 200 + int(self.dice.gap(mean))

    def act(
        self,
        operation: str,
        *,
        about: Resident | None = None,
        file: Case | None = None,
        context: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Act:
        """Return an act at the present time, then let the time to the next one pass.

        `about` names the data subject, `file` gives case and purpose, also over a
        purpose that is given, `context` adds attributes; `fields` are those of `Act`.
        """
        system = self.seat.system
        if file is not None:
            fields["case"] = file.id
            fields["purpose"] = file.purpose
        if system is not RECORDS and system is not PLATFORM:
            attributes = self._attributes()
            if about is not None:
                if about.number in self.actor.relations or about.is_vip or about.is_canary:
                    attributes.update(self.world.context_of(self.actor, about))
                fields.setdefault("subjects", _keys(system, about))
            if context:
                attributes.update(context)
            context = attributes
        act = Act(time=self.time, seat=self.seat, operation=operation, attributes=context, **fields)
        self.wait(self.pace)
        return act

    def _attributes(self) -> dict[str, Any]:
        if self.actor.kind != "person":
            return {}
        shift = self._shift
        if shift is None:
            is_off = not self.world.roster.is_on_shift(self.actor, self.time)
        else:
            is_off = not shift[0] - TOLERANCE <= self.time < shift[1] + TOLERANCE
        return {"off_shift": is_off, "actor_subject_key": self._own_key}


def _keys(system: str, resident: Resident) -> tuple[tuple[str, str], ...]:
    if system == CHARTBOOK:
        return (("patient", resident.patient_no),)
    if system == PLATELINE and resident.plate is not None:
        return (("plate", resident.plate), ("person", resident.key))
    return (("person", resident.key),)
