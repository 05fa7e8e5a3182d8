"""What a person confirms of what was proposed: exactly that, once, and with a difference shown."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from doubles.clinic_schema import clinic_schema
from ombud.attribution.declarations import SystemDeclaration
from ombud.attribution.proposal import propose
from ombud.attribution.shared_accounts import Activity, find_shared
from ombud.collect.postgres_settings import Server
from ombud.config.attribution_file import load_attribution
from ombud.core.errors import InputError, NotFound
from ombud.services.connecting import Inspection, chosen, confirm, write_proposed

SERVER = Server(150_018, "PostgreSQL 15.18", "clinic", "ombud", search_path='"$user", care, public')


def inspection() -> Inspection:
    """Return what a look into the clinic's database found."""
    catalogue = clinic_schema().catalogue
    return Inspection(
        where="postgresql://ombud@db/clinic",
        server=SERVER,
        missing=[],
        catalogue=catalogue,
        proposals=propose(catalogue),
        shared=find_shared([Activity("clinic_app")]),
        sampled=0,
        refused=["public.staff"],
    )


def picked(home: Path, text: str) -> SystemDeclaration:
    """Return what is confirmed by a text."""
    return chosen(home, inspection(), text)


def test_all_and_none(home: Path) -> None:
    """All is what was proposed; none is nothing but the search path."""
    everything, nothing = picked(home, "all"), picked(home, "none")

    assert len(everything.subjects) == len({one.dataset for one in inspection().proposals})
    assert everything.shared_accounts == {"clinic_app"}
    assert everything.search_path == nothing.search_path == ("care", "public")
    assert (dict(nothing.subjects), nothing.persons) == ({}, ())


def test_a_list(home: Path) -> None:
    """Columns are picked by name, with or without a schema, and may be given a kind."""
    declared = picked(
        home,
        "patients.id, permits.vehicles.plate=car, rooms.number=room, shared:clinic_app",
    )

    assert declared.subjects == {
        "public.patients": {"id": "patient"},
        "permits.vehicles": {"plate": "car"},
        "public.rooms": {"number": "room"},
    }
    assert [one.actors for one in declared.persons] == [("clinic_app",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patients.nothing", "there is no column `patients.nothing`"),
        ("rooms.number", "`rooms.number` is not proposed: say its kind, `rooms.number=KIND`"),
        ("a.b,c.d", "there is no column `a.b`; there is no column `c.d`"),
        ("shared:postgres", "no shared account `postgres` is proposed"),
    ],
)
def test_what_is_not_there_is_refused(home: Path, text: str, message: str) -> None:
    """A word that names nothing is refused, all of them at once."""
    with pytest.raises(InputError) as caught:
        picked(home, text)

    assert str(caught.value) == message


def test_the_edited_file(home: Path) -> None:
    """What is left of the proposal file after editing is what is confirmed."""
    with pytest.raises(NotFound, match="there is no"):
        picked(home, "proposed")
    path, is_new = write_proposed(home, inspection())
    assert is_new
    kept = [line for line in path.read_text().splitlines() if "ssn" not in line]
    path.write_text("\n".join(kept) + "\n")

    again, is_new = write_proposed(home, inspection())
    declared = picked(home, "proposed")

    assert (again, is_new) == (path, False)
    assert "ssn" not in declared.subjects["public.patients"]
    assert declared.subjects["public.patients"]["id"] == "patient"


def test_a_file_of_another_database(home: Path) -> None:
    """A proposal file that says nothing of this database is no answer."""
    (home / "attribution.proposed.yaml").write_text("systems:\n  postgresql/other: {}\n")

    with pytest.raises(InputError, match="says nothing of postgresql/clinic"):
        picked(home, "proposed")


def test_confirming_twice_changes_nothing(home: Path) -> None:
    """A difference is shown once; the file before is kept, and only its owner reads it."""
    difference, _ = confirm(home, picked(home, "patients.id"))
    assert "+    public.patients: {id: patient}" in difference or "patients" in difference
    assert confirm(home, picked(home, "patients.id"))[0] == ""

    second, after = confirm(home, picked(home, "all"))

    path = home / "attribution.yaml"
    assert second
    assert load_attribution(home) == after
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "patients" in (home / "attribution.before.yaml").read_text()


def test_limits_are_said() -> None:
    """What could not be seen is said, with the right that would show it."""
    assert inspection().limits() == [
        "1 tables may not be sampled: grant select, or take the proposals from names and keys alone"
    ]
