"""Decide: permit or deny an attempt, under one snapshot, at one instant.

The order is fixed, and with it which reasons are given: the purpose; prohibitions and
barred reasons, which nothing outweighs; who acts; what the scope has; for what the
data is intended; how much is left; checkpoints last, so that nobody is asked to
justify what would be refused anyway.
"""

from __future__ import annotations

from collections.abc import Mapping

from ombud.access.attempt import Attempt, Grant, Spent
from ombud.access.budget import takes_amounts
from ombud.access.compiled import Act
from ombud.access.decision import Decision, Reason
from ombud.access.judging import (
    find_barred,
    find_emergency,
    find_excluded,
    find_failures,
    find_grantless,
    find_lacking,
    is_requestable,
    make_scene,
)
from ombud.access.scene import Scene
from ombud.access.settling import NOTHING_SPENT, SpentKey, settle
from ombud.access.snapshot import Snapshot

__all__ = ["NOTHING_SPENT", "SpentKey", "decide"]

_GRANTED = (Reason.GRANTED.value,)
_STANDING = (Reason.STANDING.value,)
_BREAK_GLASS = (Reason.BREAK_GLASS.value,)
_ENDED = (Reason.PURPOSE_ENDED.value,)


def decide(
    attempt: Attempt,
    snapshot: Snapshot,
    now: int,
    *,
    spent: Mapping[SpentKey, Spent] = NOTHING_SPENT,
) -> Decision:
    """Return the decision on an attempt at an instant (ms since the epoch).

    `spent` says what actors have used of purposes on this day; who is not in it has
    used nothing.
    """
    plain = snapshot.compiled.plain.get(
        (attempt.purpose, attempt.action, attempt.resource_type, attempt.resource_id)
    )
    if plain is not None:
        until, lineage, is_open, is_bounded, whole, named, purpose, line, is_for_all = plain
        grant = snapshot.granted.find(attempt.actor_type, attempt.actor_id, lineage, now)
        columns = attempt.columns
        if grant is None:
            if now < until and is_for_all and not snapshot.has_emergencies:
                reasons = snapshot.granted.why_none(
                    attempt.actor_type, attempt.actor_id, lineage, now
                )
                return _deny(attempt, snapshot, purpose, reasons, may_ask=True)
        elif (
            now < until
            and (columns is None or is_open)
            and not (is_bounded and takes_amounts(attempt.context))
        ):
            obligations = whole if columns is None else named
            version = snapshot.version
            return Decision(
                True, _GRANTED, version, attempt.id, obligations, purpose, grant.id, line
            )
    return _decide_fully(attempt, snapshot, now, spent)


def _decide_fully(
    attempt: Attempt, snapshot: Snapshot, now: int, spent: Mapping[SpentKey, Spent]
) -> Decision:
    """Return the decision on any attempt; the plain ones could come here as well."""
    compiled = snapshot.compiled
    act = compiled.find_act(
        attempt.purpose, attempt.action, attempt.resource_type, attempt.resource_id
    )
    if act is None:
        return _refuse_purpose(attempt, snapshot)
    purpose = act.purpose
    if now >= purpose.until:
        return _deny(attempt, snapshot, purpose.id, _ENDED)
    scene = None
    if act.is_guarded:
        scene = make_scene(attempt, act, snapshot, now)
        reasons = find_barred(act, scene, compiled) or find_excluded(act, scene)
        if reasons:
            return _deny(attempt, snapshot, purpose.id, reasons)
    grant = None
    why = _STANDING
    if not purpose.is_standing:
        actor_type, actor_id, lineage = attempt.actor_type, attempt.actor_id, purpose.lineage
        grant = snapshot.granted.find(actor_type, actor_id, lineage, now)
        why = _GRANTED
        if grant is None and snapshot.has_emergencies:
            grant = find_emergency(snapshot, actor_type, actor_id, lineage, now)
            why = _BREAK_GLASS
        if grant is None:
            reasons = find_grantless(snapshot, actor_type, actor_id, lineage, now)
            may_ask = is_requestable(act, attempt, snapshot, now)
            return _deny(attempt, snapshot, purpose.id, reasons, may_ask)
    if not act.cuts:
        return _deny(attempt, snapshot, purpose.id, act.nothing)
    return _settle_plainly(attempt, snapshot, act, grant, why) or _look_into_scope(
        scene or make_scene(attempt, act, snapshot, now), snapshot, act, grant, why, spent
    )


def _settle_plainly(
    attempt: Attempt, snapshot: Snapshot, act: Act, grant: Grant | None, why: tuple[str, ...]
) -> Decision | None:
    """Return the permit that the first line gives, when nothing of the attempt is asked for it.

    It is the one that `_look_into_scope` would return.
    """
    cut = act.cuts[0]
    is_bare = attempt.columns is None and why is not _BREAK_GLASS
    if is_bare and cut.is_settled and not (act.lacking or act.stops or act.hides):
        held = None if grant is None else grant.id
        version = snapshot.version
        return Decision(
            True, why, version, attempt.id, cut.obligations, act.purpose.id, held, cut.name
        )
    return None


def _look_into_scope(  # noqa: PLR0917 -- Keywords cost time here.
    scene: Scene,
    snapshot: Snapshot,
    act: Act,
    grant: Grant | None,
    why: tuple[str, ...],
    spent: Mapping[SpentKey, Spent],
) -> Decision:
    """Return the decision on the attempt of somebody who may act for the purpose."""
    attempt = scene.attempt
    purpose = act.purpose.id
    for cut in act.cuts:
        if cut.find_failure(scene) is None:
            break
    else:
        return _deny(attempt, snapshot, purpose, find_failures(act, scene))
    if act.lacking:
        lacking = find_lacking(act, snapshot, scene.now)
        if lacking:
            return _deny(attempt, snapshot, purpose, lacking, may_ask=True)
    return settle(scene, snapshot, act, cut, grant, why, spent)


def _deny(
    attempt: Attempt,
    snapshot: Snapshot,
    purpose: str | None,
    reasons: tuple[str, ...],
    may_ask: bool = False,
) -> Decision:
    return Decision(
        False,
        reasons,
        snapshot.version,
        attempt.id,
        (),
        purpose,
        None,
        None,
        None,
        may_ask,
    )


def _refuse_purpose(attempt: Attempt, snapshot: Snapshot) -> Decision:
    name = attempt.purpose or snapshot.compiled.policy.when_no_purpose
    reason = Reason.PURPOSE_UNKNOWN if name else Reason.PURPOSE_MISSING
    return _deny(attempt, snapshot, name or None, (reason.value,))
