"""Clinic work: what people do in the clinic's database for a month, and whose data it was.

Deterministic by seed.  Most people work through one application that signs in with
one account; a few have accounts of the database.  The truth is what a statement
says, whatever a log makes of it.
"""

from __future__ import annotations

import csv
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

SHARED = "clinic_app"
APPLICATION = "clinic-web"
PATIENTS = 400
FIRST_PATIENT = 8_500  # So that there is a patient 8841.
VISITS = 1_200
CITIZENS = 120
WATCHED = 8_841
_GIVEN = (
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Elif",
    "Franz",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Klara",
    "Leo",
    "Mara",
    "Nils",
    "Olga",
    "Paul",
)
_FAMILY = (
    "Berg",
    "Kovac",
    "Lindt",
    "Meyer",
    "Novak",
    "Ott",
    "Pohl",
    "Quast",
    "Rossi",
    "Sander",
    "Thal",
    "Unger",
    "Vogt",
    "Wirth",
    "Zander",
)
_JOIN = (
    "select p.last_name, v.reason from patients p join visits v on v.patient_id = p.id"
    " where p.mrn = %s"
)
_INSERT = (
    "insert into prescriptions (id, patient_id, medication_id, dose) values (%s, %s, %s, '1-0-1')"
)
_TIMESTAMP = re.compile(rb'("timestamp":")([0-9 :.-]+) UTC"')


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the staff: who they are, their unit, and the account they work with."""

    id: str
    name: str
    unit: str
    login: str
    is_direct: bool


@dataclass(frozen=True, slots=True)
class Act:
    """One statement: by whom, with which values, and whom it names."""

    person: Person
    sql: str
    values: tuple[Any, ...]
    subjects: frozenset[tuple[str, str]] = frozenset()

    @property
    def account(self) -> str:
        """The account of the database that it is run with."""
        return self.person.login if self.person.is_direct else SHARED


class ClinicWork:
    """The people of the clinic, and their acts."""

    def __init__(self, seed: int, *, people: int = 44, direct: int = 4) -> None:
        self._dice = random.Random(seed)
        self.people = [self._person(number, is_direct=number < direct) for number in range(people)]
        self._direct = self.people[:direct]
        self._others = self.people[direct:]

    def _person(self, number: int, *, is_direct: bool) -> Person:
        given = _GIVEN[number % len(_GIVEN)]
        family = _FAMILY[(number * 7 + number // 15) % len(_FAMILY)]
        login = f"{given}_{family}{number}".lower()
        return Person(f"p{number:03}", f"{given} {family}", f"ward-{number % 5}", login, is_direct)

    def write_roster(self, folder: Path) -> list[Path]:
        """Write persons, accounts, units, memberships and shifts as CSV files."""
        units = [(f"ward-{n}", f"Ward {n}", "clinic", "Europe/Berlin") for n in range(5)]
        tables: dict[str, tuple[str, Iterable[Sequence[str]]]] = {
            "person": ("person,name", ((one.id, one.name) for one in self.people)),
            "account": ("account,system,person",
                        ((one.login, "postgresql/clinic", one.id) for one in self.people)),
            "unit": ("unit,name,parent,time_zone",
                     [("clinic", "Clinic", "", "Europe/Berlin"), *units]),
            "membership": ("person,unit,role",
                           ((one.id, one.unit, "analyst" if one.is_direct else "nurse")
                            for one in self.people)),
        }  # fmt: skip
        paths = []
        for kind, (columns, rows) in tables.items():
            path = folder / f"{kind}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(columns.split(","))
                writer.writerows(rows)
            paths.append(path)
        return paths

    def rows(self) -> Iterator[str]:
        """Yield the statements that fill the tables."""
        patients = f"generate_series({FIRST_PATIENT}, {FIRST_PATIENT + PATIENTS - 1}) i"
        yield ("insert into wards select i, 'Ward ' || i, '030 555 ' || i, 'w@clinic.example', 20"
               " from generate_series(1, 5) i")  # fmt: skip
        yield ("insert into staff (id, login, first_name, last_name, ward_id) select i, 'login' ||"
               " i, 'S', 'T', 1 + i % 5 from generate_series(1, 44) i")  # fmt: skip
        yield ("insert into patients select i, 'M' || (10000 + i), 'First' || i % 50, 'Last' || i"
               " % 90, date '1950-01-01' + i, 'f', '123-45-' || i, 'a' || i || '@mail.example',"
               f" '030 1234' || i, 'Town', 1, now() from {patients}")  # fmt: skip
        yield ("insert into visits (id, patient_id, ward_id, clinician_id) select i,"
               f" {FIRST_PATIENT} + i % {PATIENTS}, 1 + i % 5, 1 + i % 44"
               f" from generate_series(1, {VISITS}) i")  # fmt: skip
        yield ("insert into permits.citizens select i, 'G', 'C' || i, date '1960-01-01' + i,"
               f" 'N' || i, 'Street' from generate_series(1, {CITIZENS}) i")  # fmt: skip
        yield ("insert into permits.vehicles select i, i, 'B-AB ' || i, 'Make', 'Model'"
               f" from generate_series(1, {CITIZENS}) i")  # fmt: skip
        yield "insert into medications (id, name) select i, 'Drug' from generate_series(1, 30) i"

    def acts(self, count: int, *, direct_share: float) -> list[Act]:
        """Return what is done, in order: by people with accounts of their own for this share."""
        acts: list[Act] = []
        while len(acts) < count:
            is_direct = self._dice.random() < direct_share
            person = self._dice.choice(self._direct if is_direct else self._others)
            acts += [self._act(person) for _ in range(self._dice.randint(4, 12))]
        return acts[:count]

    def _act(self, person: Person) -> Act:
        dice = self._dice
        patient = WATCHED if dice.random() < 0.01 else FIRST_PATIENT + dice.randrange(PATIENTS)
        one = frozenset({("patient", str(patient))})
        mrn = f"M{10000 + patient}"
        number = dice.randrange(1_000)
        common: tuple[tuple[int, str, tuple[Any, ...], frozenset[tuple[str, str]]], ...] = (
            (300, "select * from patients where id = %s", (patient,), one),
            (500, "select id, admitted_at from visits where patient_id = %s", (patient,), one),
            (580, _JOIN, (mrn,), frozenset({("mrn", mrn)})),
            (680, "select * from patient_summary where patient_id = %s", (patient,), one),
            (760, _INSERT, (dice.getrandbits(31), patient, dice.randint(1, 30)), one),
            (840, "update visits set reason = 'seen' where patient_id = %s and ward_id = %s",
             (patient, dice.randint(1, 5)), one),
        )  # fmt: skip
        for below, sql, values, subjects in common:
            if number < below:
                return Act(person, sql, values, subjects)
        return self._rarer(person, number, patient)

    def _rarer(self, person: Person, number: int, patient: int) -> Act:
        dice = self._dice
        if number < 890:
            plate = f"B-AB {dice.randint(1, CITIZENS)}"
            sql = "select v.id, v.make from permits.vehicles v where v.plate = %s"
            return Act(person, sql, (plate,), frozenset({("plate", plate)}))
        if number < 930:
            name = f"Last{dice.randrange(90)}"
            sql = "select id, first_name from patients where last_name = %s"
            return Act(person, sql, (name,), frozenset({("name", name)}))
        if number < 950:
            several = sorted({patient, FIRST_PATIENT + dice.randrange(PATIENTS)})
            sql = "select * from patient_addresses where patient_id = any(%s)"
            return Act(person, sql, (several,),
                       frozenset(("patient", str(one)) for one in several))  # fmt: skip
        if number < 970:
            return Act(person, "select id, name from wards order by id", ())
        if number < 990:
            sql = "select count(*) from visits where ward_id = %s"
            return Act(person, sql, (dice.randint(1, 5),))
        return Act(person, "select panel_code from lab_orders where visit_id = %s",
                   (dice.randint(1, VISITS),))  # fmt: skip


def run_acts(url: str, password: str, acts: Sequence[Act], *, names_person: bool) -> None:
    """Run acts one after the other; with `names_person` the application says for whom."""
    open_now: dict[tuple[str, str], psycopg.Connection] = {}
    try:
        for act in acts:
            is_app = act.account == SHARED
            name = f"user={act.person.login};{APPLICATION}" if names_person else APPLICATION
            key = (act.account, name if is_app else "psql")
            if key not in open_now:
                open_now[key] = psycopg.connect(
                    url, user=act.account, password=password, application_name=key[1],
                    autocommit=True,
                    cursor_factory=psycopg.Cursor if is_app else psycopg.ClientCursor,
                )  # fmt: skip
            open_now[key].execute(act.sql, act.values or None)
    finally:
        for connection in open_now.values():
            connection.close()


def warp(lines: Iterable[bytes], *, begin: datetime, end: datetime) -> Iterator[tuple[str, bytes]]:
    """Spread lines of a jsonlog evenly over a stretch of time; yield the day of each with it."""
    held = list(lines)
    step = (end - begin) / max(1, len(held))
    for number, line in enumerate(held):
        when = (begin + step * number).astimezone(UTC)
        text = when.strftime("%Y-%m-%d %H:%M:%S.") + f"{when.microsecond // 1000:03}"
        yield text[:10], _TIMESTAMP.sub(rb"\g<1>" + text.encode() + b' UTC"', line, count=1)


def accounts_of(acts: Iterable[Act], kind: str, key: str) -> Counter[str]:
    """Return how many acts of each account name a data subject: the truth about `who`."""
    return Counter(act.account for act in acts if (kind, key) in act.subjects)


def days_before(now: datetime, days: int) -> datetime:
    """Return the moment so many days before."""
    return now - timedelta(days=days)
