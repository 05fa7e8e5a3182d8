"""Words of identifiers: taken apart in several languages and styles."""

from __future__ import annotations

import pytest

from ombud.attribution.identifier_kinds import identifier_kind
from ombud.attribution.identifier_words import is_birth, name_part, words_of


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("patient_id", ("patient", "id")),
        ("PatientID", ("patient", "id")),
        ("tblPatients2", ("tbl", "patient", "2")),
        ("bürger_nr", ("buerger", "nr")),
        ("patientennummer", ("patient", "nummer")),
        ("kundenstatus", ("kund", "status")),
        ("citizens", ("citizen",)),
        ("companies", ("company",)),
        ("address", ("address",)),
        ("Łódź", ("lodz",)),
        ("", ()),
        ("___", ()),
    ],
)
def test_words_of(name: str, words: tuple[str, ...]) -> None:
    """A name is taken apart, without accents, in the singular."""
    assert words_of(name) == words


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("first_name", "given"), ("vorname", "given"), ("nombre", "given"), ("surname", "family"),
        ("LastName", "family"), ("apellidos", "family"), ("full_name", "full"),
        ("patient_name", "full"), ("file_name", None), ("name", None), ("", None),
    ],
)  # fmt: skip
def test_name_part(name: str, part: str | None) -> None:
    """Parts of a person's name are known; names of things are not."""
    assert name_part(words_of(name)) == part


@pytest.mark.parametrize(
    ("name", "is_it"),
    [("date_of_birth", True), ("dob", True), ("fecha_nacimiento", True), ("birthplace_id", False)],
)
def test_is_birth(name: str, is_it: bool) -> None:
    """A day of birth is known in several languages."""
    assert is_birth(words_of(name)) is is_it


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ssn", "ssn"), ("social_security_no", "ssn"), ("nhs_number", "nhs"),
        ("LicensePlate", "plate"), ("kfz_kennzeichen", "plate"), ("driver_licence_no", "licence"),
        ("email_address", "email"), ("email_verified_at", None), ("phone_type", None),
        ("iban", "iban"), ("template", None), ("plate_image", None), ("codice_fiscale", "ssn"),
    ],
)  # fmt: skip
def test_identifier_kind(name: str, kind: str | None) -> None:
    """Identifiers are known by their words, unless others say it is about them."""
    found = identifier_kind(words_of(name))

    assert (found and found.kind) == kind
