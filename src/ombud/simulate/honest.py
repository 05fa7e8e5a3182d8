"""Honest oddities: acts that look like misuse and are not, labelled so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from ombud.simulate.act import CASEBOOK, CHARTBOOK, DATAWORKS, PLATELINE, RECORDS, Act
from ombud.simulate.cases import Case
from ombud.simulate.hospital import open_chart, work_records
from ombud.simulate.moves import deputy_of, leaves_of
from ombud.simulate.roster import DAY, HOUR, MINUTE, SECOND
from ombud.simulate.sessions import sign_in
from ombud.simulate.sheriff import search_plate, view_person, work_cases, work_requests
from ombud.simulate.teller import Teller, labelled

# The big investigation is one event in so many, within bounds that a small county can bear.
_INVESTIGATION_SHARE = 600
_INVESTIGATION_MAX = 340
_INVESTIGATION_MIN = 20


def cover_shift(teller: Teller) -> Iterator[Act]:
    """Let an officer cover a colleague's night; the roster was never corrected."""
    dice = teller.dice("cover_shift")
    actor = teller.cast("patrol-north", place=3)
    label = teller.label(
        "cover_shift", actor, "off shift by the roster, covering for a colleague", is_misuse=False
    )
    desk = teller.desk(dice, actor, CASEBOOK, teller.off_shift(actor, 24.0, dice), 6 * MINUTE)
    yield from labelled(label, sign_in(desk))
    for act in labelled(label, islice(work_cases(desk), 28)):
        act.reason = act.reason and f"Covering tonight's shift. {act.reason}"
        yield act


def night_shift(teller: Teller) -> Iterator[Act]:
    """Let a clinician on permanent nights work at three in the morning, as always."""
    dice = teller.dice("night_shift")
    wards = ("ward-a", "ward-b", "emergency")
    nights = [
        actor
        for ward in wards
        for actor in teller.world.staff.by_unit[ward]
        if actor.pattern == "nights"
    ]
    actor = nights[0] if nights else teller.cast("emergency")
    label = teller.label("night_shift", actor, "on permanent nights by the roster", is_misuse=False)
    desk = teller.desk(dice, actor, RECORDS, teller.on_shift(actor, 15.0, dice), 4 * MINUTE)
    yield from labelled(label, sign_in(desk))
    yield from labelled(label, islice(work_records(desk), 24))


