"""Worlds of a few names, in which one thing at a time is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ombud.access.attempt import Attachment, Attempt, Grant
from ombud.access.model import Attributes, Column, Dataset, Entity, Line, Policy, Purpose
from ombud.access.snapshot import Snapshot, compile_policy

NOW = 1_795_348_800_000  # 2026-11-22 12:00 UTC, a Sunday.
HOUR = 3_600_000
DAY = 24 * HOUR
READ = Line(name="look-up", actions=("read", "search"), resources=("plates",))
PLATES = Dataset(id="plates", system="anpr", columns=(Column(name="plate"), Column(name="seen")))
CARE = Purpose(id="care", title="Care")
THEFT = Purpose(id="theft", title="Find stolen cars", parent="care", scope=(READ,))
ATTRIBUTES = Attributes(
    actor={"cleared": "bool", "grade": "string"},
    resource={"status": "string"},
    action={"soft": "bool"},
    context={"case": "string", "recipient": "string"},
    stated=("grade",),
)
POLICY = Policy(
    purposes=(CARE, THEFT),
    datasets=(PLATES, Dataset(id="streets", sources=("plates",))),
    entities=(Entity(type="record", id="r1", attributes={"status": "open"}),),
    attributes=ATTRIBUTES,
    actions=("print",),
)
GRANT = Grant("g1", "person", "ana", "theft", NOW - DAY, NOW + DAY)
ANA = {("person", "ana"): {"unit": "north", "units": ["north", "county"], "role": "clerk"}}
LOOK = Attempt("person", "ana", "read", "dataset", "plates", "theft", id="a1")


def policy_with(line: Line | None = None, **changes: Any) -> Policy:
    """Return the policy with a line in place of the one there is, and fields changed."""
    if line is not None:
        changes["purposes"] = (CARE, msgspec.structs.replace(THEFT, scope=(line,)))
    return msgspec.structs.replace(POLICY, **changes)


def line_with(**changes: Any) -> Line:
    """Return the line, changed."""
    return msgspec.structs.replace(READ, **changes)


def purpose_with(**changes: Any) -> Policy:
    """Return the policy with the purpose changed."""
    return policy_with(purposes=(CARE, msgspec.structs.replace(THEFT, **changes)))


def look(**changes: Any) -> Attempt:
    """Return the attempt, changed."""
    return msgspec.structs.replace(LOOK, **changes)


def snapshot(
    policy: Policy = POLICY,
    grants: Iterable[Grant] = (GRANT,),
    attachments: Iterable[Attachment] = (),
    directory: Mapping[tuple[str, str], Mapping[str, Any]] = ANA,
) -> Snapshot:
    """Return a snapshot in which Ana may look up plates."""
    return Snapshot.make(
        compile_policy(policy), grants=grants, attachments=attachments, directory=directory
    )
