"""Slow misuse: each kind of misuse again, by somebody who takes their time.

Little at a time, at ordinary hours, with a reason that reads well: what no count
within a day or a week shows, and only months side by side do.
"""

from __future__ import annotations

from collections.abc import Iterator

from ombud.simulate.act import CASEBOOK, CHARTBOOK, DATAWORKS, PLATELINE, PLATFORM, RECORDS, Act
from ombud.simulate.desk import Desk
from ombud.simulate.dice import Dice
from ombud.simulate.hospital import break_glass, open_chart
from ombud.simulate.misuse import PRIVATE_MAIL, Story
from ombud.simulate.offices import CONTRACTS, Contract, run_workflow
from ombud.simulate.people import Actor
from ombud.simulate.roster import DAY, HOUR, MINUTE, SECOND
from ombud.simulate.sessions import sign_in
from ombud.simulate.sheriff import search_near, search_plate, view_person
from ombud.simulate.teller import SLOW, Teller, labelled
from ombud.simulate.texts import reason


def _sitting(teller: Teller, dice: Dice, actor: Actor, system: str, nominal: float) -> Desk:
    """Return a desk at an ordinary hour of a day."""
    return teller.desk(dice, actor, system, teller.on_shift(actor, nominal, dice), 70 * SECOND)


def self_lookup(teller: Teller) -> Iterator[Act]:
    """Let a caseworker open their own entry once in three weeks, among others."""
    dice = teller.dice("self_lookup/slow")
    actor = teller.cast("benefits", place=2)
    own = teller.world.residents.people[actor.resident or 0]
    label = teller.label("self_lookup", actor, "own entry, once in three weeks", variant=SLOW)
    for nominal in (6.0, 27.0, 48.0):
        desk = _sitting(teller, dice, actor, CASEBOOK, nominal)
        yield from sign_in(desk)
        yield view_person(desk, teller.strangers(dice, actor, 1)[0], None, "Change of address")
        yield from labelled(label, iter((view_person(desk, own, None, "Change of address"),)))


def ex_partner(teller: Teller) -> Iterator[Act]:
    """Let an officer look up a former partner every twelve days, on shift, by two systems."""
    dice = teller.dice("ex_partner/slow")
    actor = teller.cast("patrol-south", relation="ex_partner", place=3)
    former = teller.world.relative(actor, "ex_partner")
    label = teller.label("ex_partner", actor, "every twelve days, on shift", variant=SLOW)
    for place, nominal in enumerate((5.0, 17.0, 29.0, 41.0, 53.0)):
        text = reason(dice, "patrol")
        if place % 2:
            desk = _sitting(teller, dice, actor, CASEBOOK, nominal)
            act = view_person(desk, former, None, text)
        else:
            desk = _sitting(teller, dice, actor, PLATELINE, nominal)
            act = search_plate(desk, former, None, text)
        yield from labelled(label, iter((act,)))


def vip_snooping(teller: Teller) -> Iterator[Act]:
    """Let a clinician open three well-known people's charts in two months, one at a time."""
    dice = teller.dice("vip_snooping/slow")
    actor = teller.cast("ward-b", place=2)
    label = teller.label("vip_snooping", actor, "three known people in two months", variant=SLOW)
    for vip, nominal in zip(teller.world.residents.vips, (9.0, 30.0, 51.0), strict=False):
        desk = _sitting(teller, dice, actor, CHARTBOOK, nominal)
        yield from sign_in(desk)
        act = open_chart(desk, vip, None, reason(dice, "care"))
        yield from labelled(label, iter((act,)))


def bulk_export(teller: Teller) -> Iterator[Act]:
    """Let an analyst take a few hundred rows along every third day, never many at once."""
    dice = teller.dice("bulk_export/slow")
    actor = teller.cast("data-office", place=3)
    label = teller.label(
        "bulk_export_before_leaving", actor, "a few hundred rows every third day", variant=SLOW
    )
    for nominal in range(4, 58, 3):
        desk = _sitting(teller, dice, actor, DATAWORKS, float(nominal))
        rows = dice.between(400, 900)
        act = desk.act(
            "dataset.export", dataset="benefit_files", type="table", rows=rows, size=rows * 210,
            recipient=actor.login, destination=PRIVATE_MAIL, purpose="statistics.monthly",
            reason=reason(dice, "analysis"),
        )  # fmt: skip
        yield from labelled(label, iter((act,)))


