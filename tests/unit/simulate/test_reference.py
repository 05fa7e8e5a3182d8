"""Reference: the county's directory says what the county's logs and stories rest on."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from ombud.simulate.act import PGAUDIT
from ombud.simulate.clock import iso_time
from ombud.simulate.county import FILES, write_county

END = datetime(2026, 11, 22, tzinfo=UTC)
Row = dict[str, str]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a county of two months."""
    folder = tmp_path_factory.mktemp("county")
    write_county(folder, 7, people=120, days=60, end=END, events=9_000)
    return folder


def read(county: Path, name: str) -> list[Row]:
    """Return the rows of one file."""
    with (county / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_within(row: Row, time: str) -> bool:
    """Whether a row holds at an instant; instants of one form compare as texts."""
    return (row["from"] or "0") <= time < (row["to"] or "9")


def test_everybody_is_in_one_unit_at_a_time(county: Path) -> None:
    """Memberships of a person follow each other without gap or overlap, and some have moved."""
    by_person: dict[str, list[Row]] = defaultdict(list)
    for row in read(county, "directory/membership"):
        by_person[row["person"]].append(row)

    for rows in by_person.values():
        assert rows[-1]["to"] == ""
        assert all(a["to"] == b["from"] for a, b in pairwise(rows))
        assert len({row["role"] for row in rows}) == 1
    assert by_person.keys() == {row["person"] for row in read(county, "directory/person")}
    assert any(len(rows) == 2 for rows in by_person.values())


def test_a_unit_has_somebody_who_answers_for_it(county: Path) -> None:
    """One supervisor; while they are on leave, a deputy of the unit who is not."""
    leaves = read(county, "directory/leave")
    memberships = read(county, "directory/membership")
    rows = read(county, "directory/supervision")
    regular = {row["unit"]: row["supervisor"] for row in rows if row["acting"] == "no"}
    acting = [row for row in rows if row["acting"] == "yes"]

    assert len(regular) == len([row for row in rows if row["acting"] == "no"])
    assert acting
    for row in acting:
        on_leave = [one["person"] for one in leaves if is_within(one, row["from"])]
        units = [one for one in memberships if one["person"] == row["supervisor"]]
        assert regular[row["unit"]] in on_leave
        assert row["supervisor"] not in on_leave
        assert [one["unit"] for one in units if is_within(one, row["from"])] == [row["unit"]]


def test_no_row_stands_twice(county: Path) -> None:
    """A directory refuses a row that stands twice, though a case may name somebody twice."""
    for path in sorted((county / "directory").glob("*.csv")):
        rows = path.read_text(encoding="utf-8").splitlines()

        assert len(rows) == len(set(rows)), path.name


def test_units_make_a_tree(county: Path) -> None:
    """Each unit lies in an organisation, which keeps a time zone."""
    units = {row["unit"]: row for row in read(county, "directory/unit")}
    tops = {name for name, row in units.items() if not row["parent"]}

    assert len(tops) == 3
    assert all(units[top]["time_zone"] == "UTC" for top in tops)
    assert all(row["parent"] in tops for name, row in units.items() if name not in tops)


def test_the_shared_account_names_people_of_the_directory(county: Path) -> None:
    """Who works through the application's account is one of the accounts."""
    accounts = {row["account"] for row in read(county, "directory/account")}
    with (county / FILES[PGAUDIT]).open(encoding="utf-8", newline="") as file:
        names = {row[22] for row in csv.reader(file) if row[1] == "chart_app" and row[22]}

    assert names
    assert {name.removeprefix("chart-app:") for name in names} <= accounts
    assert "front-desk" not in accounts


def test_cases_have_their_people(county: Path) -> None:
    """An honest look under a case is one the assignments explain, stories among them."""
    assignments: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in read(county, "directory/assignment"):
        assignments[row["person"], row["case"], row["subject_key"]].append(row)
    persons = {row["account"]: row["person"] for row in read(county, "directory/account")}
    checked = 0
    for line in (county / "county-cases.ndjson").read_bytes().splitlines():
        said = orjson.loads(line)
        if said["op"] not in {"person.view", "chart.open"} or "case" not in said:
            continue
        person = persons.get((said.get("behalf") or [said["user"]["login"]])[0])
        if person is None:
            assert said["user"]["login"] == "front-desk"
            continue
        for subject in said["subjects"]:
            rows = assignments[person, said["case"], subject["key"]]
            assert any(is_within(row, said["ts"]) for row in rows), said
            checked += 1
    assert checked > 500


def test_neighbours_live_next_door(county: Path) -> None:
    """The register of households bears the relations out."""
    houses = {
        row["subject_key"]: int(row["household"]) for row in read(county, "register/household")
    }
    own = {
        row["person"]: houses[row["subject_key"]]
        for row in read(county, "directory/relation")
        if row["relation"] == "self"
    }
    for row in read(county, "directory/relation"):
        distance = abs(houses[row["subject_key"]] - own[row["person"]])
        if row["relation"] in {"self", "household"}:
            assert distance == 0
        if row["relation"] == "neighbour":
            assert distance == 1


def test_instants_are_of_one_form() -> None:
    """Texts of instants compare as the instants do."""
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
