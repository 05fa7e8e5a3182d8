"""Policy events: a version as events, its texts first and at the very end that it counts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.store.control_change import CONTROL
from ombud.store.policy_events import (
    POLICY_APPLIED,
    POLICY_CONFIRMED,
    POLICY_FILES,
    POLICY_PROPOSED,
    POLICY_REFUSED,
)
from ombud.store.policy_texts import split_texts

APPEND_SIZE = 24 << 20  # Bytes of originals made durable together: a batch has 64 MB at most.


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version that is about to be recorded; see `store.policies.PolicyRow`."""

    files: Mapping[str, str]
    version: str
    sha256: str
    base: int
    lowers: tuple[str, ...]
    quorum: int = 0
    is_outside: bool = False
    alone: str | None = None


def record_version(
    appender: Appender, new: NewVersion, *, asker: Asker, reason: str | None, now: int
) -> str:
    """Make a version durable, applied or (with a quorum) proposed, and return its id.

    Should this end before it does, nothing was applied or proposed.
    """
    policy = secrets.token_hex(8)
    waiting: list[Event] = []
    count = size = 0
    for original in split_texts(policy, new.files):
        if waiting and size + len(original) > APPEND_SIZE:
            record_events(appender, waiting)
            waiting, size = [], 0
        waiting.append(_files_event(now, asker, policy=policy, number=count, original=original))
        count, size = count + 1, size + len(original)
    attributes = {
        "policy": policy,
        "version": new.version,
        "sha256": new.sha256,
        "files": {name: len(text) for name, text in sorted(new.files.items())},
        "chunk_count": count,
        "base": new.base,
        "lowers": list(new.lowers),
        "quorum": new.quorum,
        "is_outside": new.is_outside,
        "alone": new.alone,
    }
    operation = POLICY_PROPOSED if new.quorum else POLICY_APPLIED
    waiting.append(_event(now, operation, asker, reason, attributes, version=new.version))
    record_events(appender, waiting)
    return policy


def record_confirmation(
    appender: Appender,
    policy: str,
    *,
    version: str,
    is_last: bool,
    asker: Asker,
    reason: str | None,
    now: int,
) -> None:
    """Make a person's yes durable and, when it is the last one needed, that the policy counts."""
    said: dict[str, Any] = {"policy": policy}
    events = [_event(now, POLICY_CONFIRMED, asker, reason, said, version=version, action="approve")]
    if is_last:
        said = {**said, "proposed": True, "version": version}
        events.append(_event(now, POLICY_APPLIED, asker, reason, said, version=version))
    record_events(appender, events)


def record_refusal(
    appender: Appender, policy: str, *, version: str, asker: Asker, reason: str, now: int
) -> None:
    """Make durable that a proposal is not to be applied."""
    said = {"policy": policy}
    event = _event(now, POLICY_REFUSED, asker, reason, said, version=version, action="revoke")
    record_events(appender, [event])


def _event(
    now: int,
    operation: str,
    asker: Asker,
    reason: str | None,
    attributes: dict[str, Any],
    *,
    version: str,
    action: str = "configure",
) -> Event:
    return own_event(
        time=now,
        source=CONTROL,
        action=action,
        operation=operation,
        actor_id=asker.person,
        actor_type="person",
        resource_type="policy",
        resource_id=attributes["policy"],
        decision_policy=version,
        justification_text=reason,
        attributes={**attributes, "via": asker.via, "token": asker.token_id or ""},
    )


def _files_event(now: int, asker: Asker, *, policy: str, number: int, original: bytes) -> Event:
    """Return an event whose original is the texts, which may name people."""
    event = own_event(
        time=now,
        source=CONTROL,
        action="configure",
        operation=POLICY_FILES,
        native_id=f"{policy}-{number}",
        actor_id=asker.person,
        actor_type="person",
        resource_type="policy",
        resource_id=policy,
        attributes={"policy": policy, "number": number, "via": asker.via},
    )
    return msgspec.structs.replace(event, raw=original)
