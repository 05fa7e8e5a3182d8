"""Clinic: what is declared of one made-up system, for every test of attribution."""

from __future__ import annotations

from ombud.attribution.declarations import PersonPattern, PersonPlace, SystemDeclaration

CLINIC = SystemDeclaration(
    system="postgresql/clinic",
    subjects={
        "public.patients": {"id": "patient", "ssn": "ssn"},
        "public.visits": {"patient_id": "patient"},
        "app.notes": {"patient_id": "patient"},
        'public."Patient"': {"Id": "patient"},
    },
    functions={"public.get_patient": ("patient", None)},
    search_path=("app", "public"),
    shared_accounts=frozenset({"clinic_app"}),
    persons=(
        PersonPattern(
            PersonPlace.APPLICATION_NAME, ("clinic_app",), pattern="user=(?P<person>[^;]+)"
        ),
        PersonPattern(PersonPlace.COMMENT, key="user"),
        PersonPattern(PersonPlace.SESSION_VARIABLE, key="app.person"),
    ),
)
