"""Stream: the acts of a county in order of time, from sessions that run side by side.

Acts are made as they are asked for: memory holds the county at rest and the
sessions of one day, however long the period.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator

from ombud.simulate.act import Act
from ombud.simulate.desk import Desk
from ombud.simulate.dice import Dice
from ombud.simulate.people import Actor
from ombud.simulate.roster import DAY, HOUR, SECOND
from ombud.simulate.sessions import choose_work, has_routine, hold_session
from ombud.simulate.teller import Teller
from ombud.simulate.world import World

_SESSION_ACTS = (6, 42)  # Acts of one session, fewest and most.
_PACE_MAX = 45 * SECOND

# When a session begins, and its acts.
Session = tuple[int, Iterator[Act]]


def tell(teller: Teller, stories: Iterable[Callable[[Teller], Iterator[Act]]]) -> list[Act]:
    """Return the acts of all stories in order of time."""
    acts = [act for story in stories for act in story(teller)]
    acts.sort(key=lambda act: act.time)
    return acts


def leave_out(world: World, teller: Teller, acts: Iterator[Act]) -> Iterator[Act]:
    """Leave out what no log holds: after the end, and while a system was silent."""
    silences = teller.silences
    for act in acts:
        if act.time >= world.end:
            return
        if act.time < world.start or any(
            act.seat.system == system and since <= act.time < until
            for system, since, until in silences
        ):
            continue
        yield act


def merge(days: Iterator[tuple[int, list[Session]]], stories: list[Act]) -> Iterator[Act]:
    """Yield the acts of all sessions and stories in order of time.

    `days` are (instant up to which all later days come after, sessions that
    begin before it).
    """
    heap: list[tuple[int, int, Act, Iterator[Act]]] = []
    number = 0

    def push(acts: Iterator[Act]) -> None:
        nonlocal number
        for act in acts:
            number += 1
            heapq.heappush(heap, (act.time, number, act, acts))
            return

    push(iter(stories))
    for until, sessions in days:
        for _, acts in sessions:
            push(acts)
        while heap and heap[0][0] < until:
            _, _, act, acts = heap[0]
            yield act
            following = next(acts, None)
            if following is None:
                heapq.heappop(heap)
            else:
                number += 1
                heapq.heapreplace(heap, (following.time, number, following, acts))


def plan_days(world: World, teller: Teller, budget: int) -> Iterator[tuple[int, list[Session]]]:
    """Yield each day's sessions, up to `budget` acts in all.

    Everybody on shift gets a share of the day by their hours; what one day could
    not spend, the next ones do.
    """
    actors = [
        actor
        for actor in world.staff.actors
        if has_routine(actor) and actor.login not in teller.idle
    ]
    first, last = world.start // DAY, (world.end - 1) // DAY
    duties = [_duties(world, actors, day) for day in range(first, last + 1)]
    weights = [sum(end - start for _, start, end in duty) for duty in duties]
    remaining, weight_left = budget, sum(weights)
    for place, (duty, weight) in enumerate(zip(duties, weights, strict=True)):
        day = first + place
        share = remaining * weight / weight_left if weight_left else 0.0
        dice = Dice(world.seed, "day", day)
        sessions: list[Session] = []
        for actor, start, end in duty:
            wanted = share * (end - start) / weight
            count = int(wanted + dice.random())
            remaining -= count
            sessions.extend(plan_sessions(world, dice, actor, (start, end), count))
        weight_left -= weight
        yield (day + 1) * DAY if day < last else world.end, sessions


def _duties(world: World, actors: list[Actor], day: int) -> list[tuple[Actor, int, int]]:
    """Return who is on shift, from when to when, within the county's period."""
    duties = []
    for actor in actors:
        shift = world.roster.shift(actor, day)
        if shift is not None:
            start, end = max(shift[0], world.start), min(shift[1], world.end)
            if end - start > HOUR:
                duties.append((actor, start, end))
    return duties


def plan_sessions(
    world: World, dice: Dice, actor: Actor, shift: tuple[int, int], count: int
) -> Iterator[Session]:
    """Yield the sessions of one actor in one shift: `count` acts in all of them."""
    if count == 0:
        return
    usual = dice.between(*_SESSION_ACTS)
    parts = max(1, round(count / usual))
    slot = (shift[1] - shift[0]) // parts
    for part in range(parts):
        acts = count * (part + 1) // parts - count * part // parts
        if acts == 0:
            continue
        system, work = choose_work(dice, actor)
        start = shift[0] + part * slot + int(dice.random() * 0.35 * slot)
        pace = min(_PACE_MAX, 0.4 * slot / acts)
        desk = Desk(world, dice.fork(actor.index), actor, system, start, pace=pace, shift=shift)
        yield start, hold_session(desk, work, acts)
