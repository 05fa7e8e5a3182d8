"""Requests as stored: access requests with their steps, grants and attachments, as they stand.

Written by events alone (`request_events`).  Grants and attachments are kept in
memory, because every decision stands on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Engine, RowMapping, func, or_, select

from ombud.access.attempt import Attachment, Grant
from ombud.core.errors import TamperError
from ombud.store.request_tables import (
    access_grant,
    access_request,
    dataset_attachment,
    grant_use,
    quarantined_export,
    request_step,
)

_AT_ONCE = 500  # Values of one statement; SQLite takes some thousands.
DIGITS_MIN = 8  # Of an id that is named by its beginning; lists show as many.


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a request; `at` in milliseconds since the epoch, `index` of its event."""

    kind: str
    actor: str
    at: int
    text: str | None
    details: dict[str, Any]
    index: int


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as it stands; instants in milliseconds since the epoch."""

    id: str
    kind: str
    state: str
    requester: str
    beneficiary: str
    purpose: str
    dataset: str | None
    grant: str | None
    days: int | None
    code: str | None
    text: str
    case: str | None
    notify: tuple[str, ...]
    asked: dict[str, Any] | None
    opened_at: int
    amended_at: int | None
    expires_at: int
    closed_at: int | None
    made: str | None
    event_index: int


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One grant as it stands; instants in milliseconds since the epoch."""

    id: str
    kind: str
    actor_type: str
    actor_id: str
    purpose: str
    begins: int
    ends: int
    request: str | None
    parent: str | None
    created_at: int
    recertified_at: int | None
    revoked_at: int | None
    revoked_by: str | None
    revoked_why: str | None
    event_index: int

    @property
    def actor(self) -> str:
        """Whose it is, as `type:id`."""
        return f"{self.actor_type}:{self.actor_id}"

    @property
    def over_at(self) -> int:
        """From when on it holds no more."""
        return self.ends if self.revoked_at is None else min(self.ends, self.revoked_at)

    def holds(self, now: int) -> bool:
        """Whether it holds at an instant."""
        return self.begins <= now < self.over_at


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """One attachment as it stands; instants in milliseconds since the epoch."""

    id: str
    dataset: str
    purpose: str
    begins: int
    ends: int
    request: str | None
    created_at: int
    revoked_at: int | None
    revoked_by: str | None
    revoked_why: str | None
    event_index: int

    @property
    def over_at(self) -> int:
        """From when on it holds no more."""
        return self.ends if self.revoked_at is None else min(self.ends, self.revoked_at)


