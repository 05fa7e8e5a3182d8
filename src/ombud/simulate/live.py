"""Live: the county goes on: sessions begin as others end, and now and then one is misuse."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator

from ombud.simulate.act import CASEBOOK, CHARTBOOK, PLATELINE, Act
from ombud.simulate.desk import Desk
from ombud.simulate.dice import Dice
from ombud.simulate.hospital import break_glass, open_chart
from ombud.simulate.people import Actor
from ombud.simulate.roster import MINUTE, SECOND
from ombud.simulate.sessions import choose_work, has_routine, hold_session
from ombud.simulate.sheriff import search_plate, view_person
from ombud.simulate.world import World

_SESSION_ACTS = (8, 28)
_PACE = 20 * SECOND  # Mean time between two acts of one session.
_AT_ONCE_MIN = 2
_FIRST, _NEXT, _INCIDENT = range(3)
_INCIDENT_MINUTES = 4.0  # Mean time between two incidents.
_CALM = 20 * SECOND  # The first incident comes soon, so that a demo need not be waited for.


def live_acts(world: World, idle: set[str], per_minute: float) -> Iterator[Act]:
    """Yield acts in order of time from the world's end on, about so many a minute, for ever."""
    dice = Dice(world.seed, "live", world.end)
    # Sessions begin as often as others end: so many run side by side from the first moment.
    at_once = max(_AT_ONCE_MIN, int(per_minute * _PACE / MINUTE))
    between = sum(_SESSION_ACTS) / 2 * MINUTE / per_minute
    starts = [(world.end + dice.below(_PACE), _FIRST) for _ in range(at_once)]
    starts += [(world.end + int(dice.gap(between)), _NEXT), (world.end + _CALM, _INCIDENT)]
    heapq.heapify(starts)
    heap: list[tuple[int, int, Act, Iterator[Act]]] = []
    number = 0
    while True:
        if not heap or starts[0][0] <= heap[0][0]:
            time, kind = heapq.heappop(starts)
            if kind == _NEXT:
                heapq.heappush(starts, (time + int(dice.gap(between)) + 1, _NEXT))
            if kind == _INCIDENT:
                pause = int(dice.gap(_INCIDENT_MINUTES * MINUTE)) + SECOND
                heapq.heappush(starts, (time + pause, _INCIDENT))
                acts = _incident(world, dice, time)
            else:
                acts = _session(world, dice, idle, time)
        else:
            _, _, act, acts = heapq.heappop(heap)
            yield act
        following = next(acts, None)
        if following is not None:
            number += 1
            heapq.heappush(heap, (following.time, number, following, acts))


def _session(world: World, dice: Dice, idle: set[str], begin: int) -> Iterator[Act]:
    """Let somebody who is on shift begin a session."""
    actor = _somebody(world, dice, idle, begin)
    system, work = choose_work(dice, actor)
    desk = Desk(world, dice.fork(actor.index), actor, system, begin, pace=_PACE)
    return hold_session(desk, work, dice.between(*_SESSION_ACTS))


def _somebody(
    world: World, dice: Dice, idle: set[str], time: int, *, role: str | None = None
) -> Actor:
    """Return an actor who is on shift, of a role if one is asked for; any, if nobody is."""
    actors = [
        actor
        for actor in world.staff.actors
        if actor.login not in idle and has_routine(actor) and role in {None, actor.role}
    ]
    present = [actor for actor in actors if world.roster.is_on_shift(actor, time)]
    return dice.pick(present or actors)


def _incident(world: World, dice: Dice, time: int) -> Iterator[Act]:
    """Let somebody misuse something."""
    role, system, incident = dice.pick(_INCIDENTS)
    actor = _somebody(world, dice, set(), time, role=role)
    desk = Desk(world, dice.fork(actor.index, time), actor, system, time, pace=3 * SECOND)
    return incident(desk)


def _looks_themselves_up(desk: Desk) -> Iterator[Act]:
    own = desk.world.own_resident(desk.actor)
    if own is not None:
        yield view_person(desk, own, None, "test")


def _checks_a_former_partner(desk: Desk) -> Iterator[Act]:
    for number, relation in desk.actor.relations.items():
        if relation == "ex_partner":
            former = desk.world.residents.people[number]
            yield search_plate(desk, former, None, "check", location_class="residential")


def _opens_a_known_persons_chart(desk: Desk) -> Iterator[Act]:
    yield open_chart(desk, desk.dice.pick(desk.world.residents.vips), None)


def _touches_the_canary(desk: Desk) -> Iterator[Act]:
    yield open_chart(desk, desk.world.residents.canaries[-1], None)


def _breaks_the_glass(desk: Desk) -> Iterator[Act]:
    yield break_glass(desk, desk.dice.pick(desk.world.residents.ordinary), "urgent")


def _exports_without_reason(desk: Desk) -> Iterator[Act]:
    rows = desk.dice.between(300, 900)
    yield desk.act(
        "report.export", dataset="cases", type="case", rows=rows, size=rows * 9_000,
        recipient="Brackwater Enquiries Ltd",
        destination="mail://desk@brackwater-enquiries.example",
    )  # fmt: skip


_INCIDENTS: tuple[tuple[str, str, Callable[[Desk], Iterator[Act]]], ...] = (
    ("clerk", CASEBOOK, _looks_themselves_up),
    ("officer", PLATELINE, _checks_a_former_partner),
    ("clinician", CHARTBOOK, _opens_a_known_persons_chart),
    ("admissions", CHARTBOOK, _touches_the_canary),
    ("clinician", CHARTBOOK, _breaks_the_glass),
    ("detective", CASEBOOK, _exports_without_reason),
)
