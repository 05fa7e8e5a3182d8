"""Control events: how tokens, settings, states and directories are said as events.

A control table is nothing but the projection of these events.  `project` is pure
and total: an event that is malformed becomes a row of `control_fault`, for a
record cannot be amended, and one bad event must neither be skipped in silence nor
keep a home from opening.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ombud.core.event import Event
from ombud.store.checkpoint_events import CHECKPOINT_PROJECTIONS
from ombud.store.control_change import CONTROL, Change, Projection, json_text
from ombud.store.policy_events import POLICY_PROJECTIONS
from ombud.store.request_events import REQUEST_PROJECTIONS

__all__ = ["CONTROL", "Change"]

INTEGER_END = 1 << 63  # Of SQLite, exclusive.
TOKEN_CREATED = "token.created"  # noqa: S105 - the name of an act.
TOKEN_REVOKED = "token.revoked"  # noqa: S105 - the name of an act.
SETTING_CHANGED = "setting.changed"
RULE_ENABLED = "rule.enabled"
RULE_DISABLED = "rule.disabled"
SOURCE_ADDED = "source.added"
SOURCE_REMOVED = "source.removed"
DIRECTORY_ROWS = "directory.rows"
DIRECTORY_LOADED = "directory.loaded"


class TokenCreated(msgspec.Struct, frozen=True):
    """What `token.created` carries: the SHA-256 of the token in hex, never the token."""

    token_id: str
    name: str
    person: str
    scopes: list[str]
    hash: str
    units: list[str] = []
    systems: list[str] = []
    expires_at: int | None = None


class TokenRevoked(msgspec.Struct, frozen=True):
    """What `token.revoked` carries."""

    token_id: str


class SettingChanged(msgspec.Struct, frozen=True):
    """What `setting.changed` carries: the new value, as JSON."""

    name: str
    value: Any


class RuleState(msgspec.Struct, frozen=True):
    """What `rule.enabled` and `rule.disabled` carry."""

    rule_id: str
    reason: str | None = None


class SourceState(msgspec.Struct, frozen=True):
    """What `source.added` and `source.removed` carry."""

    kind: str
    path: str
    mapping: str | None = None
    heartbeat_seconds: int | None = None


class DirectoryRows(msgspec.Struct, frozen=True):
    """What `directory.rows` says beside its original, which holds the rows themselves."""

    load: str
    number: int


class DirectoryLoaded(msgspec.Struct, frozen=True):
    """What `directory.loaded` carries: the rows before it count from now on."""

    load: str
    sha256: str
    counts: dict[str, int]
    files: list[str]
    base: int
    chunk_count: int
    reason: str | None = None


def _token_created(event: Event, said: TokenCreated) -> Change:
    values = {
        "name": said.name,
        "person": said.person,
        "scopes": json_text(said.scopes),
        "units": json_text(said.units),
        "systems": json_text(said.systems),
        "hash": said.hash,
        "created_at": event.time,
        "expires_at": said.expires_at,
        "revoked_at": None,
    }
    return Change("token", said.token_id, values)


def _token_revoked(event: Event, said: TokenRevoked) -> Change:
    return Change("token", said.token_id, {"revoked_at": event.time}, is_whole=False)


def _by(event: Event) -> dict[str, Any]:
    return {"changed_at": event.time, "changed_by": event.actor_id or ""}


def _setting_changed(event: Event, said: SettingChanged) -> Change:
    return Change("setting", said.name, {"value": json_text(said.value), **_by(event)})


def _rule_state(event: Event, said: RuleState) -> Change:
    values = {"is_enabled": event.operation == RULE_ENABLED, "reason": said.reason, **_by(event)}
    return Change("rule_state", said.rule_id, values)


def _source_state(event: Event, said: SourceState) -> Change:
    values = {
        "kind": said.kind,
        "path": said.path,
        "mapping": said.mapping,
        "heartbeat_seconds": said.heartbeat_seconds,
        "is_followed": event.operation == SOURCE_ADDED,
        **_by(event),
    }
    return Change("source_state", f"{said.kind} {said.path}", values)


def _directory_rows(event: Event, said: DirectoryRows) -> Change:
    del event
    values = {"load": said.load, "number": said.number}
    return Change("directory_chunk", f"{said.load} {said.number:06}", values)


def _directory_loaded(event: Event, said: DirectoryLoaded) -> Change:
    values = {
        "loaded_at": event.time,
        "loaded_by": event.actor_id or "",
        "reason": said.reason,
        "sha256": said.sha256,
        "counts": json_text(said.counts),
        "files": json_text(said.files),
        "base": said.base,
        "chunk_count": said.chunk_count,
    }
    return Change("directory_load", said.load, values)


_PROJECTIONS: dict[str, Projection] = {
    TOKEN_CREATED: (TokenCreated, _token_created),
    TOKEN_REVOKED: (TokenRevoked, _token_revoked),
    SETTING_CHANGED: (SettingChanged, _setting_changed),
    RULE_ENABLED: (RuleState, _rule_state),
    RULE_DISABLED: (RuleState, _rule_state),
    SOURCE_ADDED: (SourceState, _source_state),
    SOURCE_REMOVED: (SourceState, _source_state),
    DIRECTORY_ROWS: (DirectoryRows, _directory_rows),
    DIRECTORY_LOADED: (DirectoryLoaded, _directory_loaded),
    **POLICY_PROJECTIONS,
    **REQUEST_PROJECTIONS,
    **CHECKPOINT_PROJECTIONS,
}


def fault(index: int | None, operation: str, reason: str) -> Change:
    """Return the change that says why an event could not be applied."""
    return Change("control_fault", str(index), {"operation": operation, "reason": reason})


def _too_large(change: Change) -> Iterator[str]:
    """Yield the values that no column of a database holds."""
    for name, value in change.values.items():
        if isinstance(value, int) and not -INTEGER_END <= value < INTEGER_END:
            yield name


def project(event: Event) -> list[Change]:
    """Return the changes that an event makes to the control tables.

    Every row carries the index of the event that last changed it.
    """
    if event.source != CONTROL or event.operation not in _PROJECTIONS:
        return []
    shape, change_of = _PROJECTIONS[event.operation]
    try:
        made = change_of(event, msgspec.convert(event.attributes or {}, shape))
    except (TypeError, ValueError) as error:  # Of another shape, or too large or deep for JSON.
        made = fault(event.id, event.operation, str(error))
    changes = [made] if isinstance(made, Change) else made
    too_large = next((name for one in changes for name in _too_large(one)), None)
    if too_large is not None:
        changes = [fault(event.id, event.operation, f"`{too_large}` is no number of 64 bits")]
    for change in changes:
        change.values["event_index"] = event.id
    return changes
