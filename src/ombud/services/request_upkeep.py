"""Request upkeep: what falls due for requests and grants, each as an event of the clock.

A turn may be repeated, or broken off and begun anew: what was done is seen in the
tables and not done again.
"""

from __future__ import annotations

from collections.abc import Callable

from ombud.access.model import Policy
from ombud.access.requests import RequestKind, RequestState
from ombud.access.requests_clock import DAY_MS
from ombud.access.requests_rules import find_purpose
from ombud.services.grants import recertify_by, with_delegated
from ombud.services.request_desk import Desk, View, control_event
from ombud.services.request_effects import quarantine_events
from ombud.services.requests import Requests
from ombud.store.grant_uses import GrantUses
from ombud.store.request_events import GRANT_REVOKED, GRANT_USED, Revoked, Used
from ombud.store.requests import GrantRow

USES_AT_ONCE = 5_000  # Grants named by one event.
LATE_DAYS = 30  # So long after its refusal, exports that come in late are looked for.
_PENDING = (RequestState.OPEN.value, RequestState.CHANGES_REQUESTED.value)
_REFUSED = (RequestState.REJECTED.value, RequestState.EXPIRED.value)


class RequestUpkeep:
    """Ends requests, revokes grants and finds late exports when it is time."""

    def __init__(
        self, *, desk: Desk, requests: Requests, uses: GrantUses, catch_up: Callable[[], None]
    ) -> None:
        """`catch_up` brings the index up to the last durable event."""
        self._desk = desk
        self._requests = requests
        self._uses = uses
        self._catch_up = catch_up
        self._used_until = 0
        self._quiet: tuple[int, Policy | None, int] = (-1, None, 0)

    def turn(self) -> None:
        """Do what is due now."""
        now = self._desk.view().now
        for row in self._desk.tables.requests(states=_PENDING, due_by=now):
            self._requests.expire(row.id)
        self._quarantine_late(now)
        self._revoke_due(now)

    def _revoke_due(self, now: int) -> None:
        """Revoke what is due; looks at the grants only when something may be, or has changed."""
        stamp, policy = self._desk.tables.stamp(), self._desk.view().policy
        known_stamp, known_policy, until = self._quiet
        if stamp == known_stamp and policy is known_policy and now < until:
            return
        self._revoke_overdue()
        self._revoke_unused(now)
        self._quiet = (stamp, policy, self._next_due(self._desk.view()))

    def _next_due(self, view: View) -> int:
        """Return from when on a grant may have to be revoked, or uses must be noted."""
        limited = self._limited(view)
        uses = self._uses_of(limited)
        due = [_idle_since(row, uses) + days * DAY_MS for row, days in limited]
        if limited:
            due.append(self._used_until + 2 * DAY_MS)
        days_of = {one.id: one.recertify_days for one in view.policy.purposes}
        if any(days_of.values()):
            for row in self._desk.tables.find_grants(over_after=view.now, kind="requested"):
                by = recertify_by(row, days_of.get(row.purpose))
                if by is not None:
                    due.append(by)
        return min(due, default=view.now + DAY_MS)

    def _quarantine_late(self, now: int) -> None:
        """Put exports into quarantine that were told of after the refusal, or not reached then."""
        rows = self._desk.tables.requests(kinds=(RequestKind.BREAK_GLASS,), states=_REFUSED)
        recent = [row for row in rows if (row.closed_at or 0) > now - LATE_DAYS * DAY_MS]
        if not recent:
            return
        self._catch_up()
        for row in recent:
            grant = self._desk.tables.grant(row.grant or "")
            if grant is None:
                continue
            known = set(self._desk.tables.quarantined(grant.id))
            late = [index for index in self._uses.exports(grant.id) if index not in known]
            if late:
                with self._desk.held() as view:
                    self._desk.record(*quarantine_events(view, None, grant, late))

    def _revoke_overdue(self) -> None:
        """Revoke grants that nobody recertified in time."""
        with self._desk.held() as view:
            if not any(purpose.recertify_days for purpose in view.policy.purposes):
                return
            for row in self._desk.tables.find_grants(over_after=view.now, kind="requested"):
                purpose = find_purpose(view.policy, row.purpose)
                due = recertify_by(row, purpose.recertify_days if purpose else None)
                if due is not None and due <= view.now:
                    self._revoke(view, row, "not recertified in time")

    def _revoke_unused(self, now: int) -> None:
        """Note who used what, and revoke grants that nobody uses.

        What those use to whom a grant was given on counts as its use.
        """
        limited = self._limited(self._desk.view())
        if not limited:
            return
        if not self._is_due(limited, now):
            return
        self._catch_up()
        found = self._uses.last(self._used_until)
        with self._desk.held() as view:
            self._note(view, found)
            self._used_until = max(self._used_until, now - DAY_MS)
            self._revoke_idle(view)

    def _limited(self, view: View) -> list[tuple[GrantRow, int]]:
        """Return the grants that hold and must be used, with in how many days."""
        days = {one.id: one.unused_days for one in view.policy.purposes if one.unused_days}
        if not days:
            return []
        rows = self._desk.tables.find_grants(over_after=view.now)
        return [(row, days[row.purpose] or 0) for row in rows if row.purpose in days]

    def _is_due(self, limited: list[tuple[GrantRow, int]], now: int) -> bool:
        """Whether it is time to look: each day, and before any grant would be revoked."""
        if now - self._used_until >= 2 * DAY_MS:
            return True
        uses = self._uses_of(limited)
        return any(_idle_since(row, uses) + days * DAY_MS <= now for row, days in limited)

    def _uses_of(self, limited: list[tuple[GrantRow, int]]) -> dict[str, int]:
        """Return when grants were last used, by whoever they were given on to as well."""
        uses = self._desk.tables.uses()
        for row, _ in limited:
            if row.parent is not None and row.id in uses:
                uses[row.parent] = max(uses.get(row.parent, 0), uses[row.id])
        return uses

    def _note(self, view: View, found: dict[str, int]) -> None:
        known = self._desk.tables.uses()
        newer = {grant: at for grant, at in sorted(found.items()) if at > known.get(grant, -1)}
        real = [grant for grant in newer if self._desk.tables.grant(grant) is not None]
        for start in range(0, len(real), USES_AT_ONCE):
            uses = {grant: newer[grant] for grant in real[start : start + USES_AT_ONCE]}
            self._desk.record(control_event(view, None, GRANT_USED, "other", Used(uses=uses)))

    def _revoke_idle(self, view: View) -> None:
        limited = self._limited(view)
        uses = self._uses_of(limited)
        for row, days in limited:
            if _idle_since(row, uses) + days * DAY_MS <= view.now:
                self._revoke(view, row, f"not used for {days} days")

    def _revoke(self, view: View, row: GrantRow, why: str) -> None:
        stands = self._desk.tables.grant(row.id)
        if stands is None or stands.revoked_at is not None:
            return  # With the grant that it was given on from.
        said = Revoked(grants=with_delegated(self._desk, row), reason=why)
        self._desk.record(
            control_event(
                view, None, GRANT_REVOKED, "revoke", said, about=row, justification_text=why
            )
        )


def _idle_since(row: GrantRow, uses: dict[str, int]) -> int:
    """Return since when a grant has not been used: its last use, or its beginning or renewal."""
    return max(row.begins, row.recertified_at or 0, uses.get(row.id, 0))
