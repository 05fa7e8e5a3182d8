"""Judging: the questions that a decision is made of, one function each.

`access.decide` asks them in order and stops at the first that refuses;
`access.explain` asks them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ombud.access.attempt import Attempt, Grant
from ombud.access.compiled import Act, CompiledPolicy
from ombud.access.decision import Reason
from ombud.access.guards import WHOLE
from ombud.access.lines import NO_COLUMNS, Columns
from ombud.access.scene import Scene
from ombud.access.snapshot import Snapshot

CODE_LENGTH_MAX = 100  # Characters of a code that are repeated in a reason.
# Of two reasons for having no grant, the later is the one that is given.
_NEARNESS = (
    (Reason.NO_GRANT.value,),
    (Reason.GRANT_ENDED.value,),
    (Reason.GRANT_NOT_BEGUN.value,),
)
_CODES = ("reason_code", "justification_code")


def make_scene(attempt: Attempt, act: Act, snapshot: Snapshot, now: int) -> Scene:
    """Return what conditions look at."""
    return Scene(
        attempt,
        snapshot.actors.get((attempt.actor_type, attempt.actor_id)),
        act.thing,
        purpose=act.purpose.id,
        now=now,
        stated=snapshot.compiled.stated,
    )


def find_barred(act: Act, scene: Scene, compiled: CompiledPolicy) -> tuple[str, ...]:
    """Return what forbids the attempt, whoever asks: prohibitions, words, codes."""
    if not (act.bans or compiled.asks_reasons):
        return ()
    reasons = [ban.reason for ban in act.bans if ban.hits(scene)]
    if compiled.asks_reasons:
        reasons += find_barred_words(scene, compiled)
        reasons += find_barred_codes(scene, compiled)
    return tuple(reasons)


def find_barred_words(scene: Scene, compiled: CompiledPolicy) -> list[str]:
    """Return the lists of terms that what the actor gives as reason offends."""
    context = scene.attempt.context
    if compiled.terms is None or not context:
        return []
    found = compiled.terms.find(
        context.get("justification"),
        _texts(context, _CODES),
        jurisdiction=scene.actor.attributes.get("jurisdiction"),
    )
    return [f"{Reason.REASON_BARRED.value}:{name}" for name in found]


def find_barred_codes(scene: Scene, compiled: CompiledPolicy) -> list[str]:
    """Return what is wrong with the reason code of somebody of the vendor."""
    if compiled.vendor is None or not compiled.vendor.may_have(scene):
        return []
    code = scene.attempt.context.get("reason_code")
    if not isinstance(code, str) or not code:
        return [Reason.REASON_CODE_MISSING.value]
    if compiled.codes.get(code, False):
        return []
    return [f"{Reason.REASON_CODE_DENIED.value}:{code[:CODE_LENGTH_MAX]}"]


def find_excluded(act: Act, scene: Scene) -> tuple[str, ...]:
    """Return why the actor is none of those who act for the purpose."""
    if act.purpose.who is None:
        return ()
    reason = act.purpose.who.check(scene)
    return (reason,) if reason else ()


def find_hidden(act: Act, scene: Scene) -> Columns:
    """Return the columns that must be left out, where the attempt names none."""
    if scene.attempt.columns is not None:
        return NO_COLUMNS
    hidden: set[str] = set()
    for ban in act.bans:
        if ban.columns is not WHOLE and ban.holds(scene):
            hidden |= ban.columns
    return frozenset(hidden)


def find_emergency(
    snapshot: Snapshot, actor_type: str, actor_id: str, lineage: Iterable[str], now: int
) -> Grant | None:
    """Return the break-glass in force, as long as the policy still has it for that purpose."""
    purposes = snapshot.compiled.purposes
    lineage = (name for name in lineage if purposes[name].breaks_glass)
    return snapshot.emergencies.find(actor_type, actor_id, lineage, now)


def find_grantless(
    snapshot: Snapshot, actor_type: str, actor_id: str, lineage: tuple[str, ...], now: int
) -> tuple[str, ...]:
    """Return why an actor without a grant in force has none."""
    reasons = snapshot.granted.why_none(actor_type, actor_id, lineage, now)
    if not snapshot.has_emergencies:
        return reasons
    purposes = snapshot.compiled.purposes
    breakable = [name for name in lineage if purposes[name].breaks_glass]
    others = snapshot.emergencies.why_none(actor_type, actor_id, breakable, now)
    return max(reasons, others, key=_NEARNESS.index)


def is_requestable(act: Act, attempt: Attempt, snapshot: Snapshot, now: int) -> bool:
    """Whether asking for the purpose would help, and the actor may."""
    requesters = act.purpose.requesters
    if requesters is None or not act.cuts:
        return bool(act.cuts)
    return not requesters.check(make_scene(attempt, act, snapshot, now))


def find_failures(act: Act, scene: Scene) -> tuple[str, ...]:
    """Return why no line has the attempt: the words of the one that came furthest."""
    furthest = (0, act.nothing)
    for cut in act.cuts:
        failure = cut.find_failure(scene)
        if failure is not None and failure[0] > furthest[0]:
            furthest = failure
    return furthest[1]


def find_lacking(act: Act, snapshot: Snapshot, now: int) -> tuple[str, ...]:
    """Return what is not intended for the purpose and not attached to it either."""
    lineage = act.purpose.lineage
    return tuple(
        Reason.NOT_INTENDED.value if name == act.thing.id else f"{Reason.NOT_INTENDED.value}:{name}"
        for name in act.lacking
        if snapshot.find_attachment(name, lineage, now) is None
    )


def _texts(context: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        value = context.get(name)
        values = value if isinstance(value, list | tuple) else [value]
        found += [each for each in values if isinstance(each, str)]
    return found
