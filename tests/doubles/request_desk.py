"""Request double: requests and grants over real control tables, with a clock moved by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from doubles.memory_log import MemoryLog
from ombud.access.model import (
    Approval,
    Audience,
    BreakGlass,
    Dataset,
    Entity,
    Policy,
    Purpose,
)
from ombud.core.errors import Forbidden
from ombud.core.event import Event
from ombud.services.approval_quality import ApprovalQuality
from ombud.services.asker import Asker
from ombud.services.break_glass import BreakGlasses
from ombud.services.grants import Grants
from ombud.services.notices import Notice
from ombud.services.request_desk import Desk
from ombud.services.request_upkeep import RequestUpkeep
from ombud.services.request_wanted import (
    BreakGlassWanted,
    GrantStepWanted,
    RequestWanted,
    StepWanted,
)
from ombud.services.requests import Requests
from ombud.store.control import ControlStore

NOW = 1_795_305_600_000  # Sunday, 2026-11-22T00:00:00Z
DAY = 86_400_000
PURPOSE = "stolen-vehicles"
EVERY = frozenset({"request", "search"})


def person(name: str, *scopes: str) -> Asker:
    """Return somebody with a token of these scopes, `request` and `search` without."""
    return Asker(person=name, scopes=frozenset(scopes) or EVERY)


ANA, BEN, CY, DEE, KIM = (person(name) for name in ("ana", "ben", "cy", "dee", "kim"))


def make_policy(**purpose: Any) -> Policy:
    """Return a policy: cy, dee and kim decide, two of them; kim owns; politicians are barred."""
    known: dict[str, Any] = {
        "owner": "person:kim",
        "approval": Approval(
            approvers=Audience(actors=("person:cy", "person:dee", "person:kim")),
            quorum=2,
            barred=Audience(roles=("politician",)),
        ),
        "days_max": 90,
        "break_glass": BreakGlass(reasons=("danger-to-life",), notify=("person:dpo",)),
    }
    return Policy(
        zone="Europe/Dublin",
        purposes=(
            Purpose(id="policing", title="Policing"),
            Purpose(id=PURPOSE, title="Find cars", parent="policing", **{**known, **purpose}),
            Purpose(id="orphan", title="Nobody decides"),
        ),
        datasets=(
            Dataset(id="plates", owner="person:dee", intended=(), prohibited=("marketing",)),
            Dataset(id="streets", sources=("plates",)),
        ),
        entities=(Entity(type="person", id="pol", attributes={"role": "politician"}),),
    )


class _Looks:
    """Looks that are noted."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    def record_look(self, operation: str, asker: Asker, **fields: Any) -> None:
        """Note a look."""
        del fields
        asker.require("search")
        self.noted.append(operation)

    def catch_up(self) -> None:
        """Have nothing to do."""


class Uses:
    """What was done under grants, as a test says."""

    def __init__(self) -> None:
        self.uses: dict[str, int] = {}
        self.exported: dict[str, list[int]] = {}
        self.asked = 0

    def last(self, since: int) -> dict[str, int]:
        """Return the uses since an instant."""
        self.asked += 1
        return {grant: at for grant, at in self.uses.items() if at >= since}

    def counts(self, grant_id: str) -> list[dict[str, Any]]:
        """Return one line for a grant that was used."""
        return [{"action": "read", "count": 1}] if grant_id in self.uses else []

    def exports(self, grant_id: str) -> list[int]:
        """Return the exports under a grant."""
        return self.exported.get(grant_id, [])


class _Secrets:
    """Everybody has a secret of their own."""

    def credential_check(self, secret: str, *, asker: Asker) -> str:
        """Refuse another."""
        if secret != f"secret of {asker.person}":
            raise Forbidden("that is not your secret")
        return asker.person


class _Notified:
    """Notices that were carried."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def notify(self, notice: Notice) -> None:
        """Keep a notice."""
        self.notices.append(notice)


class RequestHome:
    """All about requests, over a record in memory."""

    def __init__(self, folder: Path, policy: Policy | None = None) -> None:
        self.record = MemoryLog()
        self.control = ControlStore.open(folder / "control.sqlite")
        self.now = NOW
        self.policy = policy or make_policy()
        self.looks = _Looks()
        self.uses = Uses()
        looks, uses = cast("Any", self.looks), cast("Any", self.uses)
        self.notified = _Notified()
        self.desk = Desk(
            appender=self.record,
            control=self.control,
            project=self.project,
            policy=lambda: self.policy,
            clock=lambda: self.now,
        )
        self.requests = Requests(desk=self.desk, looks=looks, exports=self.uses.exports)
        self.grants = Grants(desk=self.desk, looks=looks, uses=uses)
        self.break_glass = BreakGlasses(
            desk=self.desk, credentials=_Secrets(), notifier=self.notified
        )
        self.quality = ApprovalQuality(desk=self.desk, looks=looks)
        self.upkeep = RequestUpkeep(
            desk=self.desk, requests=self.requests, uses=uses, catch_up=self.looks.catch_up
        )

    def project(self) -> None:
        """Bring the tables up to the last event."""
        for committed in self.record.since(self.control.watermark()):
            self.control.apply(committed)

    def events(self) -> list[Event]:
        """Return every event."""
        return self.record.events()

    def ask(self, asker: Asker = ANA, **wanted: Any) -> str:
        """Open a request and return its id."""
        said = {"purpose": PURPOSE, "text": "Case 24-118 needs it", **wanted}
        return str(self.requests.open(RequestWanted(**said), asker=asker)["id"])

    def step(self, request: str, step: str, asker: Asker, **said: Any) -> dict[str, Any]:
        """Take a step of a request."""
        return self.requests.step(request, StepWanted(step=step, **said), asker=asker)

    def grant(self, asker: Asker = ANA, by: Sequence[Asker] = (CY, DEE), **wanted: Any) -> str:
        """Let a request be approved and return the grant."""
        request = self.ask(asker, **wanted)
        told: dict[str, Any] = {}
        for approver in by:
            told = self.step(request, "approve", approver)
        return str(told["made"])

    def with_grant(self, grant: str, step: str, asker: Asker, **said: Any) -> dict[str, Any]:
        """Do something with a grant."""
        wanted = GrantStepWanted(step=step, **{"text": "because", **said})
        return self.grants.step(grant, wanted, asker=asker)

    def emergency(self, asker: Asker = ANA, **wanted: Any) -> dict[str, Any]:
        """Break the glass."""
        said = {
            "purpose": PURPOSE,
            "code": "danger-to-life",
            "text": "A child is missing",
            "secret": f"secret of {asker.person}",
            **wanted,
        }
        return self.break_glass.start(BreakGlassWanted(**said), asker=asker)

    def close(self) -> None:
        """Close the tables."""
        self.control.close()
