"""Replayed acts: what events of the past tell of acts, as attempts to be decided again.

A decision on record is replayed as it was asked.  What a platform logged is replayed
as far as its log tells: no purpose in it is no purpose in the attempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ombud.access.attempt import Attempt
from ombud.core.event import Event
from ombud.services.decision_events import DATASET, DECISION, decisions_of

OWN = "ombud"  # Sources of Ombud itself, but for decisions, are no acts on anybody's data.
MACHINES = frozenset({"service", "agent"})
_CONTEXT = (
    ("case", "case"),
    ("recipient", "recipient"),
    ("destination", "destination"),
    ("area", "place_area"),
    ("justification", "justification_text"),
    ("workflow_id", "workflow_id"),
    ("session_id", "session_id"),
    ("query_id", "query_id"),
)


class PastAct(NamedTuple):
    """One act of the past: `happened` is false for one that was denied then.

    `account` is the one nearest to a person, `run` what tells one run of a workflow
    from the next.
    """

    event: int
    time: int
    attempt: Attempt
    happened: bool
    account: str
    is_machine: bool
    workflow: str | None
    run: str
    dataset: str
    subjects: tuple[tuple[str, str], ...] = ()


class Skipped(NamedTuple):
    """Why an event is not replayed."""

    reason: str


def acts_of(event: Event) -> Iterator[PastAct | Skipped]:
    """Yield the acts that an event tells of, or why it tells of none."""
    if event.source == DECISION:
        yield from _decided(event)
    elif event.source == OWN or event.source.startswith(f"{OWN}."):
        return
    else:
        yield _logged(event)


def _decided(event: Event) -> Iterator[PastAct | Skipped]:
    for one in decisions_of(event):
        if not one.resource_id:
            yield Skipped("erased")
            continue
        stated = one.stated
        context = _mapping(stated.get("context"))
        columns = stated.get("columns")
        attempt = Attempt(
            actor_type=one.actor_type,
            actor_id=one.actor_id,
            action=one.action,
            resource_type=one.resource_type,
            resource_id=one.resource_id,
            purpose=one.purpose,
            actor=_mapping(stated.get("actor")),
            resource=_mapping(stated.get("resource")),
            action_properties=_mapping(stated.get("action")),
            context=context,
            columns=None if columns is None else tuple(columns),
            id=one.id,
        )
        workflow = event.workflow_id or _text(context.get("workflow_id"))
        yield _act(event, attempt, happened=one.permit, workflow=workflow)


def _logged(event: Event) -> PastAct | Skipped:
    account = event.account
    if account is None:
        return Skipped("nobody named")
    if event.resource_dataset is None:
        return Skipped("no dataset named")
    if event.decision_id is not None:
        return Skipped("decided")  # The decision itself is on record, and is replayed.
    if event.outcome in {"denied", "failure"}:
        return Skipped("did not happen")
    attempt = Attempt(
        actor_type="person" if event.on_behalf_of else event.actor_type or "person",
        actor_id=account,
        action=event.action if event.action != "other" else event.operation or event.action,
        resource_type=DATASET,
        resource_id=event.resource_dataset,
        purpose=event.purpose,
        resource={} if event.resource_system is None else {"system": event.resource_system},
        context=_context(event),
        columns=_columns(event),
    )
    return _act(event, attempt, happened=True, workflow=event.workflow_id)


def _act(event: Event, attempt: Attempt, *, happened: bool, workflow: str | None) -> PastAct:
    run = event.parent_id or event.session_id or event.query_id
    return PastAct(
        event=event.id or 0,
        time=event.time,
        attempt=attempt,
        happened=happened,
        account=attempt.actor_id,
        is_machine=attempt.actor_type in MACHINES,
        workflow=workflow,
        run=run or f"day {event.time // 86_400_000}",
        dataset=attempt.resource_id,
        subjects=event.subjects or (),
    )


def _context(event: Event) -> Mapping[str, Any]:
    """Return what an asking program would have said, as far as the log tells it."""
    said: dict[str, Any] = dict(event.attributes or {})
    for name, attribute in _CONTEXT:
        value = getattr(event, attribute)
        if value is not None:
            said[name] = value
    for name in ("rows", "bytes"):
        got = getattr(event, f"{name}_returned")
        value = got if got is not None else getattr(event, f"{name}_requested")
        if value is not None:
            said[name] = value
    if event.subjects:
        said["subjects"] = len(event.subjects)
    return said


def _columns(event: Event) -> tuple[str, ...] | None:
    """Return the columns of which something was seen: to filter by one is to learn of it."""
    if event.columns_projected is None and event.columns_filtered is None:
        return None
    listed = (*(event.columns_projected or ()), *(event.columns_filtered or ()))
    return tuple(dict.fromkeys(listed))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
