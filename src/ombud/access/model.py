"""Model: what policy files say, as values; `docs/policy.md` describes the files.

Everything here is what was written, resolved no further: `access.snapshot` compiles
it.  A list that is empty means "none of these"; None means "no limit was stated".
Conditions are text of the documented subset of CEL (`access.condition`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class MaskKind(StrEnum):
    """What is shown in place of a value."""

    REDACT = "redact"  # A fixed text, as long for every value.
    HASH = "hash"  # A keyed digest: equal values stay equal within one purpose, and only there.
    TRUNCATE = "truncate"  # The first `size` characters.
    BUCKET = "bucket"  # The lower bound of the step of `size` that a number lies in.
    NULL = "null"
    CONSTANT = "constant"  # `value`.


class CheckpointKind(StrEnum):
    """What a person must do at a checkpoint."""

    ACKNOWLEDGEMENT = "acknowledgement"
    TEXT = "text"
    CHOICE = "choice"
    CASE = "case"
    REAUTHENTICATION = "reauthentication"
    SECOND_PERSON = "second_person"


class _Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value of the policy: immutable, compared by what it holds."""


class Mask(_Value, frozen=True):
    """How the values of one column are shown."""

    column: str
    kind: MaskKind
    size: int | None = None
    value: str | None = None


class Limits(_Value, frozen=True):
    """How much; per query, and per actor and day of the organisation's calendar."""

    rows_per_query: int | None = None
    bytes_per_query: int | None = None
    rows_per_day: int | None = None
    bytes_per_day: int | None = None
    subjects_per_day: int | None = None


class Hours(_Value, frozen=True):
    """When: days 1 (Monday) to 7, minutes of the day in the zone; `until` is exclusive.

    A stretch whose `until` is not after its `since` goes past midnight.
    """

    days: tuple[int, ...]
    since: int
    until: int
    zone: str = "UTC"


class Line(_Value, frozen=True):
    """One line of a scope: what may be done to what, and how much of it is shown.

    `resources` are ids, with `*` for any run of characters; `type` is theirs
    (`dataset` unless AuthZEN asks about things of its own).  `columns` None means all.
    """

    name: str  # How reasons and explanations speak of it; unique in its purpose.
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    type: str = "dataset"
    systems: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    aggregate_only: tuple[str, ...] = ()
    row_filter: str | None = None  # CEL over `row.COLUMN` and what the act carries.
    masks: tuple[Mask, ...] = ()
    limits: Limits = Limits()
    areas: tuple[str, ...] | None = None  # `context.area` must be one of them.
    hours: tuple[Hours, ...] | None = None
    until: int | None = None  # Instant from which the line is over.
    clause: str | None = None  # Of the contract or statute that the line stands on.
    when: str | None = None
    notify: tuple[str, ...] = ()
    watermark: bool = False


class Audience(_Value, frozen=True):
    """Who: any one of these suffices; `when` must hold besides.

    `actors` are `type:id`; `units` hold for whoever is in the unit or below it,
    `roles` for whoever has the role in their unit.
    """

    actors: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # Everyone of an actor type.
    units: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    when: str | None = None


class Approval(_Value, frozen=True):
    """Who decides on requests: any `quorum` of them, none of them barred or the requester."""

    approvers: Audience = Audience()
    quorum: int = 1
    barred: Audience = Audience()


