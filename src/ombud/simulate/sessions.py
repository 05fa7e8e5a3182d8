"""Sessions: who works where, and how a session starts and ends on each system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from ombud.simulate.act import (
    CASEBOOK,
    CHARTBOOK,
    DATAWORKS,
    PLATELINE,
    PLATFORM,
    RECORDS,
    Act,
)
from ombud.simulate.desk import Desk
from ombud.simulate.dice import Dice
from ombud.simulate.hospital import back_up, work_charts, work_records, work_reports
from ombud.simulate.offices import (
    assist,
    load_lake,
    query_lake,
    run_nightly,
    work_audit,
    work_benefits,
    work_notebooks,
)
from ombud.simulate.people import Actor
from ombud.simulate.pglog import AUTHORIZE, CONNECT, DISCONNECT, REFUSE
from ombud.simulate.sheriff import feed_plates, work_cases, work_plates, work_requests

Work = Callable[[Desk], Iterator[Act]]

SHARED_ACCOUNT = "chart_app"
COUNTER_ACCOUNT = "front-desk"  # One sign-in at the counter, whoever stands there.
_SHARED_ACCOUNT_SHARE = 0.25
_COUNTER_SHARE = 0.15
_MISTYPED_SHARE = 0.04
_BRIEF = 5  # A session of fewer acts goes without signing in and out: it was left open.

# What each role does: system, work, and how often of all its sessions.
_ROUTINES: dict[str, tuple[tuple[str, Work, float], ...]] = {
    "officer": ((CASEBOOK, work_cases, 0.45), (PLATELINE, work_plates, 0.55)),
    "detective": ((CASEBOOK, work_cases, 0.7), (PLATELINE, work_plates, 0.3)),
    "clerk": ((CASEBOOK, work_cases, 1.0),),
    "clinician": ((RECORDS, work_records, 0.62), (CHARTBOOK, work_charts, 0.38)),
    "admissions": ((RECORDS, work_records, 0.65), (CHARTBOOK, work_charts, 0.35)),
    "caseworker": ((CASEBOOK, work_benefits, 1.0),),
    "analyst": (
        (PLATFORM, query_lake, 0.4),
        (DATAWORKS, work_notebooks, 0.4),
        (RECORDS, work_reports, 0.2),
    ),
    "auditor": ((CASEBOOK, work_audit, 1.0),),
}
# A service or agent does one of these at a time; `chart_app` is only an account others use.
_MACHINE_ROUTINES: dict[str, tuple[tuple[str, Work], ...]] = {
    "svc-nightly-etl": ((PLATFORM, load_lake), (DATAWORKS, run_nightly)),
    "svc-camera-feed": ((PLATELINE, feed_plates),),
    "svc-backup": ((RECORDS, back_up),),
    "chart_app": (),
    "agent-case-brief": ((CASEBOOK, assist),),
    "agent-coding": ((CHARTBOOK, assist),),
    "agent-insight": ((DATAWORKS, work_notebooks),),
}


def has_routine(actor: Actor) -> bool:
    """Whether an actor does anything of their own on an ordinary day."""
    return actor.kind == "person" or bool(_MACHINE_ROUTINES[actor.login])


def choose_work(dice: Dice, actor: Actor) -> tuple[str, Work]:
    """Return the system and the work of an actor's next session."""
    if actor.kind != "person":
        return dice.pick(_MACHINE_ROUTINES[actor.login])
    if actor.is_supervisor and dice.chance(0.3):
        return CASEBOOK, work_requests
    draw = dice.random()
    for system, work, share in _ROUTINES[actor.role]:
        draw -= share
        if draw < 0:
            return system, work
    return _ROUTINES[actor.role][0][:2]


def hold_session(desk: Desk, work: Work, count: int) -> Iterator[Act]:
    """Yield exactly `count` acts: signing in, the work, signing out."""
    if desk.seat.system == RECORDS and desk.actor.role in {"clinician", "admissions"}:
        _share_account(desk)
    if desk.seat.system == CASEBOOK and desk.actor.role == "clerk":
        _work_the_counter(desk)
    if count < _BRIEF or desk.actor.kind != "person":
        yield from islice(work(desk), count)
        return
    opening = list(sign_in(desk))
    yield from opening
    closing = 1 if desk.seat.system != PLATFORM else 0
    yield from islice(work(desk), count - len(opening) - closing)
    if closing:
        yield sign_out(desk)


def sign_in(desk: Desk) -> Iterator[Act]:
    """Open a session on the desk's system, now and then after a mistyped password."""
    is_mistyped = desk.dice.chance(_MISTYPED_SHARE)
    if desk.seat.system == RECORDS:
        if is_mistyped:
            yield desk.act(CONNECT)
            yield desk.act(REFUSE)
            # Each connection is a process of its own.
            desk.seat.line = 0
            desk.seat.pid += 1
        yield desk.act(CONNECT)
        yield desk.act(AUTHORIZE)
        return
    name = "ConsoleLogin" if desk.seat.system == PLATFORM else "signin"
    if is_mistyped:
        yield desk.act(name, outcome="failure")
    yield desk.act(name)


def sign_out(desk: Desk) -> Act:
    """Close the session."""
    return desk.act(DISCONNECT if desk.seat.system == RECORDS else "signout")


def _work_the_counter(desk: Desk) -> None:
    """Serve the public at times, under the counter's one account: nothing tells who it is."""
    if desk.dice.chance(_COUNTER_SHARE):
        desk.seat.account = COUNTER_ACCOUNT
        desk.seat.device = "WS-COUNTER"


def _share_account(desk: Desk) -> None:
    """Work through the application's account at times: only its name tells who it is."""
    if desk.dice.chance(_SHARED_ACCOUNT_SHARE):
        desk.seat.account = SHARED_ACCOUNT
        desk.seat.agent = f"chart-app:{desk.actor.login}"
        desk.seat.ip = "10.90.1.40"
