"""Sheriff's office: what officers, detectives, clerks and their supervisors do all day."""

from __future__ import annotations

from collections.abc import Iterator

from ombud.simulate.act import Act
from ombud.simulate.cases import Case
from ombud.simulate.desk import Desk
from ombud.simulate.names import AREAS, RECIPIENTS
from ombud.simulate.residents import Resident
from ombud.simulate.texts import reason

PLATE_READS = "plate_reads"
# Radii searched, metres: a wide area only for a case.
_NEAR_M = (150.0, 250.0, 500.0)
_WIDE_M = (500.0, 1000.0, 2000.0)
_LOCATION_CLASSES = ("road", "road", "road", "commercial", "residential", "residential")
_AGREEMENT = "MOU-2025-17"


def work_cases(desk: Desk) -> Iterator[Act]:
    """Look into people and files of the case system, for cases of one's own mostly."""
    dice = desk.dice
    while True:
        file = desk.case()
        if file is None:
            yield from _work_without_case(desk)
            continue
        about = dice.pick(file.subjects)
        text = reason(dice, file.topic, case=file.id)
        if dice.chance(0.6):
            yield desk.act(
                "person.search", file=file, query=about.name, reason=text, dataset="persons",
                type="person", rows=dice.between(1, 12),
            )  # fmt: skip
        yield view_person(desk, about, file, text)
        if dice.chance(0.35):
            yield desk.act(
                "case.view", file=file, dataset="cases", type="case", object_id=file.id, rows=1
            )
        if dice.chance(0.25):
            yield desk.act(
                "case.note", file=file, dataset="cases", type="case", object_id=file.id,
                size=dice.between(80, 2400),
            )  # fmt: skip
        if dice.chance(0.03):
            yield from _export_file(desk, file, about)


def view_person(desk: Desk, about: Resident, file: Case | None, text: str | None) -> Act:
    """Open one person's entry."""
    return desk.act(
        "person.view", about=about, file=file, reason=text, dataset="persons", type="person",
        object_id=about.key, rows=1, columns=("name", "born_on", "address", "warnings"),
    )  # fmt: skip


def _work_without_case(desk: Desk) -> Iterator[Act]:
    """Answer an enquiry that has no file yet: a purpose and a reason, no case."""
    dice = desk.dice
    about = dice.pick(desk.world.residents.ordinary)
    if about.number in desk.actor.relations:
        return
    text = reason(dice, "patrol" if desk.actor.role == "officer" else "records")
    yield desk.act(
        "person.search", query=about.name, purpose="enquiry.public", reason=text,
        dataset="persons", type="person", rows=dice.between(1, 12),
    )  # fmt: skip
    yield desk.act(
        "person.view", about=about, purpose="enquiry.public", reason=text, dataset="persons",
        type="person", object_id=about.key, rows=1,
    )  # fmt: skip


def _export_file(desk: Desk, file: Case, about: Resident) -> Iterator[Act]:
    """Ask for a disclosure and send it to somebody who may have it."""
    dice = desk.dice
    request = f"Q-{dice.hex(8)}"
    recipient, destination = dice.pick(RECIPIENTS[:3])
    yield desk.act(
        "request.create", file=file, request=request, dataset="cases", type="case",
        object_id=file.id, reason=reason(dice, file.topic, case=file.id),
    )  # fmt: skip
    rows = dice.between(1, 40)
    yield desk.act(
        "report.export", about=about, file=file, request=request, dataset="cases", type="case",
        object_id=file.id, recipient=recipient, destination=destination, agreement=_AGREEMENT,
        reason=reason(dice, "records", case=file.id, careful=True), rows=rows, size=rows * 9_000,
    )  # fmt: skip


def work_requests(desk: Desk) -> Iterator[Act]:
    """Decide what others asked for, having read it; about one in eight is turned down."""
    dice = desk.dice
    while True:
        seconds = 25 + int(dice.gap(180))
        desk.time += seconds * 1000
        colleague = dice.pick(desk.world.staff.by_unit[desk.actor.unit.id])
        is_denied = dice.chance(0.12)
        yield desk.act(
            "request.deny" if is_denied else "request.approve",
            request=f"Q-{dice.hex(8)}", dataset="requests", type="request",
            object_id=colleague.login, purpose="supervision",
            reason="Not needed for the case" if is_denied else "Scope fits the case",
            context={"decision_seconds": seconds, "requester": colleague.login},
        )  # fmt: skip


def work_plates(desk: Desk) -> Iterator[Act]:
    """Look up plates: at stops without a case, in investigations with one."""
    dice = desk.dice
    residents = desk.world.residents
    while True:
        file = desk.case() if dice.chance(0.5) else None
        about = dice.pick(file.subjects if file is not None else residents.drivers)
        if about.plate is None or about.number in desk.actor.relations:
            continue
        text = reason(dice, "investigation" if file else "patrol", case=file.id if file else None)
        kind = dice.random()
        if kind < 0.72:
            yield search_plate(desk, about, file, text)
        elif kind < 0.86:
            yield desk.act(
                "plate.search", file=file, reason=text, query=about.plate[:4] + "*",
                dataset=PLATE_READS, type="plate_read", rows=dice.between(1, 30),
                purpose="patrol.stop",
            )  # fmt: skip
        else:
            yield search_near(desk, about, file, text)
        if dice.chance(0.3):
            yield desk.act(
                "plate.view", about=about, file=file, reason=text, dataset=PLATE_READS,
                type="plate_read", rows=1, purpose="patrol.stop",
            )  # fmt: skip


def search_plate(
    desk: Desk, about: Resident, file: Case | None, text: str | None, **context: str
) -> Act:
    """Search one plate; without a case the purpose is a stop."""
    return desk.act(
        "plate.search", about=about, file=file, reason=text, query=about.plate,
        dataset=PLATE_READS, type="plate_read", rows=desk.dice.between(0, 25), context=context,
        purpose="patrol.stop",
    )  # fmt: skip


def search_near(
    desk: Desk, about: Resident, file: Case | None, text: str, location_class: str | None = None
) -> Act:
    """Search all plates read around a place near somebody's home."""
    dice = desk.dice
    home = desk.world.residents.home_of(about)
    lat = round(home.lat + (dice.random() - 0.5) * 0.01, 5)
    lon = round(home.lon + (dice.random() - 0.5) * 0.01, 5)
    return desk.act(
        "plate.near", file=file, reason=text, dataset=PLATE_READS, type="plate_read",
        place=(lat, lon, dice.pick(_WIDE_M if file or location_class else _NEAR_M)),
        area=f"{home.town}, {dice.pick(AREAS)}",
        rows=dice.between(5, 400),
        context={"location_class": location_class or dice.pick(_LOCATION_CLASSES)},
        purpose="patrol.stop",
    )  # fmt: skip


def feed_plates(desk: Desk) -> Iterator[Act]:
    """Bring in what the cameras read: the camera service, all day."""
    dice = desk.dice
    while True:
        rows = dice.between(120, 3_000)
        yield desk.act(
            "plate.import", dataset=PLATE_READS, type="plate_read", rows=rows, size=rows * 180,
            purpose="operation.ingest", workflow="wf-camera-feed",
        )  # fmt: skip
