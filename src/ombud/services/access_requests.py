"""Access requests: all that is asked of purposes and datasets, put together for one home."""

from __future__ import annotations

from collections.abc import Callable

from ombud.access.model import Policy
from ombud.core.clock import Clock
from ombud.services.approval_quality import ApprovalQuality
from ombud.services.asked_requests import AskedRequests
from ombud.services.break_glass import BreakGlasses, Credentials
from ombud.services.grants import Grants
from ombud.services.looks import Looks
from ombud.services.notices import LoggedNotices, Notifier
from ombud.services.record_port import Appender
from ombud.services.request_binding import Binding
from ombud.services.request_desk import Desk
from ombud.services.request_upkeep import RequestUpkeep
from ombud.services.requests import Requests
from ombud.store.control import ControlStore
from ombud.store.grant_uses import GrantUses
from ombud.store.index import Index


class AccessRequests:
    """Requests, grants, emergencies, how approvers decide, and what falls due."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        policy: Callable[[], Policy],
        clock: Clock,
        index: Index,
        looks: Looks,
        credentials: Credentials,
        binding: Binding,
        notifier: Notifier | None = None,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._looks = looks
        self._uses = uses = GrantUses(index)
        self.desk = desk = Desk(
            appender=appender, control=control, project=project, policy=policy, clock=clock
        )
        self.requests = Requests(desk=desk, looks=looks, exports=self._exports)
        self.asked = AskedRequests(desk=desk, requests=self.requests, binding=binding, clock=clock)
        self.grants = Grants(desk=desk, looks=looks, uses=uses)
        self.break_glass = BreakGlasses(
            desk=desk,
            credentials=credentials,
            notifier=notifier or LoggedNotices(),
        )
        self.quality = ApprovalQuality(desk=desk, looks=looks)
        self.upkeep = RequestUpkeep(
            desk=desk, requests=self.requests, uses=uses, catch_up=looks.catch_up
        )

    def _exports(self, grant_id: str) -> list[int]:
        """Return what was exported under a grant, as of the last durable event."""
        self._looks.catch_up()
        return self._uses.exports(grant_id)
