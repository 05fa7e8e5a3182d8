"""Decide: permit or deny an attempt, under one snapshot, at one instant.

The order is fixed, and with it which reasons are given: the purpose; prohibitions and
barred reasons, which nothing outweighs; who acts; what the scope has; for what the
data is intended; how much is left; checkpoints last, so that nobody is asked to
justify what would be refused anyway.
"""

from __future__ import annotations

from collections.abc import Mapping

from ombud.access.attempt import Attempt, Grant, Spent
from ombud.access.compiled import Act
from ombud.access.decision import Decision, Reason
from ombud.access.judging import (
    find_barred,
    find_emergency,
    find_failures,
    find_grant,
    find_grantless,
    find_lacking,
    is_requestable,
    make_scene,
)
from ombud.access.scene import Actor, Scene
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
    compiled = snapshot.compiled
    key = (attempt.purpose, attempt.action, attempt.resource_type, attempt.resource_id)
    act = compiled.acts.get(key) or compiled.find_act(*key)
    if act is None:
        return _refuse_purpose(attempt, snapshot)
    purpose = act.purpose
    if now >= purpose.until:
        return _deny(attempt, snapshot, purpose.id, _ENDED)
    actor = snapshot.actors.get((attempt.actor_type, attempt.actor_id))
    if act.bans or purpose.who is not None or compiled.asks_reasons:
        scene = make_scene(attempt, actor, act, now, snapshot)
        reasons = find_barred(act, scene, compiled)
        if not reasons and purpose.who is not None:
            reason = purpose.who.check(scene)
            reasons = (reason,) if reason else ()
        if reasons:
            return _deny(attempt, snapshot, purpose.id, reasons)
    else:
        scene = None
    grant = None
    why = _STANDING
    if not purpose.is_standing:
        why = _GRANTED
        if actor is not None:
            grant = find_grant(actor.grants, purpose.lineage, now)
        if grant is None:
            why = _BREAK_GLASS
            grant = find_emergency(actor, compiled, purpose, now)
        if grant is None:
            may_ask = is_requestable(act, scene or make_scene(attempt, actor, act, now, snapshot))
            reasons = (find_grantless(actor, compiled, purpose, now),)
            return _deny(attempt, snapshot, purpose.id, reasons, may_ask)
    return _look_into_scope(attempt, snapshot, now, act, actor, scene, grant, why, spent)


def _look_into_scope(  # noqa: PLR0917 -- Keywords cost time here.
    attempt: Attempt,
    snapshot: Snapshot,
    now: int,
    act: Act,
    actor: Actor | None,
    scene: Scene | None,
    grant: Grant | None,
    why: tuple[str, ...],
    spent: Mapping[SpentKey, Spent],
) -> Decision:
    """Return the decision on the attempt of somebody who may act for the purpose."""
    is_whole = attempt.columns is None
    for cut in act.cuts:
        if cut.is_plain and (is_whole or cut.is_open):
            break
        scene = scene or make_scene(attempt, actor, act, now, snapshot)
        if cut.find_failure(scene) is None:
            break
    else:
        scene = scene or make_scene(attempt, actor, act, now, snapshot)
        return _deny(attempt, snapshot, act.purpose.id, find_failures(act, scene))
    if act.lacking:
        lacking = find_lacking(act, snapshot, now)
        if lacking:
            return _deny(attempt, snapshot, act.purpose.id, lacking, may_ask=True)
    is_ready = cut.is_ready and not (attempt.context and cut.line.bounds)
    if not is_ready or act.stops or act.hides or why is _BREAK_GLASS:
        scene = scene or make_scene(attempt, actor, act, now, snapshot)
        return settle(scene, snapshot, act, cut, grant, why, spent)
    return Decision(
        True,
        why,
        snapshot.version,
        attempt.id,
        cut.obligations if is_whole else cut.obligations_named,
        act.purpose.id,
        None if grant is None else grant.id,
        cut.name,
    )


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
        purpose=purpose,
        is_requestable=may_ask,
    )


def _refuse_purpose(attempt: Attempt, snapshot: Snapshot) -> Decision:
    name = attempt.purpose or snapshot.compiled.policy.when_no_purpose
    reason = Reason.PURPOSE_UNKNOWN if name else Reason.PURPOSE_MISSING
    return _deny(attempt, snapshot, name or None, (reason.value,))
