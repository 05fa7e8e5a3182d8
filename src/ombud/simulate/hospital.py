"""Hospital: charts opened in the chart application, records read in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ombud.simulate.act import Act
from ombud.simulate.cases import Case
from ombud.simulate.desk import Desk
from ombud.simulate.names import RECIPIENTS
from ombud.simulate.pglog import AGAIN
from ombud.simulate.residents import Resident
from ombud.simulate.texts import reason

CHART_COLUMNS = ("diagnoses", "medications", "results", "notes")


class _Statement(NamedTuple):
    """One statement of the ward application, about the patient `{no}`."""

    command: str
    audit_class: str
    relations: tuple[str, ...]
    rows_max: int
    text: str


_STATEMENTS = (
    _Statement(
        "SELECT", "READ", ("patients",), 1,
        "SELECT patient_no, family_name, given_name, born_on FROM patients"
        " WHERE patient_no = '{no}'",
    ),
    _Statement(
        "SELECT", "READ", ("observations",), 50,
        "SELECT taken_at, kind, value FROM observations WHERE patient_no = '{no}'"
        " ORDER BY taken_at DESC LIMIT 50",
    ),
    _Statement(
        "SELECT", "READ", ("medications",), 9,
        "SELECT drug, dose, given_at FROM medications WHERE patient_no = '{no}'"
        " AND stopped_at IS NULL",
    ),
    _Statement(
        "SELECT", "READ", ("patients", "encounters"), 6,
        "SELECT p.family_name, e.ward, e.admitted_at FROM patients p JOIN encounters e"
        " ON e.patient_no = p.patient_no WHERE p.patient_no = '{no}'",
    ),
    _Statement(
        "SELECT", "READ", ("results",), 30,
        "SELECT test, value, unit, reported_at FROM results WHERE patient_no = '{no}'",
    ),
    _Statement(
        "UPDATE", "WRITE", ("encounters",), 1,
        "UPDATE encounters SET ward = 'B', updated_at = now() WHERE patient_no = '{no}'"
        " AND discharged_at IS NULL",
    ),
    _Statement(
        "INSERT", "WRITE", ("observations",), 1,
        "INSERT INTO observations (patient_no, kind, value) VALUES ('{no}', 'pulse', 72)",
    ),
)  # fmt: skip
_PREPARED = "SELECT given_at, drug, dose FROM medications WHERE patient_no = $1 ORDER BY given_at"
# Relation, statement, rows: counts in which no single patient is meant.
_BEDS = "SELECT ward, count(*) FROM encounters WHERE discharged_at IS NULL GROUP BY ward"
_REPORTS = (
    ("encounters", _BEDS, 12),
    ("billing", "SELECT month, sum(amount) FROM billing GROUP BY month ORDER BY month", 24),
    ("encounters", "SELECT age_band, ward, count(*) FROM encounters GROUP BY age_band, ward", 90),
)


def work_charts(desk: Desk) -> Iterator[Act]:
    """Open the charts of one's own patients; in an emergency, others behind the glass."""
    dice = desk.dice
    while True:
        file = desk.case()
        if file is None:
            yield from _work_without_encounter(desk)
            continue
        about = file.subjects[0]
        yield open_chart(desk, about, file)
        if dice.chance(0.4):
            yield desk.act(
                "chart.note", about=about, file=file, dataset="charts", type="chart",
                object_id=about.patient_no, size=dice.between(60, 1_800),
            )  # fmt: skip
        if dice.chance(0.02):
            recipient, destination = RECIPIENTS[3]
            yield desk.act(
                "chart.print", about=about, file=file, dataset="charts", type="chart",
                object_id=about.patient_no, recipient=recipient, destination=destination,
                reason=reason(dice, "care", careful=True), rows=dice.between(1, 20), size=240_000,
            )  # fmt: skip


def _work_without_encounter(desk: Desk) -> Iterator[Act]:
    """Look somebody up by name; in the emergency unit now and then break the glass."""
    dice = desk.dice
    about = dice.pick(desk.world.residents.ordinary)
    if about.number in desk.actor.relations:
        return
    yield desk.act(
        "chart.search", query=about.name, purpose="care.administration", dataset="charts",
        type="chart", rows=dice.between(1, 15),
    )  # fmt: skip
    if desk.actor.unit.id == "emergency" and dice.chance(0.3):
        yield break_glass(desk, about)


def open_chart(desk: Desk, about: Resident, file: Case | None, text: str | None = None) -> Act:
    """Open one patient's chart."""
    return desk.act(
        "chart.open", about=about, file=file, dataset="charts", type="chart",
        object_id=about.patient_no, rows=1, columns=CHART_COLUMNS,
        reason=text if text is not None else (reason(desk.dice, "care") if file else None),
    )  # fmt: skip


def break_glass(desk: Desk, about: Resident, text: str | None = None) -> Act:
    """Open a chart without being assigned, which the application allows and marks."""
    return desk.act(
        "chart.breakglass", about=about, dataset="charts", type="chart",
        object_id=about.patient_no, rows=1, purpose="care.emergency", columns=CHART_COLUMNS,
        reason=text or "Unknown patient in the resuscitation room", context={"break_glass": True},
    )  # fmt: skip


def work_records(desk: Desk) -> Iterator[Act]:
    """Query the clinical database for one's own patients."""
    dice = desk.dice
    while True:
        file = desk.case()
        about = file.subjects[0] if file else dice.pick(desk.world.residents.ordinary)
        if about.number in desk.actor.relations:
            desk.wait(1_000)
            continue
        for _ in range(dice.between(1, 4)):
            yield from _statement(desk, about)


def _statement(desk: Desk, about: Resident) -> Iterator[Act]:
    """Run one statement: a line for each relation it reads."""
    dice = desk.dice
    if dice.chance(0.2):
        yield desk.act(
            "SELECT", type="READ", dataset="medications", query=_PREPARED,
            rows=dice.between(0, 9), context={"parameters": about.patient_no},
        )  # fmt: skip
        return
    statement = dice.pick(_STATEMENTS)
    text = statement.text.replace("{no}", about.patient_no)
    rows = dice.between(1, statement.rows_max)
    time = desk.time
    for place, relation in enumerate(statement.relations):
        desk.time = time + place
        yield desk.act(
            statement.command, type=statement.audit_class, dataset=relation, query=text, rows=rows,
            context={AGAIN: True} if place else None,
        )  # fmt: skip


def work_reports(desk: Desk) -> Iterator[Act]:
    """Count things in the clinical database: no single patient is meant."""
    dice = desk.dice
    while True:
        relation, text, rows = dice.pick(_REPORTS)
        yield desk.act("SELECT", type="READ", dataset=relation, query=text, rows=rows)


def back_up(desk: Desk) -> Iterator[Act]:
    """Copy every table out, each night: the backup service; pgaudit names no relation here."""
    while True:
        for relation in ("patients", "encounters", "observations", "medications", "results"):
            text = f"COPY public.{relation} TO stdout"
            yield desk.act("COPY", type="READ", query=text, rows=0)


def copy_patients(desk: Desk, rows: int) -> Iterator[Act]:
    """Copy all patients out by a query; pgaudit writes the read first and then the copy."""
    text = "COPY (SELECT * FROM patients) TO stdout"
    time = desk.time
    yield desk.act(
        "COPY", type="READ", dataset="patients", query=text, rows=rows,
        context={"command": "SELECT"},
    )  # fmt: skip
    desk.time = time + 1
    yield desk.act("COPY", type="READ", query=text, rows=0, context={AGAIN: True, "part": 2})
