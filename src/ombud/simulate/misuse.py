"""Misuse: the labelled stories a watchful supervisor should find.

Each story is a function of the teller that yields its acts in order of time.  A
story's sign-ins are not labelled: signing in is not misuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from ombud.simulate.act import (
    CASEBOOK,
    CHARTBOOK,
    DATAWORKS,
    MAPPING,
    PLATELINE,
    PLATFORM,
    RECORDS,
    Act,
)
from ombud.simulate.hospital import break_glass, copy_patients, open_chart
from ombud.simulate.offices import LAKE, RESULTS, STOLEN_VEHICLES, Contract, run_workflow
from ombud.simulate.roster import DAY, HOUR, MINUTE, SECOND
from ombud.simulate.sessions import sign_in
from ombud.simulate.sheriff import (
    PLATE_READS,
    search_near,
    search_plate,
    view_person,
)
from ombud.simulate.teller import Teller, labelled

Story = Callable[[Teller], Iterator[Act]]

LINES_LOST = 23
PRIVATE_MAIL = "mail://keepsafe@postbox.example"


def self_lookup(teller: Teller) -> Iterator[Act]:
    """Let a records clerk open their own entry, twice."""
    dice = teller.dice("self_lookup")
    actor = teller.cast("records-office")
    own = teller.world.residents.people[actor.resident or 0]
    label = teller.label("self_lookup", actor, "opened their own entry")
    for nominal in (12.0, 31.0):
        desk = teller.desk(dice, actor, CASEBOOK, teller.on_shift(actor, nominal, dice))
        yield from sign_in(desk)
        search = desk.act(
            "person.search", about=own, query=own.name, reason="test", dataset="persons",
            type="person", rows=1,
        )  # fmt: skip
        yield from labelled(label, iter((search, view_person(desk, own, None, "test"))))


def ex_partner(teller: Teller) -> Iterator[Act]:
    """Let an officer run a former partner's plate six times in five weeks."""
    dice = teller.dice("ex_partner")
    actor = teller.cast("patrol-north", relation="ex_partner", place=2)
    former = teller.world.relative(actor, "ex_partner")
    label = teller.label("ex_partner", actor, "same plate six times, never with a case")
    reasons = ("traffic", "check", ".", "suspicious vehicle", "check", "as before")
    for place, nominal in enumerate((20.0, 26.0, 33.0, 40.0, 47.0, 54.0)):
        moment = teller.on_shift if place in {0, 3} else teller.off_shift
        desk = teller.desk(dice, actor, PLATELINE, moment(actor, nominal, dice))
        yield from sign_in(desk)
        act = search_plate(desk, former, None, reasons[place], location_class="residential")
        act.label = label
        yield act


def vip_snooping(teller: Teller) -> Iterator[Act]:
    """Let three clinicians open the chart of somebody known they do not care for."""
    dice = teller.dice("vip_snooping")
    vip = teller.world.residents.vips[0]
    for unit, nominal in (("ward-a", 36.2), ("ward-b", 36.9), ("outpatient", 37.6)):
        actor = teller.cast(unit)
        label = teller.label("vip_snooping", actor, "chart of a well-known person, no assignment")
        desk = teller.desk(dice, actor, CHARTBOOK, teller.on_shift(actor, nominal, dice))
        yield from sign_in(desk)
        yield from labelled(label, (open_chart(desk, vip, None) for _ in range(2)))


