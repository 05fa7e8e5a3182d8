"""Settling: what is left once an attempt is in scope: budgets, checkpoints, obligations."""

from __future__ import annotations

from collections.abc import Mapping

from ombud.access.attempt import Grant, Spent
from ombud.access.budget import UNSPENT
from ombud.access.compiled import Act
from ombud.access.decision import Decision
from ombud.access.guards import WHOLE, Stop
from ombud.access.judging import find_hidden
from ombud.access.lines import NO_COLUMNS, Columns, Cut
from ombud.access.scene import Scene
from ombud.access.snapshot import BREAK_GLASS, Snapshot

SpentKey = tuple[str, str, str]  # Actor type, actor id, purpose.
NOTHING_SPENT: Mapping[SpentKey, Spent] = {}


def settle(  # noqa: PLR0917 -- Keywords cost time here.
    scene: Scene,
    snapshot: Snapshot,
    act: Act,
    cut: Cut,
    grant: Grant | None,
    why: tuple[str, ...],
    spent: Mapping[SpentKey, Spent],
) -> Decision:
    """Return the decision on an attempt that a line has in its scope."""
    attempt = scene.attempt
    shown = find_shown(cut, find_hidden(act, scene) if act.hides else NO_COLUMNS, scene)
    reasons: tuple[str, ...] = ()
    rows = size = None
    stops: tuple[Stop, ...] = ()
    if shown is not None and not shown:
        reasons = tuple(
            ban.reason for ban in act.bans if ban.columns is not WHOLE and ban.holds(scene)
        )
    elif cut.line.bounds is not None:
        used = spent.get((*scene.actor.key, act.purpose.id), UNSPENT) if spent else UNSPENT
        reasons, rows, size = cut.line.bounds.spend(attempt.context, used)
    if not reasons:
        stops = find_stops(act, scene, rows)
        reasons = tuple(stop.reason for stop in stops)
    if reasons:
        return Decision(
            False,
            reasons,
            snapshot.version,
            attempt.id,
            purpose=act.purpose.id,
            grant=None if grant is None else grant.id,
            line=cut.name,
            checkpoint=stops[0].obligation if stops else None,
        )
    line_filter = cut.line.filter
    told: tuple[str, ...] = ()
    if grant is not None and grant.kind == BREAK_GLASS:
        told = snapshot.compiled.purposes[grant.purpose].notify
    return Decision(
        True,
        why,
        snapshot.version,
        attempt.id,
        cut.oblige(
            None if line_filter is None else line_filter.put_in(scene), shown, rows, size, told
        ),
        act.purpose.id,
        None if grant is None else grant.id,
        cut.name,
    )


def find_shown(cut: Cut, hidden: Columns, scene: Scene) -> Columns | None:
    """Return the columns that may be shown, where the attempt names none; None for all."""
    if scene.attempt.columns is not None:
        return None
    granted = cut.granted
    if hidden and granted is not None:
        return granted - hidden
    return granted if cut.is_narrower else None


def find_stops(act: Act, scene: Scene, rows_max: int | None) -> tuple[Stop, ...]:
    """Return the checkpoints that the actor has yet to meet."""
    return tuple(
        stop for stop in act.stops if stop.applies(scene, rows_max) and not stop.is_met(scene)
    )
