"""Proposals: measured on databases of several trades and languages, and case by case."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from doubles.made_schema import MadeSchema, make_schema, renamed, without_foreign_keys
from doubles.made_schemas import made_schemas
from ombud.attribution.catalogue import Catalogue, Column, Table
from ombud.attribution.person_tables import judge_table, worth_sampling
from ombud.attribution.proposal import PROPOSED_FROM, propose
from ombud.attribution.value_shapes import ColumnShape


def figures(schemas: list[MadeSchema]) -> tuple[float, float]:
    """Return precision and recall over all schemas."""
    counts = [made.score(propose(made.catalogue)) for made in schemas]
    right, wrong, missed = (sum(one) for one in zip(*counts, strict=True))
    return right / (right + wrong), right / (right + missed)


@pytest.mark.parametrize(
    ("change", "recall_min"),
    [
        pytest.param(lambda made: made, 1.0, id="as it is"),
        pytest.param(without_foreign_keys, 0.95, id="no foreign keys declared"),
        pytest.param(lambda made: renamed(made, "camel"), 1.0, id="CamelCase"),
        pytest.param(lambda made: renamed(made, "prefixed"), 1.0, id="tbl_ before each name"),
    ],
)
def test_precision_and_recall(
    change: Callable[[MadeSchema], MadeSchema], recall_min: float
) -> None:
    """Nearly all that names data subjects is proposed, and nothing else, in every style."""
    precision, recall = figures([change(made) for made in made_schemas()])

    assert precision >= 0.97
    assert recall >= recall_min


@pytest.mark.parametrize("made", made_schemas(), ids=lambda made: made.name)
def test_each_proposal_has_reasons(made: MadeSchema) -> None:
    """Each proposal says why, and is as sure as a proposal must be; the order is fixed."""
    proposals = propose(made.catalogue)

    assert proposals == propose(made.catalogue) == sorted(proposals, key=lambda one: one.place)
    assert all(one.reasons and PROPOSED_FROM <= one.confidence < 1 for one in proposals)


def kinds(text: str) -> dict[str, str]:
    """Return what is proposed for a schema, by table and column."""
    return {
        f"{one.dataset.partition('.')[2]}.{one.column}": one.kind
        for one in propose(make_schema("case", text).catalogue)
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            """people: id int pk; given_name text; surname text; birth_date date
            details: person_id int pk >people.id; height int
            scans: id int pk; detail_id int >details.person_id""",
            {"people.id": "person", "people.surname": "name", "details.person_id": "person",
             "scans.detail_id": "person"},
            id="foreign keys, over a table that shares the key",
        ),
        pytest.param(
            """persons: id int pk; first_name text; last_name text
            notes: id int pk; created_by int >persons.id; about_person_id int >persons.id""",
            {"persons.id": "person", "persons.last_name": "name",
             "notes.about_person_id": "person"},
            id="who wrote a row is not whom it is about",
        ),
        pytest.param(
            """users: id int pk; login text uq; email text
            posts: id int pk; user_id int >users.id""",
            {"users.id": "user", "users.email": "email",
             "posts.user_id": "user"},
            id="where there are no other persons, the users are",
        ),
        pytest.param(
            """patients: row_id int pk; subject_no int uq; dob date; gender text
            events: id int pk; subject_no int; value num""",
            {"patients.row_id": "patient_row", "patients.subject_no": "patient",
             "events.subject_no": "patient"},
            id="a key that only counts rows gives way to the number people use",
        ),
        pytest.param(
            "employees: id int pk; name text; birth_date date; salary num; ssn text; iban text",
            {"employees.id": "employee", "employees.iban": "iban", "employees.ssn": "ssn",
             "employees.name": "name"},
            id="a personnel file is about persons",
        ),
        pytest.param(
            "admissions_export: id int pk; patient_id int; first_name text; last_name text;"
            " dob date",
            {"admissions_export.patient_id": "patient"},
            id="a copy of what patients are called is no table of patients",
        ),
        pytest.param(
            "invoices: id int pk; total num; phone_type text; email_verified bool; is_patient bool",
            {},
            id="words about identifiers",
        ),
    ],
)  # fmt: skip
def test_case_by_case(text: str, expected: dict[str, str]) -> None:
    """Each sign counts, and each exception from it."""
    assert kinds(text) == expected


def test_shapes_decide() -> None:
    """What sampled values look like raises and lowers what names promise."""
    made = make_schema(
        "shapes",
        "patients: id int pk; first_name text; last_name text; email text; ref text; mrn text",
    )
    place = "public.patients"
    seen = {
        (place, "email"): ColumnShape(100, 100, {"integer": 1.0}),
        (place, "ref"): ColumnShape(100, 99, {"email": 0.99}),
        (place, "mrn"): ColumnShape(100, 3, {}),
    }

    plain = {one.column: one.kind for one in propose(made.catalogue)}
    sampled = {one.column: one.kind for one in propose(made.catalogue, seen)}

    assert plain == {"id": "patient", "last_name": "name", "email": "email", "mrn": "mrn"}
    assert sampled == {"id": "patient", "last_name": "name", "ref": "email"}


def test_comments_speak() -> None:
    """Where names say nothing, comments do; only if they speak of an identifier alone."""
    columns = (
        Column("c1", "integer"),
        Column("c2", "text", "Social security number of the person"),
        Column("c3", "text", "Name of the credit card company"),
        Column("c4", "integer", "Patient id"),
    )
    table = Table("public.t17", columns, primary_key=("c1",))

    found = {one.column: one.kind for one in propose(Catalogue({table.dataset: table}))}

    assert found == {"c2": "ssn", "c4": "patient"}


def test_worth_sampling() -> None:
    """Only tables that may be about persons are sampled, and neither staff nor views."""
    (clinic, *_) = made_schemas()

    wanted = worth_sampling(clinic.catalogue)

    assert "public.patients" in wanted
    assert "created_by" not in wanted["public.patients"]
    assert not {"public.staff", "public.patient_summary", "public.rooms"} & wanted.keys()


@pytest.mark.parametrize(
    "name", ["patient_types", "member_levels", "client_settings", "person_count", "keys"]
)
def test_tables_about_persons_are_none_of_persons(name: str) -> None:
    """A word for a person in a name is not enough."""
    columns = (Column("id", "integer"), Column("name", "text"))

    assert not judge_table(Table(f"public.{name}", columns, primary_key=("id",))).is_person
