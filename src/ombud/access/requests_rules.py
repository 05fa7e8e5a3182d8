"""Request rules: what the policy says of who asks, who decides, and for how long; pure."""

from __future__ import annotations

from collections.abc import Iterator

from ombud.access.model import Approval, Audience, Dataset, Policy, Purpose
from ombud.access.requests import DAYS_MAX, RequestKind, Rules
from ombud.access.requests_audience import is_named

DAYS_DEFAULT = 90  # Of a grant where neither request nor purpose says: a quarter.
_DEPTH_MAX = 64  # Purposes above one another; a policy with a circle is refused elsewhere.


def find_purpose(policy: Policy, purpose_id: str) -> Purpose | None:
    """Return a purpose of the policy, or None."""
    return next((one for one in policy.purposes if one.id == purpose_id), None)


def find_dataset(policy: Policy, dataset_id: str) -> Dataset | None:
    """Return a dataset of the policy, or None."""
    return next((one for one in policy.datasets if one.id == dataset_id), None)


def with_ancestors(policy: Policy, purpose_id: str) -> Iterator[Purpose]:
    """Yield a purpose, then the one above it, up to the root."""
    seen: set[str] = set()
    at: str | None = purpose_id
    while at is not None and at not in seen and len(seen) < _DEPTH_MAX:
        seen.add(at)
        purpose = find_purpose(policy, at)
        if purpose is None:
            return
        yield purpose
        at = purpose.parent


def _decides(approval: Approval, owner: str) -> Approval | None:
    """Return who decides: the approvers named, else the owner, else nobody here."""
    if is_named(approval.approvers) or approval.approvers.when is not None:
        return approval
    if owner:
        return Approval(
            approvers=Audience(actors=(owner,)), quorum=approval.quorum, barred=approval.barred
        )
    return None


def purpose_approval(policy: Policy, purpose_id: str) -> Approval:
    """Return who decides on requests for a purpose.

    Its own approvers, else its owner, else those of the purpose above; an approval
    that names nobody is one that nobody can give.
    """
    for purpose in with_ancestors(policy, purpose_id):
        if found := _decides(purpose.approval, purpose.owner):
            return found
    return Approval()


def dataset_approval(policy: Policy, dataset_id: str) -> Approval:
    """Return who decides on attaching a dataset: its data owners.

    What is derived of one source falls to the owners of that; of several, it must
    name its own, for nobody can speak for all of them.
    """
    seen: set[str] = set()
    dataset = find_dataset(policy, dataset_id)
    while dataset is not None and dataset.id not in seen:
        seen.add(dataset.id)
        if found := _decides(dataset.approval, dataset.owner):
            return found
        if len(dataset.sources) != 1:
            break
        dataset = find_dataset(policy, dataset.sources[0])
    return Approval()


def is_prohibited(policy: Policy, dataset_id: str, purpose_id: str) -> bool:
    """Whether a dataset, or what it is derived of, may never be used for a purpose."""
    above = {purpose.id for purpose in with_ancestors(policy, purpose_id)}
    waiting, seen = [dataset_id], set[str]()
    while waiting:
        at = waiting.pop()
        dataset = find_dataset(policy, at)
        if dataset is None or at in seen:
            continue
        seen.add(at)
        if not above.isdisjoint(dataset.prohibited):
            return True
        waiting.extend(dataset.sources)
    return False


def owners_of(policy: Policy, purpose_id: str) -> Audience:
    """Return who speaks for a purpose: its owner, else whoever decides on it."""
    purpose = find_purpose(policy, purpose_id)
    if purpose is not None and purpose.owner:
        return Audience(actors=(purpose.owner,))
    return purpose_approval(policy, purpose_id).approvers


def rules_of(
    policy: Policy,
    kind: RequestKind,
    purpose_id: str,
    dataset_id: str | None = None,
    *,
    earlier: frozenset[str] = frozenset(),
) -> Rules:
    """Return the rules of a request; for what the policy no longer knows, nobody decides."""
    purpose = find_purpose(policy, purpose_id)
    if purpose is None:
        return Rules(approvers=Audience())
    requesters = purpose.requesters
    if kind is RequestKind.DATASET:
        approval = dataset_approval(policy, dataset_id or "")
        requesters = owners_of(policy, purpose_id)
        days_max = DAYS_MAX
    else:
        approval = purpose_approval(policy, purpose_id)
        days_max = purpose.days_max or DAYS_MAX
    return Rules(
        approvers=approval.approvers,
        quorum=approval.quorum,
        barred=approval.barred,
        requesters=requesters,
        days_max=days_max,
        earlier=earlier,
    )


def granted_days(asked: int | None, days_max: int | None) -> int:
    """Return for how many days something is granted: never longer than is allowed by now."""
    longest = min(DAYS_MAX, days_max or DAYS_MAX)
    return min(asked if asked is not None else days_max or DAYS_DEFAULT, longest)
