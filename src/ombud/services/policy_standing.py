"""Policy standing: a version, and who may change the policy, as answers and monitors tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ombud.access.model import Policy
from ombud.core.clock import format_instant
from ombud.services.second_person import is_lone
from ombud.store.policies import Confirmation, PolicyRow
from ombud.store.policy_events import APPLIED

Json = dict[str, Any]

ALONE = {
    "first": "the first policy of this home",
    "allowed": "it lowered no oversight, and the policy then in force named no second person",
    "lone": "the policy then in force let one person change it until a date",
}


def tell_row(
    row: PolicyRow, confirmations: Sequence[Confirmation], *, stands: str | None = None
) -> Json:
    """Return a version as answers show it; `stands` says how a proposal fares."""
    return {
        "id": row.id,
        "version": row.version,
        "state": stands or row.state,
        "event": row.event_index if row.state == APPLIED else None,
        "sha256": row.sha256,
        "files": row.files,
        "base": row.base,
        "lowers": list(row.lowers),
        "second_persons": row.quorum,
        "is_outside": row.is_outside,
        "alone": row.alone,
        "proposed_at": row.proposed_at,
        "proposed_by": row.proposed_by,
        "reason": row.reason,
        "confirmations": [
            {"person": one.person, "at": one.confirmed_at, "reason": one.reason}
            for one in confirmations
        ],
        "ended_at": row.ended_at,
        "ended_by": row.ended_by,
        "ended_reason": row.ended_reason,
    }


def second_person(policy: Policy | None, row: PolicyRow | None, *, now: int) -> Json:
    """Return who may change the policy: a word for programs and a sentence for people.

    `is_missing` is true as long as one person alone may do anything.
    """
    if row is None:
        return _told("no_policy", "no policy is in force: everything is denied", missing=False)
    if policy is None:
        return _told("unknown", "the policy in force cannot be read", missing=False)
    until = policy.lone_until
    if is_lone(policy, now) and until is not None:
        said = f"one person may change the policy until {format_instant(until)}"
        return _told("lone", said, missing=True, until=until)
    if until is not None:
        said = f"one person could change the policy until {format_instant(until)}; no more"
        return _told("lone_ended", said, missing=False, until=until)
    if policy.second_person is not None:
        quorum = max(1, policy.second_person.quorum)
        who = "a second person" if quorum == 1 else f"{quorum} other people"
        said = f"every change of the policy needs {who}"
        return _told("needed", said, missing=False)
    said = "what lowers oversight needs a second person from another unit; the rest needs none"
    return _told("for_lowering", said, missing=False)


def _told(state: str, said: str, *, missing: bool, until: int | None = None) -> Json:
    return {"state": state, "says": said, "is_missing": missing, "until": until}
