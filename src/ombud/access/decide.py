"""Decide: permit or deny an attempt, under one snapshot, at one instant.

The order is fixed, and with it which reasons are given: the purpose; prohibitions and
barred reasons, which nothing outweighs; who acts; what the scope has; for what the
data is intended; how much is left; checkpoints last, so that nobody is asked to
justify what would be refused anyway.
"""

from __future__ import annotations

from collections.abc import Mapping

from ombud.access.attempt import Attempt, Spent
from ombud.access.decision import Decision, Reason
from ombud.access.judging import (
    find_barred,
    find_emergency,
    find_failures,
    find_grant,
    find_grantless,
    find_hidden,
    find_lacking,
    is_requestable,
    make_scene,
)
from ombud.access.lines import NO_COLUMNS
from ombud.access.settling import NOTHING_SPENT, SpentKey, settle
from ombud.access.snapshot import Snapshot

__all__ = ["NOTHING_SPENT", "SpentKey", "decide"]

_GRANTED = (Reason.GRANTED.value,)
_STANDING = (Reason.STANDING.value,)
_BREAK_GLASS = (Reason.BREAK_GLASS.value,)
_ENDED = (Reason.PURPOSE_ENDED.value,)


def decide(  # noqa: C901, PLR0911, PLR0912 -- The one way of every attempt, and it is timed.
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
    scene = None
    hidden = NO_COLUMNS
    if act.bans or compiled.asks_reasons:
        scene = make_scene(attempt, actor, act, now, snapshot)
        reasons = find_barred(act, scene, compiled)
        if reasons:
            return _deny(attempt, snapshot, purpose.id, reasons)
        hidden = find_hidden(act, scene)
    if purpose.who is not None:
        scene = scene or make_scene(attempt, actor, act, now, snapshot)
        reason = purpose.who.check(scene)
        if reason:
            return _deny(attempt, snapshot, purpose.id, (reason,))
    grant = None
    why = _STANDING
    if not purpose.is_standing:
        grant = None if actor is None else find_grant(actor.grants, purpose.lineage, now)
        why = _GRANTED
        if grant is None:
            grant = find_emergency(actor, compiled, purpose, now)
            why = _BREAK_GLASS
            if grant is None:
                scene = scene or make_scene(attempt, actor, act, now, snapshot)
                may_ask = is_requestable(act, scene)
                reasons = (find_grantless(actor, compiled, purpose, now),)
                return _deny(attempt, snapshot, purpose.id, reasons, may_ask)
    is_whole = attempt.columns is None
    for cut in act.cuts:
        if cut.is_plain and (is_whole or cut.is_open):
            break
        scene = scene or make_scene(attempt, actor, act, now, snapshot)
        if cut.find_failure(scene) is None:
            break
    else:
        scene = scene or make_scene(attempt, actor, act, now, snapshot)
        return _deny(attempt, snapshot, purpose.id, find_failures(act, scene))
    if act.lacking:
        lacking = find_lacking(act, snapshot, now)
        if lacking:
            return _deny(attempt, snapshot, purpose.id, lacking, may_ask=True)
    is_ready = cut.is_ready and not (attempt.context and cut.line.bounds)
    if act.stops or hidden or not is_ready or why is _BREAK_GLASS:
        scene = scene or make_scene(attempt, actor, act, now, snapshot)
        return settle(scene, snapshot, act, cut, hidden, grant, why, spent)
    return Decision(
        True,
        why,
        snapshot.version,
        attempt.id,
        cut.obligations if is_whole else cut.obligations_named,
        purpose.id,
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