class Purpose(_Value, frozen=True):
    """A declared reason for processing, with its machine-readable limits."""

    id: str
    title: str
    parent: str | None = None
    description: str = ""
    legal_basis: str = ""
    owner: str = ""  # `type:id`
    approval: Approval = Approval()
    requesters: Audience | None = None  # None: anybody may ask.
    audience: Audience | None = None  # Who acts for it; None: whoever holds a grant.
    standing: bool = False  # The audience needs no grant.
    days_max: int | None = None  # Longest grant.
    unused_days: int | None = None  # A grant unused for so long is revoked.
    recertify_days: int | None = None
    acknowledgement: str | None = None  # Text to be acknowledged before the first act.
    scope: tuple[Line, ...] = ()
    limits: Limits = Limits()  # For all lines together.
    until: int | None = None
    clause: str | None = None
    break_glass: BreakGlass | None = None
    prohibitions: tuple[Prohibition, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()


class BreakGlass(_Value, frozen=True):
    """How the purpose may be used in an emergency, without a grant."""

    reasons: tuple[str, ...]  # Codes, one of which must be given.
    notify: tuple[str, ...]
    minutes_max: int = 480
    decide_working_days: int = 3  # For the decision afterwards.


class Prohibition(_Value, frozen=True):
    """What is never allowed; it beats every permission.

    In a purpose it holds for acts for that purpose and those below; elsewhere for all.
    None of `actions`, `resources`, `columns` and `actors` means any.
    """

    name: str
    reason: str  # Shown to who is refused.
    actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    type: str = "dataset"
    columns: tuple[str, ...] | None = None
    classifications: tuple[str, ...] | None = None
    audience: Audience | None = None
    when: str | None = None


class Checkpoint(_Value, frozen=True):
    """A stop before an act, at which the actor gives a justification.

    None of `actions`, `resources`, `classifications` and `audience` means any.
    `every_minutes` is how long one justification holds for the same actor and
    the same resources (or, with `per: actor`, for whatever they do); 0: for one act.
    """

    name: str
    kind: CheckpointKind
    prompt: str
    actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    type: str = "dataset"
    classifications: tuple[str, ...] | None = None
    audience: Audience | None = None
    areas: tuple[str, ...] | None = None
    rows_min: int | None = None  # Only for acts on at least so many rows.
    when: str | None = None
    every_minutes: int = 0
    per: str = "resource"  # or `actor`
    pattern: str | None = None  # text, case: what the answer must match (RE2).
    length_min: int | None = None  # text
    choices: tuple[str, ...] = ()
    multiple: bool = False
    with_text: bool = False
    approvers: Audience | None = None  # second_person: who may be it.
    verify: str = "flag"  # or `refuse`: what facts contradict is not met.


class Column(_Value, frozen=True):
    """One column of a dataset."""

    name: str
    type: str = "string"
    classifications: tuple[str, ...] = ()
    prohibited: tuple[str, ...] = ()  # Purposes.


class Dataset(_Value, frozen=True):
    """A named body of records, and for which purposes it may be used at all.

    `intended` None means: whatever purpose has it in its scope (Byun and Li 2008
    call these the allowed intended purposes, and `prohibited` the prohibited ones).
    A purpose that is not intended can be attached, with the data owners' approval.
    What is derived inherits the narrower of its own and its sources' words.
    """

    id: str
    type: str = "dataset"
    system: str | None = None
    title: str = ""
    owner: str = ""
    approval: Approval = Approval()  # The data owners.
    columns: tuple[Column, ...] = ()
    subject: str | None = None  # Kind of data subject.
    classifications: tuple[str, ...] = ()
    intended: tuple[str, ...] | None = None
    prohibited: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # Datasets it is derived from.
    attributes: Mapping[str, Any] = {}


class Entity(_Value, frozen=True):
    """Stored attributes of an actor, or of a thing that AuthZEN is asked about."""

    type: str
    id: str
    attributes: Mapping[str, Any] = {}


class Terms(_Value, frozen=True):
    """Reasons that the law of a place forbids: words, and codes of choices (J10)."""

    name: str
    jurisdiction: str
    reason: str
    words: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


class ReasonCode(_Value, frozen=True):
    """A code that access by the vendor must carry, and whether it is let in (J12)."""

    code: str
    title: str = ""
    allowed: bool = True


class Attributes(_Value, frozen=True):
    """The attributes that conditions may speak of, by name, with their CEL type.

    Types: `string`, `int`, `double`, `bool`, `timestamp`, `list(string)`.
    `stated` are attributes of actors for which the word of the asking program is
    taken; for the others what is stored wins, and what is not stored is absent.
    """

    actor: Mapping[str, str] = {}
    resource: Mapping[str, str] = {}
    action: Mapping[str, str] = {}
    context: Mapping[str, str] = {}
    stated: tuple[str, ...] = ()


class Policy(_Value, frozen=True):
    """All that the files of one policy say."""

    purposes: tuple[Purpose, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    entities: tuple[Entity, ...] = ()
    prohibitions: tuple[Prohibition, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    terms: tuple[Terms, ...] = ()
    reason_codes: tuple[ReasonCode, ...] = ()
    vendor: Audience | None = None  # Whose acts need a reason code.
    attributes: Attributes = Attributes()
    actions: tuple[str, ...] = ()  # Beyond those of the event model.
    when_no_purpose: str | None = None
    zone: str = "UTC"  # Of days and hours.
    holidays: tuple[str, ...] = ()  # ISO dates that are no working days.
    second_person: Approval | None = None  # Who confirms changes of the policy.
    lone_until: int | None = None  # Until when the policy may be changed by one person.
