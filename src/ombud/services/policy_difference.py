"""Policy difference: what a change does, as answers tell it, and in what it lowers oversight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ombud.access.model import Policy

Json = dict[str, Any]


def compare_policies(old: Policy, new: Policy) -> tuple[tuple[str, ...], Json]:
    """Return in what the new policy lowers oversight, one sentence each, and the difference.

    Whatever stops, asks or bars somebody and is not there as it was counts as lowered.
    """
    lowers: list[str] = []
    for kind, was, now in _parts(old, new):
        left = dict(now)
        for name, one in was:
            if left.get(name) != one:
                lowers.append(f"{kind} `{name}` is {'changed' if name in left else 'gone'}")
    if old.second_person is not None and old.second_person != new.second_person:
        lowers.append("who confirms changes of the policy is changed")
    if old.vendor is not None and old.vendor != new.vendor:
        lowers.append("whose acts need a reason code is changed")
    return tuple(lowers), {}


def _parts(old: Policy, new: Policy) -> Iterable[tuple[str, Any, Any]]:
    for kind, attribute in (
        ("prohibition", "prohibitions"),
        ("checkpoint", "checkpoints"),
        ("bar", "terms"),
    ):
        was, now = getattr(old, attribute), getattr(new, attribute)
        yield kind, [(one.name, one) for one in was], [(one.name, one) for one in now]
    before = {one.id: one for one in old.purposes}
    for purpose in new.purposes:
        known = before.get(purpose.id)
        for attribute in ("prohibitions", "checkpoints"):
            was = getattr(known, attribute, ())
            now = getattr(purpose, attribute)
            kind = f"{attribute[:-1]} of purpose `{purpose.id}`"
            yield kind, [(one.name, one) for one in was], [(one.name, one) for one in now]