class RequestTables:
    """What is read of requests, grants and attachments."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._generation = 0
        self._stamp: tuple[int, int] | None = None
        self._grants: tuple[int, tuple[Grant, ...]] | None = None
        self._attachments: tuple[int, tuple[Attachment, ...]] | None = None

    def forget(self) -> None:
        """Forget what is kept in memory, because the tables may have changed."""
        self._generation += 1

    def stamp(self) -> int:
        """Return the index of the last event that changed grants or attachments, 0 without."""
        known = self._stamp
        # Read first: what a change overtakes meanwhile must not be kept as the newest.
        generation = self._generation
        if known is None or known[0] != generation:
            with self._engine.connect() as connection:
                latest = [
                    connection.execute(select(func.max(table.c.event_index))).scalar() or 0
                    for table in (access_grant, dataset_attachment)
                ]
            known = self._stamp = (generation, max(latest))
        return known[1]

    def grants(self) -> tuple[Grant, ...]:
        """Return every grant, whether it holds or not; a revoked one ends when it was revoked."""
        stamp = self.stamp()
        known = self._grants
        if known is None or known[0] != stamp:
            rows = self.find_grants()
            known = self._grants = (stamp, tuple(_to_grant(row) for row in rows))
        return known[1]

    def attachments(self) -> tuple[Attachment, ...]:
        """Return every attachment; a revoked one ends when it was revoked."""
        stamp = self.stamp()
        known = self._attachments
        if known is None or known[0] != stamp:
            rows = self.find_attachments()
            known = self._attachments = (stamp, tuple(_to_attachment(row) for row in rows))
        return known[1]

    def request(self, request_id: str) -> RequestRow | None:
        """Return a request, None if there is no such."""
        found = self._requests(access_request.c.id == request_id)
        return found[0] if found else None

    def named_request(self, name: str) -> RequestRow | None:
        """Return the request with an id or the only one whose id begins so, else None."""
        return self.request(_whole_id(self._engine, access_request.c.id, name))

    def requests(
        self,
        *,
        states: Iterable[str] = (),
        kinds: Iterable[str] = (),
        since: int = 0,
        due_by: int | None = None,
    ) -> list[RequestRow]:
        """Return requests opened since an instant, the oldest first; no states mean all.

        `due_by`: only those that expire up to and with that instant.
        """
        wanted: list[ColumnElement[bool]] = [access_request.c.opened_at >= since]
        if states := tuple(states):
            wanted.append(access_request.c.state.in_(states))
        if kinds := tuple(kinds):
            wanted.append(access_request.c.kind.in_(kinds))
        if due_by is not None:
            wanted.append(access_request.c.expires_at <= due_by)
        return self._requests(*wanted)

    def _requests(self, *wanted: ColumnElement[bool]) -> list[RequestRow]:
        in_order = (
            select(access_request)
            .where(*wanted)
            .order_by(access_request.c.opened_at, access_request.c.id)
        )
        with self._engine.connect() as connection:
            return [_request(row) for row in connection.execute(in_order).mappings()]

    def steps(self, requests: Iterable[str]) -> dict[str, list[StepRow]]:
        """Return the steps of some requests, each in the order of the record."""
        listed = list(requests)
        found: dict[str, list[StepRow]] = {request: [] for request in listed}
        with self._engine.connect() as connection:
            for start in range(0, len(listed), _AT_ONCE):
                wanted = (
                    select(request_step)
                    .where(request_step.c.request.in_(listed[start : start + _AT_ONCE]))
                    .order_by(request_step.c.event_index)
                )
                for row in connection.execute(wanted).mappings():
                    found[row["request"]].append(_step(row))
        return found

    def grant(self, grant_id: str) -> GrantRow | None:
        """Return a grant, None if there is no such."""
        found = self._find_grants(access_grant.c.id == grant_id)
        return found[0] if found else None

    def named_grant(self, name: str) -> GrantRow | None:
        """Return the grant with an id or the only one whose id begins so, else None."""
        return self.grant(_whole_id(self._engine, access_grant.c.id, name))

    def delegated(self, grant_id: str) -> list[GrantRow]:
        """Return the grants that were delegated from one, revoked ones too."""
        return self._find_grants(access_grant.c.parent == grant_id)

    def find_grants(
        self,
        *,
        over_after: int | None = None,
        request: str | None = None,
        kind: str | None = None,
    ) -> list[GrantRow]:
        """Return grants in the order in which they were made.

        `over_after`: only those that still held after that instant.
        """
        wanted: list[ColumnElement[bool]] = []
        if over_after is not None:
            revoked = access_grant.c.revoked_at
            wanted.append(access_grant.c.ends > over_after)
            wanted.append(or_(revoked.is_(None), revoked > over_after))
        if request is not None:
            wanted.append(access_grant.c.request == request)
        if kind is not None:
            wanted.append(access_grant.c.kind == kind)
        return self._find_grants(*wanted)

    def _find_grants(self, *wanted: ColumnElement[bool]) -> list[GrantRow]:
        in_order = (
            select(access_grant)
            .where(*wanted)
            .order_by(access_grant.c.created_at, access_grant.c.id)
        )
        with self._engine.connect() as connection:
            return [GrantRow(**row) for row in connection.execute(in_order).mappings()]

    def attachment(self, attachment_id: str) -> AttachmentRow | None:
        """Return an attachment, None if there is no such."""
        found = self.find_attachments(dataset_attachment.c.id == attachment_id)
        return found[0] if found else None

    def find_attachments(self, *wanted: ColumnElement[bool]) -> list[AttachmentRow]:
        """Return attachments in the order in which they were made."""
        in_order = (
            select(dataset_attachment)
            .where(*wanted)
            .order_by(dataset_attachment.c.created_at, dataset_attachment.c.id)
        )
        with self._engine.connect() as connection:
            return [AttachmentRow(**row) for row in connection.execute(in_order).mappings()]

    def uses(self) -> dict[str, int]:
        """Return when grants were last used, as far as it was noted."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(grant_use.c.id, grant_use.c.used_at))
            return {row[0]: row[1] for row in rows}

    def quarantined(self, grant_id: str) -> list[int]:
        """Return the indices of the exports under a grant that are in quarantine."""
        wanted = (
            select(quarantined_export.c.export)
            .where(quarantined_export.c.grant == grant_id)
            .order_by(quarantined_export.c.export)
        )
        with self._engine.connect() as connection:
            return [row[0] for row in connection.execute(wanted)]


def _to_grant(row: GrantRow) -> Grant:
    return Grant(
        id=row.id,
        actor_type=row.actor_type,
        actor_id=row.actor_id,
        purpose=row.purpose,
        begins=row.begins,
        ends=row.over_at,
        kind=row.kind,
        request=row.request,
    )


def _to_attachment(row: AttachmentRow) -> Attachment:
    return Attachment(row.dataset, row.purpose, row.begins, row.over_at, row.request)


def _request(row: RowMapping) -> RequestRow:
    values: dict[str, Any] = dict(row)
    values["notify"] = tuple(_json(row["id"], row["notify"]))
    values["asked"] = None if row["asked"] is None else _json(row["id"], row["asked"])
    return RequestRow(**values)


def _step(row: RowMapping) -> StepRow:
    return StepRow(
        kind=row["kind"],
        actor=row["actor"],
        at=row["at"],
        text=row["text"],
        details=_json(row["id"], row["details"]),
        index=row["event_index"],
    )


def _json(row_id: str, text: str) -> Any:
    try:
        return orjson.loads(text)
    except (TypeError, ValueError) as error:
        raise TamperError(
            f"row `{row_id}` of the access requests is not what Ombud writes",
            hint="`ombud record verify` says where it differs, `ombud reindex` makes it anew",
        ) from error


def _whole_id(engine: Engine, column: ColumnElement[str], name: str) -> str:
    """Return the only id that begins so, else what was given, which then is none's or its own."""
    if len(name.rpartition("-")[2]) < DIGITS_MIN:
        return name
    wanted = select(column).where(column.startswith(name, autoescape=True)).limit(2)
    with engine.connect() as connection:
        found = list(connection.execute(wanted).scalars())
    return found[0] if len(found) == 1 else name