def big_investigation(teller: Teller) -> Iterator[Act]:
    """Let two detectives search hundreds of plates in three days: one case, assigned, approved."""
    dice = teller.dice("big_investigation")
    count = teller.events // _INVESTIGATION_SHARE
    count = max(_INVESTIGATION_MIN, min(count, _INVESTIGATION_MAX))
    team = [teller.cast("detectives", place=place) for place in (2, 3)]
    opened = teller.day(13.0) * DAY
    people = teller.strangers(dice, team[0], count)
    people = [about for about in people if about.number not in team[1].relations]
    case = Case(
        teller.world.cases.next_id("C"), "investigation.homicide", "investigation", opened,
        opened + 40 * DAY, tuple(actor.index for actor in team), tuple(people),
    )  # fmt: skip
    teller.world.cases.enter(case)
    for place, actor in enumerate(team):
        label = teller.label(
            "big_investigation", actor, "large, but one assigned case", is_misuse=False
        )
        third = max(1, len(people) // 3)
        for part in range(3):
            time = teller.on_shift(actor, 14.0 + part + 5 * place, dice)
            desk = teller.desk(dice, actor, PLATELINE, time, pace=35 * SECOND)
            yield from sign_in(desk)
            for about in people[part * third : (part + 1) * third]:
                text = f"{case.id}: vehicle at the scene in the hour before"
                act = search_plate(desk, about, case, text)
                act.label = label
                yield act
        desk = teller.desk(dice, actor, CASEBOOK, desk.time + HOUR, pace=50 * SECOND)
        views = (
            view_person(desk, about, case, "Named in the door to door") for about in people[:20]
        )
        yield from labelled(label, views)


def vip_in_care(teller: Teller) -> Iterator[Act]:
    """Let the clinician who treats somebody known open their chart, daily, as assigned."""
    dice = teller.dice("vip_in_care")
    actor = teller.cast("ward-a", place=2)
    vip = teller.world.residents.vips[0]
    label = teller.label("vip_in_care", actor, "assigned to this patient", is_misuse=False)
    opened = teller.day(35.0) * DAY
    case = Case(
        teller.world.cases.next_id("E"), "care.treatment", "care", opened,
        opened + 9 * DAY, (actor.index,), (vip,),
    )  # fmt: skip
    teller.world.cases.enter(case)
    for nominal in (35.0, 36.0, 37.0, 38.0):
        desk = teller.desk(dice, actor, CHARTBOOK, teller.on_shift(actor, nominal, dice))
        yield from sign_in(desk)
        yield from labelled(label, iter((open_chart(desk, vip, case, "Ward round"),)))


def authorised_export(teller: Teller) -> Iterator[Act]:
    """Send a large yearly return out of the county, under an agreement and approved."""
    dice = teller.dice("authorised_export")
    actor = teller.cast("data-office", place=0)
    label = teller.label(
        "authorised_export", actor, "yearly return under an agreement", is_misuse=False
    )
    desk = teller.desk(dice, actor, DATAWORKS, teller.on_shift(actor, 33.0, dice))
    yield from sign_in(desk)
    act = desk.act(
        "dataset.export", dataset="encounters", type="table", rows=180_000, size=41_000_000,
        recipient="National Statistics Office", destination="secure-share://national-statistics",
        agreement="PSA-2024-02 clause 5", request="Q-return26", purpose="statistics.yearly",
        case="A-26-RETURN", reason="Yearly return, approved by the county board",
    )  # fmt: skip
    yield from labelled(label, iter((act,)))


def transferred(teller: Teller) -> Iterator[Act]:
    """Let somebody who changed units finish a file of the unit they left."""
    dice = teller.dice("transferred")
    mover = next(iter(teller.world.moves), None)
    actor = teller.cast("detectives", place=5) if mover is None else mover.actor
    label = teller.label(
        "transferred", actor, "finishing a file of the unit they left", is_misuse=False
    )
    moved = teller.world.start + 20 * DAY if mover is None else mover.at
    system = CHARTBOOK if actor.role == "clinician" else CASEBOOK
    about = teller.strangers(dice, actor, 1)[0]
    case = Case(
        teller.world.cases.next_id("C"), "records.correction", "records", moved - 20 * DAY,
        moved + 12 * DAY, (actor.index,), (about,),
    )  # fmt: skip
    teller.world.cases.enter(case)
    for days in (2, 4, 7):
        nominal = teller.nominal(moved + days * DAY)
        desk = teller.desk(dice, actor, system, teller.on_shift(actor, nominal, dice))
        make = open_chart if system == CHARTBOOK else view_person
        act = make(desk, about, case, f"{case.id}: handing over to my former unit")
        yield from labelled(label, iter((act,)))


def acting_supervisor(teller: Teller) -> Iterator[Act]:
    """Let a deputy decide a week of requests: the supervisor is on leave, the roster says so."""
    dice = teller.dice("acting_supervisor")
    world = teller.world
    for unit, members in world.staff.by_unit.items():
        if members[0].kind != "person":
            continue
        for span in leaves_of(world.roster, members[0], world.start, world.end):
            actor = deputy_of(world.staff, world.moves, world.roster, unit, span)
            if actor is None:
                continue
            label = teller.label(
                "acting_supervisor", actor, "decides for a supervisor on leave", is_misuse=False
            )
            for place in range(10):
                nominal = teller.nominal(span[0]) + place * 0.3
                desk = teller.desk(dice, actor, CASEBOOK, teller.on_shift(actor, nominal, dice))
                yield from labelled(label, islice(work_requests(desk), 2))
            return


HONEST: tuple[Callable[[Teller], Iterator[Act]], ...] = (
    cover_shift,
    night_shift,
    big_investigation,
    vip_in_care,
    authorised_export,
    transferred,
    acting_supervisor,
)
