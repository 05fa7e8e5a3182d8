"""Attempt: an act about to be done, as it is put to the decision.

AuthZEN's *subject* is `actor` here.  Everything is a value: the same attempt under
the same snapshot at the same instant gets the same decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

NOTHING: Mapping[str, Any] = {}


class Fulfilment(msgspec.Struct, frozen=True, gc=False):
    """A checkpoint that an actor has met: for whom, where, until when.

    `resources` are `type:id`; empty means whatever the actor does for the purpose.
    `is_refused` says that facts contradicted the justification since.
    """

    id: str
    actor_type: str
    actor_id: str
    purpose: str
    checkpoint: str
    until: int
    resources: tuple[str, ...] = ()
    attempt: str | None = None  # Holds for this one attempt only.
    is_refused: bool = False


class Grant(msgspec.Struct, frozen=True, gc=False):
    """An actor's permission to act for a purpose and those below it, with an end.

    `kind`: `requested`, `delegated` or `break_glass`.  It holds from `begins` up to,
    and without, `ends` (ms since the epoch).
    """

    id: str
    actor_type: str
    actor_id: str
    purpose: str
    begins: int
    ends: int
    kind: str = "requested"
    request: str | None = None


class Attachment(msgspec.Struct, frozen=True, gc=False):
    """A dataset that its owners let a purpose use, though it was not intended for it."""

    dataset: str
    purpose: str
    begins: int
    ends: int
    request: str | None = None


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """Who wants to do what to what, for which purpose.

    `actor`, `resource` and `action_properties` are the properties that the asking
    program states; `context` holds the rest that it says (`area`, `rows`,
    `reason_code`, `justification`…).  `id` becomes the id of the decision.
    """

    actor_type: str
    actor_id: str
    action: str
    resource_type: str
    resource_id: str
    purpose: str | None = None
    actor: Mapping[str, Any] = NOTHING
    resource: Mapping[str, Any] = NOTHING
    action_properties: Mapping[str, Any] = NOTHING
    context: Mapping[str, Any] = NOTHING
    columns: tuple[str, ...] | None = None
    fulfilments: tuple[Fulfilment, ...] = ()
    id: str = ""


class Spent(msgspec.Struct, frozen=True, gc=False):
    """What an actor has used of a purpose on this day, as the record says."""

    rows: int = 0
    bytes: int = 0
    subjects: int = 0