def bulk_export(teller: Teller) -> Iterator[Act]:
    """Let an analyst who is leaving take data along: more every day."""
    dice = teller.dice("bulk_export")
    actor = teller.cast("data-office")
    last_day = datetime.fromtimestamp((teller.world.end + 6 * DAY) // SECOND, UTC)
    leaving = {"leaving_on": last_day.date().isoformat()}
    label = teller.label("bulk_export_before_leaving", actor, "large exports before the last day")
    for place, nominal in enumerate((49.0, 51.0, 53.0, 55.0, 56.0, 57.0)):
        time = teller.off_shift(actor, nominal, dice)
        desk = teller.desk(dice, actor, DATAWORKS, time)
        yield from sign_in(desk)
        for dataset in ("benefit_files", "encounters", "households")[: 1 + place // 2]:
            rows = dice.between(15_000, 30_000) * (place + 1)
            act = desk.act(
                "dataset.export", dataset=dataset, type="table", rows=rows, size=rows * 210,
                recipient=actor.login, destination=PRIVATE_MAIL, reason="backup",
                purpose="statistics.monthly", context=leaving,
            )  # fmt: skip
            act.label = label
            yield act
        cloud = teller.desk(dice, actor, PLATFORM, desk.time + 2 * MINUTE)
        for part in range(place + 1):
            act = cloud.act(
                "GetObject", size=dice.between(80_000_000, 400_000_000),
                context={"bucketName": RESULTS, "key": f"full/benefit_files-{part:03d}.parquet"},
            )  # fmt: skip
            act.label = label
            yield act
    time = teller.off_shift(actor, 58.0, dice)
    desk = teller.desk(dice, actor, RECORDS, time)
    yield from sign_in(desk)
    yield from labelled(label, copy_patients(desk, 41_322))


def neighbourhood_dragnet(teller: Teller) -> Iterator[Act]:
    """Let an officer run the plates of their own street in one evening."""
    dice = teller.dice("dragnet")
    actor = teller.cast("traffic", relation="neighbour")
    residents = teller.world.residents
    home = residents.home_of(residents.people[actor.resident or 0])
    first = max(home.number - 12, 0)
    street = [
        residents.people[n] for h in residents.households[first : first + 25] for n in h.members
    ]
    label = teller.label("neighbourhood_dragnet", actor, "every plate of their own street")
    desk = teller.desk(dice, actor, PLATELINE, teller.off_shift(actor, 28.0, dice))
    yield from sign_in(desk)
    for _ in range(4):
        act = search_near(desk, street[0], None, "prevention", "residential")
        act.label = label
        yield act
    for about in street:
        if about.plate is not None:
            act = search_plate(desk, about, None, "prevention", location_class="residential")
            act.label = label
            yield act


def observers_at_protest(teller: Teller) -> Iterator[Act]:
    """Let an officer run the plates of people who watched an assembly."""
    dice = teller.dice("observers")
    actor = teller.cast("patrol-south", place=2)
    label = teller.label("observers_at_protest", actor, "plates of onlookers of an assembly")
    desk = teller.desk(dice, actor, PLATELINE, teller.on_shift(actor, 41.0, dice))
    yield from sign_in(desk)
    place = desk.act(
        "plate.near", reason="event", purpose="patrol.stop", dataset=PLATE_READS,
        type="plate_read", place=(54.9121, -27.4183, 300.0), area="Port Ellary, market",
        rows=88, context={"location_class": "protest"},
    )  # fmt: skip
    place.label = label
    yield place
    for about in teller.strangers(dice, actor, 26):
        act = search_plate(desk, about, None, "event", location_class="protest")
        act.area = "Port Ellary, market"
        act.label = label
        yield act


def workflow_exceeds_contract(teller: Teller) -> Iterator[Act]:
    """Let a nightly job quietly add the benefit files and deliver to others."""
    dice = teller.dice("workflow")
    actor = teller.world.staff.named("svc-nightly-etl")
    label = teller.label(
        "workflow_exceeds_contract", actor, "reads benefit files beyond clause 3.2 and delivers"
    )
    contract = STOLEN_VEHICLES
    beyond = Contract(
        contract.workflow, contract.purpose, contract.agreement, contract.datasets,
        "Harbour Recovery Partners", "s3://harbour-recovery-inbox",
    )  # fmt: skip
    crossing = teller.day(38.0)
    last = teller.world.end // DAY
    for day in range(teller.world.start // DAY + 1, last):
        time = day * DAY + 2 * HOUR + dice.between(0, 20) * MINUTE
        desk = teller.desk(dice, actor, DATAWORKS, time, pace=8 * SECOND)
        if day < crossing:
            yield from run_workflow(desk, contract)
            continue
        for act in run_workflow(desk, beyond, beyond=("benefit_files",)):
            if act.dataset == "benefit_files" or act.operation == "workflow.deliver":
                act.label = label
            yield act
        cloud = teller.desk(dice, actor, PLATFORM, desk.time)
        act = cloud.act(
            "GetObject", size=dice.between(900_000, 4_000_000),
            context={"bucketName": LAKE, "key": "benefit_files/part-00000.parquet"},
        )  # fmt: skip
        act.label = label
        yield act


def rubber_stamp(teller: Teller) -> Iterator[Act]:
    """Let a supervisor approve everything within seconds, once their own request."""
    dice = teller.dice("rubber_stamp")
    actor = teller.cast("detectives", place=0)
    label = teller.label("rubber_stamp", actor, "approvals in a few seconds, none refused")
    members = teller.world.staff.by_unit[actor.unit.id]
    for sitting in range(8):
        time = teller.on_shift(actor, 8.0 + 6 * sitting, dice)
        desk = teller.desk(dice, actor, CASEBOOK, time, pace=2 * SECOND)
        yield from sign_in(desk)
        for place in range(9):
            seconds = dice.between(1, 6)
            desk.time += seconds * SECOND
            asker = actor if (sitting, place) == (5, 4) else dice.pick(members)
            act = desk.act(
                "request.approve", request=f"Q-{dice.hex(8)}", dataset="requests",
                type="request", object_id=asker.login, purpose="supervision", reason="ok",
                context={"decision_seconds": seconds, "requester": asker.login},
            )  # fmt: skip
            act.label = label
            yield act


def dormant_account(teller: Teller) -> Iterator[Act]:
    """Let an account nobody used for weeks wake at night and read benefit files."""
    dice = teller.dice("dormant")
    actor = teller.cast("benefits")
    teller.idle.add(actor.login)
    label = teller.label("dormant_account", actor, "silent for over a month, then reads at night")
    desk = teller.desk(dice, actor, CASEBOOK, teller.world.start + 9 * HOUR, pace=MINUTE)
    yield from sign_in(desk)
    for about in dice.sample(teller.world.residents.ordinary, 6):
        if about.number not in actor.relations:
            yield view_person(desk, about, None, "Handing over open files")
    night = teller.day(52.0) * DAY + 2 * HOUR + 14 * MINUTE
    desk = teller.desk(dice, actor, CASEBOOK, night, pace=9 * SECOND)
    desk.seat.ip, desk.seat.device = "203.0.113.77", "unknown"
    yield from labelled(label, sign_in(desk))
    for about in teller.strangers(dice, actor, 34):
        act = desk.act(
            "benefit.view", about=about, dataset="benefit_files", type="benefit_file",
            object_id=about.key, rows=1, columns=("income", "household", "bank_account"),
        )  # fmt: skip
        act.label = label
        yield act


def canary_record(teller: Teller) -> Iterator[Act]:
    """Let an admissions clerk open the chart of somebody who does not exist."""
    dice = teller.dice("canary")
    actor = teller.cast("admissions")
    label = teller.label("canary_record", actor, "entry that stands for nobody")
    desk = teller.desk(dice, actor, CHARTBOOK, teller.on_shift(actor, 44.0, dice))
    yield from sign_in(desk)
    canary = teller.world.residents.canaries[0]
    yield from labelled(label, iter((open_chart(desk, canary, None, "billing"),)))


def export_without_justification(teller: Teller) -> Iterator[Act]:
    """Let a detective send reports out with neither reason nor case."""
    dice = teller.dice("unjustified_export")
    actor = teller.cast("detectives")
    label = teller.label("export_without_justification", actor, "no reason, no case")
    for nominal in (17.0, 29.0, 45.0):
        desk = teller.desk(dice, actor, CASEBOOK, teller.on_shift(actor, nominal, dice))
        yield from sign_in(desk)
        about = teller.strangers(dice, actor, 1)[0]
        rows = dice.between(300, 900)
        act = desk.act(
            "report.export", about=about, dataset="cases", type="case", rows=rows,
            size=rows * 9_000, recipient="Brackwater Enquiries Ltd",
            destination="mail://desk@brackwater-enquiries.example",
        )  # fmt: skip
        act.label = label
        yield act


def audit_switched_off(teller: Teller) -> Iterator[Act]:
    """Let a data engineer stop the audit logs for most of an hour, at night."""
    dice = teller.dice("audit_off")
    actor = teller.cast("data-office", place=2)
    label = teller.label("audit_switched_off", actor, "audit logs stopped, database silent")
    time = teller.day(47.0) * DAY + 3 * HOUR + 8 * MINUTE
    trail = {"name": "arn:aws:cloudtrail:eu-north-1:214400310027:trail/hallowmere"}
    cloud = teller.desk(dice, actor, PLATFORM, time, pace=20 * SECOND)
    yield from sign_in(cloud)
    yield from labelled(label, iter((cloud.act("StopLogging", context=trail),)))
    base = teller.desk(dice, actor, RECORDS, cloud.time, pace=5 * SECOND)
    yield from sign_in(base)
    text = "ALTER SYSTEM SET pgaudit.log = 'none'"
    yield from labelled(label, iter((base.act("ALTER SYSTEM", type="DDL", query=text),)))
    off, on = base.time, base.time + 48 * MINUTE
    teller.silences.append((RECORDS, off, on))
    book = teller.desk(dice, actor, CASEBOOK, off, pace=5 * SECOND)
    context = {"setting": "audit.enabled", "value": False}
    act = book.act("audit.configure", dataset="audit_trail", type="audit_trail", context=context)
    yield from labelled(label, iter((act,)))
    # What forwards the case system's lines restarts too, and loses what it was handed.
    teller.losses.append((MAPPING, act.time, LINES_LOST))
    base.time = on
    text = "ALTER SYSTEM SET pgaudit.log = 'read, write, ddl, role, misc_set'"
    yield from labelled(label, iter((base.act("ALTER SYSTEM", type="DDL", query=text),)))
    cloud.time = base.time
    yield from labelled(label, iter((cloud.act("StartLogging", context=trail),)))


def break_glass_abuse(teller: Teller) -> Iterator[Act]:
    """Let a clinician outside the emergency unit break the glass again and again."""
    dice = teller.dice("break_glass")
    actor = teller.cast("outpatient", place=2)
    label = teller.label("break_glass_abuse", actor, "urgent access outside the emergency unit")
    for nominal in (22.0, 25.0, 27.0, 30.0, 32.0, 35.0, 39.0, 42.0):
        desk = teller.desk(dice, actor, CHARTBOOK, teller.on_shift(actor, nominal, dice))
        yield from sign_in(desk)
        about = teller.strangers(dice, actor, 1)[0]
        yield from labelled(label, iter((break_glass(desk, about, "urgent"),)))


MISUSE: tuple[Story, ...] = (
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
