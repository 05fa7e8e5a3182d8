"""Explain: a decision with all that it was made of, also what no longer mattered.

`decide` stops at the first thing that refuses; here everything is looked at: each
grant and why it counts or not, each line with the clause that failed, each prohibition
and checkpoint.  What comes of the parts is what `decide` says, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from ombud.access.attempt import Attempt, Fulfilment, Grant, Spent
from ombud.access.budget import UNSPENT
from ombud.access.compiled import Act
from ombud.access.decide import decide
from ombud.access.decision import TEXT, Decision, Reason
from ombud.access.guards import WHOLE, Stop, why_not
from ombud.access.judging import (
    find_barred_codes,
    find_barred_words,
    find_excluded,
    find_hidden,
    make_scene,
)
from ombud.access.lines import Cut
from ombud.access.scene import Scene
from ombud.access.settling import NOTHING_SPENT, SpentKey, find_shown
from ombud.access.snapshot import BREAK_GLASS, Snapshot

STEPS = ("", "system", "columns", "area", "hours", "until", "when", "row_filter")


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one decision, as plain values; empty where the purpose is unknown.

    `verdict` is what the parts come to: the code of the first that refuses, or `permit`.
    """

    decision: Decision
    verdict: str
    purpose: dict[str, Any] | None = None
    actor: dict[str, Any] | None = None
    prohibitions: tuple[dict[str, Any], ...] = ()
    barred: tuple[str, ...] = ()
    audience: str | None = None
    grants: tuple[dict[str, Any], ...] = ()
    lines: tuple[dict[str, Any], ...] = ()
    intended: tuple[dict[str, Any], ...] = ()
    budget: dict[str, Any] | None = None
    checkpoints: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it; `reasons` also with their texts."""
        plain: dict[str, Any] = orjson.loads(msgspec.json.encode(self))
        plain["reasons"] = [
            {"code": code, "text": TEXT[Reason(code.partition(":")[0])]}
            for code in self.decision.reasons
        ]
        return plain


def explain(
    attempt: Attempt,
    snapshot: Snapshot,
    now: int,
    *,
    spent: Mapping[SpentKey, Spent] = NOTHING_SPENT,
) -> Explanation:
    """Return the decision on an attempt with all that it depends on; nothing is recorded."""
    decision = decide(attempt, snapshot, now, spent=spent)
    act = snapshot.compiled.find_act(
        attempt.purpose, attempt.action, attempt.resource_type, attempt.resource_id
    )
    if act is None:
        return Explanation(decision=decision, verdict=decision.reasons[0])
    if not act.cuts:
        act = snapshot.compiled.make_act(act.purpose, attempt)
    scene = make_scene(attempt, act, snapshot, now)
    cut, lines = _explain_lines(act, scene)
    budget, rows_max = _explain_budget(act, cut, scene, spent)
    made = Explanation(
        decision=decision,
        verdict="",
        purpose=_explain_purpose(act, snapshot, now),
        actor={
            "type": attempt.actor_type,
            "id": attempt.actor_id,
            "is_stored": scene.actor.is_stored,
            "attributes": scene.actor.attributes,
        },
        prohibitions=_explain_bans(act, scene),
        barred=(
            *find_barred_words(scene, snapshot.compiled),
            *find_barred_codes(scene, snapshot.compiled),
        ),
        audience=next(iter(find_excluded(act, scene)), None),
        grants=_explain_grants(act, scene, snapshot),
        lines=lines,
        intended=_explain_intended(act, snapshot, now),
        budget=budget,
        checkpoints=tuple(_explain_stop(stop, scene, rows_max) for stop in act.stops),
    )
    return msgspec.structs.replace(made, verdict=_conclude(made, act))


def _conclude(made: Explanation, act: Act) -> str:
    """Return what the parts come to, in the order in which `decide` asks."""
    purpose = made.purpose or {}
    counting = [grant for grant in made.grants if grant["counts"]]
    refusals = [
        (purpose["has_ended"], "purpose_ended"),
        (any(each["refuses"] for each in made.prohibitions), "prohibited"),
        (bool(made.barred), "barred"),
        (made.audience is not None, "audience"),
        (not act.purpose.is_standing and not counting, "grant"),
        (not any(line["decides"] for line in made.lines), "scope"),
        (any(not each["counts"] for each in made.intended), "not_intended"),
        (bool(made.budget and not made.budget["shown"]), "prohibited"),
        (bool(made.budget and made.budget["reasons"]), "budget_spent"),
        (any(each["stops"] for each in made.checkpoints), "checkpoint"),
    ]
    return next((code for refuses, code in refusals if refuses), "permit")


def _explain_purpose(act: Act, snapshot: Snapshot, now: int) -> dict[str, Any]:
    purpose = act.purpose
    untils = {
        each.id: each.until
        for each in snapshot.compiled.policy.purposes
        if each.id in purpose.lineage and each.until is not None
    }
    return {
        "id": purpose.id,
        "lineage": list(purpose.lineage),
        "is_standing": purpose.is_standing,
        "has_ended": now >= purpose.until,
        "untils": untils,
    }


def _explain_bans(act: Act, scene: Scene) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "reason": ban.reason,
            "text": ban.text,
            "columns": None if ban.columns is WHOLE else sorted(ban.columns),
            "holds": ban.holds(scene),
            "refuses": ban.hits(scene),
        }
        for ban in act.bans
    )


def _explain_grants(act: Act, scene: Scene, snapshot: Snapshot) -> tuple[dict[str, Any], ...]:
    """Every grant of the actor, those for other purposes too."""
    return tuple(
        _explain_grant(grant, act, scene, snapshot)
        for grant in snapshot.grants
        if (grant.actor_type, grant.actor_id) == scene.actor.key
    )


def _explain_grant(grant: Grant, act: Act, scene: Scene, snapshot: Snapshot) -> dict[str, Any]:
    purpose = snapshot.compiled.purposes.get(grant.purpose)
    why = ""
    if purpose is None:
        why = "its purpose is not in the policy"
    elif grant.purpose not in act.purpose.lineage:
        why = "it is for another purpose, neither this one nor one above it"
    elif grant.kind == BREAK_GLASS and not purpose.breaks_glass:
        why = "the policy has no break-glass for its purpose"
    elif scene.now < grant.begins:
        why = "it has not begun"
    elif scene.now >= grant.ends:
        why = "it has ended"
    return {
        "id": grant.id,
        "purpose": grant.purpose,
        "kind": grant.kind,
        "begins": grant.begins,
        "ends": grant.ends,
        "counts": not why,
        "why_not": why or None,
    }


def _explain_lines(act: Act, scene: Scene) -> tuple[Cut | None, tuple[dict[str, Any], ...]]:
    """Every line of the purpose, and the one that decides."""
    deciding: Cut | None = None
    cuts = {id(cut.line): cut for cut in act.cuts}
    explained = []
    for line in act.purpose.lines:
        cut = cuts.get(id(line))
        failure = None if cut is None else cut.find_failure(scene)
        decides = cut is not None and failure is None and deciding is None
        if decides:
            deciding = cut
        if cut is None:
            failed, reasons = _not_covered(act, scene, cut_line=line.line.type), act.nothing
            if not line.resources.match(scene.thing.id):
                failed = failed or "resources"
            failed = failed or "actions"
        else:
            failed = "" if failure is None else STEPS[failure[0]]
            reasons = () if failure is None else failure[1]
        explained.append(
            {
                "name": line.line.name,
                "clause": line.line.clause,
                "failed": failed or None,
                "reasons": list(reasons),
                "decides": decides,
            }
        )
    return deciding, tuple(explained)


def _not_covered(act: Act, scene: Scene, *, cut_line: str) -> str:
    if cut_line != scene.thing.type:
        return "type"
    return "undeclared" if act.nothing and act.nothing != (Reason.OUT_OF_SCOPE.value,) else ""


def _explain_intended(act: Act, snapshot: Snapshot, now: int) -> tuple[dict[str, Any], ...]:
    explained = []
    for name, purposes in act.thing.intended:
        is_intended = bool(purposes & act.purpose.bit)
        attachment = snapshot.find_attachment(name, act.purpose.lineage, now)
        explained.append(
            {
                "dataset": name,
                "is_intended": is_intended,
                "attachment": None if attachment is None else msgspec.to_builtins(attachment),
                "counts": is_intended or attachment is not None,
            }
        )
    return tuple(explained)


def _explain_budget(
    act: Act, cut: Cut | None, scene: Scene, spent: Mapping[SpentKey, Spent]
) -> tuple[dict[str, Any] | None, int | None]:
    if cut is None:
        return None, None
    shown = find_shown(cut, find_hidden(act, scene), scene)
    reasons: tuple[str, ...] = ()
    rows = size = None
    if cut.line.bounds is not None:
        used = spent.get((*scene.actor.key, act.purpose.id), UNSPENT)
        reasons, rows, size = cut.line.bounds.spend(scene.attempt.context, used)
    return {
        "shown": shown is None or bool(shown),
        "columns": None if shown is None else sorted(shown),
        "reasons": list(reasons),
        "rows_left": rows,
        "bytes_left": size,
    }, rows


def _explain_stop(stop: Stop, scene: Scene, rows_max: int | None) -> dict[str, Any]:
    applies = stop.applies(scene, rows_max)
    shown = [_explain_fulfilment(each, stop, scene) for each in scene.attempt.fulfilments]
    return {
        "name": stop.name,
        "applies": applies,
        "stops": applies and not any(each["counts"] for each in shown),
        "fulfilments": shown,
    }


def _explain_fulfilment(each: Fulfilment, stop: Stop, scene: Scene) -> dict[str, Any]:
    why = why_not(each, stop.name, scene)
    return {"id": each.id, "counts": not why, "why_not": why or None}