def neighbourhood_dragnet(teller: Teller) -> Iterator[Act]:
    """Let an officer run two plates of their own street in each shift, for a month."""
    dice = teller.dice("dragnet/slow")
    actor = teller.cast("patrol-north", relation="neighbour", place=4)
    residents = teller.world.residents
    home = residents.home_of(residents.people[actor.resident or 0])
    first = max(home.number - 20, 0)
    doors = residents.households[first : first + 40]
    street = [residents.people[n] for door in doors for n in door.members]
    plated = [about for about in street if about.plate is not None]
    label = teller.label("neighbourhood_dragnet", actor, "two plates in each shift", variant=SLOW)
    for place in range(min(24, len(plated) // 2)):
        desk = _sitting(teller, dice, actor, PLATELINE, 20.0 + place * 1.5)
        for about in plated[2 * place : 2 * place + 2]:
            act = search_plate(desk, about, None, reason(dice, "patrol"))
            yield from labelled(label, iter((act,)))


def observers_at_protest(teller: Teller) -> Iterator[Act]:
    """Let an officer run the plates of an assembly's onlookers over the fortnight after it."""
    dice = teller.dice("observers/slow")
    actor = teller.cast("traffic", place=2)
    label = teller.label("observers_at_protest", actor, "two a day, afterwards", variant=SLOW)
    onlookers = teller.strangers(dice, actor, 20)
    desk = _sitting(teller, dice, actor, PLATELINE, 37.0)
    yield from labelled(label, iter((search_near(desk, onlookers[0], None, "traffic", "road"),)))
    for place in range(0, len(onlookers), 2):
        desk = _sitting(teller, dice, actor, PLATELINE, 38.0 + place * 1.0)
        acts = [
            search_plate(desk, about, None, "traffic") for about in onlookers[place : place + 2]
        ]
        yield from labelled(label, iter(acts))


def workflow_exceeds_contract(teller: Teller) -> Iterator[Act]:
    """Let a workflow read one dataset more than its contract has, once a week."""
    dice = teller.dice("workflow/slow")
    actor = teller.world.staff.named("svc-nightly-etl")
    contract = CONTRACTS[0]
    label = teller.label(
        "workflow_exceeds_contract", actor, "one dataset more, once a week", variant=SLOW
    )
    within = Contract(
        "wf-ward-planning", contract.purpose, contract.agreement, contract.datasets,
        contract.recipient, contract.destination,
    )  # fmt: skip
    for night, day in enumerate(range(teller.world.start // DAY + 1, teller.world.end // DAY)):
        time = day * DAY + 3 * HOUR + dice.between(0, 20) * MINUTE
        desk = teller.desk(dice, actor, DATAWORKS, time, pace=8 * SECOND)
        beyond = ("observations",) if night > 14 and night % 7 == 0 else ()
        for act in run_workflow(desk, within, beyond=beyond):
            if act.dataset in beyond:
                act.label = label
            yield act


def rubber_stamp(teller: Teller) -> Iterator[Act]:
    """Let a supervisor approve one request a day, each within half a minute, none refused."""
    dice = teller.dice("rubber_stamp/slow")
    actor = teller.cast("benefits", place=0)
    label = teller.label("rubber_stamp", actor, "one a day, never refused", variant=SLOW)
    members = teller.world.staff.by_unit[actor.unit.id]
    for nominal in range(2, 58):
        desk = _sitting(teller, dice, actor, CASEBOOK, float(nominal))
        seconds = dice.between(8, 28)
        asker = dice.pick(members)
        act = desk.act(
            "request.approve", request=f"Q-{dice.hex(8)}", dataset="requests", type="request",
            object_id=asker.login, purpose="supervision", reason="Scope fits the case",
            context={"decision_seconds": seconds, "requester": asker.login},
        )  # fmt: skip
        yield from labelled(label, iter((act,)))


def dormant_account(teller: Teller) -> Iterator[Act]:
    """Let an account nobody used for a month wake by day, and read two files a week."""
    dice = teller.dice("dormant/slow")
    actor = teller.cast("benefits", place=3)
    teller.idle.add(actor.login)
    label = teller.label("dormant_account", actor, "wakes and reads two a week", variant=SLOW)
    desk = teller.desk(dice, actor, CASEBOOK, teller.world.start + 10 * HOUR, pace=MINUTE)
    yield from sign_in(desk)
    for nominal in (36.0, 40.0, 44.0, 48.0, 52.0, 56.0):
        desk = _sitting(teller, dice, actor, CASEBOOK, nominal)
        yield from labelled(label, sign_in(desk))
        about = teller.strangers(dice, actor, 1)[0]
        act = desk.act(
            "benefit.view", about=about, dataset="benefit_files", type="benefit_file",
            object_id=about.key, rows=1, columns=("income", "household"),
            reason=reason(dice, "benefits"),
        )  # fmt: skip
        yield from labelled(label, iter((act,)))


def canary_record(teller: Teller) -> Iterator[Act]:
    """Let somebody scroll through names for weeks, and so open an entry that is nobody's."""
    dice = teller.dice("canary/slow")
    actor = teller.cast("admissions", place=2)
    label = teller.label("canary_record", actor, "found by scrolling through names", variant=SLOW)
    for nominal in (18.0, 25.0, 32.0, 39.0):
        desk = _sitting(teller, dice, actor, CHARTBOOK, nominal)
        for _ in range(3):
            text = dice.pick(teller.world.residents.ordinary).name[:4]
            act = desk.act(
                "chart.search", query=text, purpose="care.administration", dataset="charts",
                type="chart", rows=dice.between(8, 40),
            )  # fmt: skip
            yield from labelled(label, iter((act,)))
    desk = _sitting(teller, dice, actor, CHARTBOOK, 46.0)
    canary = teller.world.residents.canaries[-1]
    yield from labelled(label, iter((open_chart(desk, canary, None, reason(dice, "care")),)))


def export_without_justification(teller: Teller) -> Iterator[Act]:
    """Let a detective send out a page or two each fortnight, without reason or case."""
    dice = teller.dice("unjustified_export/slow")
    actor = teller.cast("detectives", place=4)
    label = teller.label("export_without_justification", actor, "a page a fortnight", variant=SLOW)
    for nominal in (7.0, 21.0, 35.0, 49.0):
        desk = _sitting(teller, dice, actor, CASEBOOK, nominal)
        rows = dice.between(2, 12)
        about = teller.strangers(dice, actor, 1)[0]
        act = desk.act(
            "report.export", about=about, dataset="cases", type="case", rows=rows,
            size=rows * 9_000, recipient="Brackwater Enquiries Ltd",
            destination="mail://desk@brackwater-enquiries.example",
        )  # fmt: skip
        yield from labelled(label, iter((act,)))


def audit_switched_off(teller: Teller) -> Iterator[Act]:
    """Let a data engineer narrow what the database audits for some minutes, week after week."""
    dice = teller.dice("audit_off/slow")
    actor = teller.cast("data-office", place=4)
    label = teller.label("audit_switched_off", actor, "six minutes a week", variant=SLOW)
    for nominal in (11.0, 18.0, 25.0, 32.0):
        base = _sitting(teller, dice, actor, RECORDS, nominal)
        base.pace = 5 * SECOND
        text = "ALTER SYSTEM SET pgaudit.log = 'ddl, role'"
        yield from labelled(label, iter((base.act("ALTER SYSTEM", type="DDL", query=text),)))
        off, on = base.time, base.time + 6 * MINUTE
        teller.silences.append((RECORDS, off, on))
        base.time = on
        text = "ALTER SYSTEM SET pgaudit.log = 'read, write, ddl, role, misc_set'"
        yield from labelled(label, iter((base.act("ALTER SYSTEM", type="DDL", query=text),)))
    cloud = _sitting(teller, dice, actor, PLATFORM, 33.0)
    trail = {"trailName": "hallowmere"}
    yield from labelled(label, iter((cloud.act("PutEventSelectors", context=trail),)))


def break_glass_abuse(teller: Teller) -> Iterator[Act]:
    """Let a clinician break the glass once a week, with a reason that reads well."""
    dice = teller.dice("break_glass/slow")
    actor = teller.cast("ward-a", place=3)
    label = teller.label("break_glass_abuse", actor, "once a week, well worded", variant=SLOW)
    for nominal in (3.0, 10.0, 17.0, 24.0, 31.0, 38.0, 45.0, 52.0):
        desk = _sitting(teller, dice, actor, CHARTBOOK, nominal)
        yield from sign_in(desk)
        about = teller.strangers(dice, actor, 1)[0]
        act = break_glass(desk, about, "Transferred in, assignment not yet entered")
        yield from labelled(label, iter((act,)))


SLOW_MISUSE: tuple[Story, ...] = (
    ex_partner,
    neighbourhood_dragnet,
    self_lookup,
    vip_snooping,
    bulk_export,
    observers_at_protest,
    workflow_exceeds_contract,
    rubber_stamp,
    dormant_account,
    canary_record,
    export_without_justification,
    audit_switched_off,
    break_glass_abuse,
)
