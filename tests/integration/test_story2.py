"""Story 2, "Who looked at my chart?": the right people, where it went, and the gap admitted.

What is expected is read from the lines of the logs and from the directory's CSV files
by the few plain functions below, which know nothing of Ombud.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.services.asker import Asker, local_owner
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.simulate.county import FILES, write_county
from ombud.simulate.reference import ATTRIBUTION_FILE, DIRECTORY_FOLDER

END = datetime(2026, 11, 22, 12, tzinfo=UTC)
PEOPLE_KINDS = ("person", "account", "unit", "membership", "supervision")
SETTINGS = "looks: {why_required: false, case_required: false}\n"
STATEMENT_COLUMN, USER_COLUMN, APPLICATION_COLUMN = 13, 1, 22
EXPORTS = {"export", "print", "deliver"}


@dataclass
class Seen:
    """What plain reading says of one person, or of one account that is nobody's."""

    events: int = 0
    times: list[int] = field(default_factory=list)
    accounts: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)
    purposes: set[str] = field(default_factory=set)
    denied: int = 0
    sent_to: set[tuple[str | None, str | None]] = field(default_factory=set)


def _ms(text: str) -> int:
    text = text.replace(" UTC", "+00:00").replace("Z", "+00:00")
    instant = datetime.fromisoformat(text)
    return round(instant.replace(tzinfo=instant.tzinfo or UTC).timestamp() * 1000)


def _table(county: Path, kind: str) -> list[dict[str, str]]:
    with (county / DIRECTORY_FOLDER / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _holds(row: dict[str, str], time: int) -> bool:
    begins = _ms(row["from"]) if row["from"] else -(10**18)
    ends = _ms(row["to"]) if row["to"] else 10**18
    return begins <= time < ends


class Staff:
    """The directory, read row by row."""

    def __init__(self, county: Path) -> None:
        self._accounts = defaultdict(list)
        for row in _table(county, "account"):
            self._accounts[row["account"]].append(row)
        self._memberships = defaultdict(list)
        for row in _table(county, "membership"):
            self._memberships[row["person"]].append(row)
        self.names = {row["person"]: row["name"] for row in _table(county, "person")}

    def person(self, account: str | None, time: int) -> str | None:
        """Return whose account it was."""
        rows = self._accounts.get(account or "", ())
        return next((row["person"] for row in rows if _holds(row, time)), None)

    def units(self, person: str, time: int) -> set[str]:
        """Return where the person was."""
        return {row["unit"] for row in self._memberships[person] if _holds(row, time)}


Access = tuple[str, str, int, dict[str, Any]]  # Patient, account, time, and what else is said.


def _application_accesses(county: Path) -> Iterator[Access]:
    with (county / FILES["mapping"]).open(encoding="utf-8") as file:
        for line in map(json.loads, file):
            behalf = line.get("behalf") or []
            account = behalf if isinstance(behalf, list) else [behalf]
            who = account[0] if account else line["user"]["login"]
            for about in {
                one["key"] for one in line.get("subjects", ()) if one["kind"] == "patient"
            }:
                yield about, who, _ms(line["ts"]), line


def _database_accesses(county: Path) -> Iterator[Access]:
    """Yield each statement that names a patient, by the application's person where it is shared."""
    with (county / FILES["postgres.pgaudit"]).open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if not row[STATEMENT_COLUMN].startswith("AUDIT:"):
                continue
            account = row[USER_COLUMN]
            if account == "chart_app":
                account = row[APPLICATION_COLUMN].removeprefix("chart-app:")
            for about in set(re.findall(r"P-\d{7}", row[STATEMENT_COLUMN])):
                yield about, account, _ms(row[0]), {}


def read_plainly(county: Path) -> dict[str, dict[tuple[bool, str], Seen]]:
    """Return by patient who touched their data: people by id, and accounts that are nobody's."""
    staff = Staff(county)
    found: dict[str, dict[tuple[bool, str], Seen]] = defaultdict(lambda: defaultdict(Seen))
    for source in (_application_accesses(county), _database_accesses(county)):
        for patient, account, time, said in source:
            person = staff.person(account, time)
            seen = found[patient][person is not None, person or account]
            seen.events += 1
            seen.times.append(time)
            seen.accounts.add(account)
            seen.units |= staff.units(person, time) if person else set()
            seen.denied += said.get("result") == "denied"
            seen.cases |= {said["case"]} if said.get("case") else set()
            seen.purposes |= {said["purpose"]} if said.get("purpose") else set()
            is_export = str(said.get("op", "")).rpartition(".")[2] in EXPORTS
            if is_export and (said.get("recipient") or said.get("destination")):
                seen.sent_to.add((said.get("recipient"), said.get("destination")))
    return found


@dataclass
class County:
    """A home with the county in it, and what plain reading of its files says."""

    opened: OpenHome
    folder: Path
    expected: dict[str, dict[tuple[bool, str], Seen]]

    def who(self, patient: str, asker: Asker | None = None) -> dict[str, Any]:
        """Ask who touched a patient's data."""
        return self.opened.services.who(
            "patient", patient, asker=asker or local_owner(), why="asked", case="A-1"
        )


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Give a home with all four sources of a county, its directory and its declarations."""
    folder, home = tmp_path_factory.mktemp("county"), tmp_path_factory.mktemp("home")
    told = write_county(folder, 7, people=60, end=END, events=16_000)
    (home / "mappings").mkdir()
    (home / "mappings" / "cases.yaml").write_bytes(Path(told["mapping"]).read_bytes())
    (home / ATTRIBUTION_FILE).write_bytes((folder / ATTRIBUTION_FILE).read_bytes())
    (home / "settings.yaml").write_text(SETTINGS)
    with open_here(home) as opened:
        for kind, name in FILES.items():
            source = "county.cases" if kind == "mapping" else kind
            opened.ingesting.deliver(source, _chunks(folder / name))
        files = [
            WantedFile(f"{kind}.csv", text=(folder / DIRECTORY_FOLDER / f"{kind}.csv").read_text())
            for kind in PEOPLE_KINDS
        ]
        opened.directory.load(DirectoryWanted(files, force=True), asker=local_owner())
        yield County(opened, folder, read_plainly(folder))


def _chunks(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()


def _patients(county: County) -> list[str]:
    """Return the patients touched by most people, and those whose data was sent somewhere."""
    rank = Counter({patient: len(seen) for patient, seen in county.expected.items()})
    most = [patient for patient, _ in sorted(rank.most_common(), key=lambda row: (-row[1], row[0]))]
    sent = [
        patient for patient in most if any(one.sent_to for one in county.expected[patient].values())
    ]
    return [*most[:40], *sent[:20]]


def _as_seen(row: dict[str, Any]) -> tuple[tuple[bool, str], Seen]:
    person = row["person"]
    key = (True, person["id"]) if person else (False, row["account"])
    return key, Seen(
        row["events"],
        [row["first_time"], row["last_time"]],
        {one["account"] for one in row["accounts"]},
        set(person["units"]) if person else set(),
        set(row["cases"]),
        set(row["purposes"]),
        row["denied"],
        {(to["recipient"], to["destination"]) for to in row["sent_to"]},
    )


def _own(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the looks of this test itself, which are accesses too and are told."""
    return [row for row in rows if row["sources"] != ["ombud.look"]]


def test_exactly_the_right_people(county: County) -> None:
    """For every patient asked about: these people, no other, each with what they did."""
    staff = Staff(county.folder)
    people, several = 0, 0
    for patient in _patients(county):
        rows = _own(county.who(patient)["people"])
        told = dict(map(_as_seen, rows))
        expected = {
            key: Seen(**{**vars(seen), "times": [min(seen.times), max(seen.times)]})
            for key, seen in county.expected[patient].items()
        }

        assert told == expected, patient
        assert len(rows) == len(told)
        for row in rows:
            if row["person"]:
                assert row["person"]["name"] == staff.names[row["person"]["id"]]
            else:
                assert row["person_unknown"] in {"unknown account", "machine", "shared account"}
            several += len(row["through"])
        people += sum(is_known for is_known, _ in told)
    assert people > 100
    assert several  # Some worked through the hospital's shared account.


def test_where_it_went_is_named(county: County) -> None:
    """Recipients and destinations of exports are told, each with who sent it."""
    patient = next(
        patient
        for patient in _patients(county)
        if any(seen.sent_to for seen in county.expected[patient].values())
    )
    expected = {
        (to, key) for (_, key), seen in county.expected[patient].items() for to in seen.sent_to
    }

    left = county.who(patient)["left"]

    assert {
        ((to["recipient"], to["destination"]), by) for to in left for by in to["by"]
    } == expected


def test_what_is_not_known_is_admitted(county: County) -> None:
    """The database fell silent for most of an hour, and the answer says so and who did it."""
    labels = map(json.loads, (county.folder / "labels.ndjson").read_text().splitlines())
    (label,) = [
        one for one in labels if one["kind"] == "audit_switched_off" and one["variant"] == "plain"
    ]
    off, on = sorted(
        _ms(row[0])
        for row in csv.reader((county.folder / FILES["postgres.pgaudit"]).read_text().splitlines())
        if f"{row[5]}:{row[6]}" in label["native_ids"]["postgres.pgaudit"]
    )

    told = county.who(_patients(county)[0])["not_covered"]

    (silent,) = [
        one
        for one in told["stretches"]
        if one["source"] == "postgres.pgaudit" and _ms(one["begins"]) == off
    ]
    assert _ms(silent["ends"]) == on
    assert "pgaudit.log = 'none'" in silent["why"]
    sources = {(one["source"], one["system"]): one for one in told["sources"]}
    database = sources["postgres.pgaudit", "postgresql/clinic"]
    assert 0 < database["subject_unknown_percent"] < 20
    assert ("county.cases", "chartbook") in sources
    (gap,) = [one for one in told["stretches"] if one["what"] == "gap"]
    assert _ms(label["first"]) <= _ms(gap["begins"])
    assert gap["why"].endswith("events are missing by their numbers")


def test_a_limited_asker_sees_their_unit_only(county: County) -> None:
    """People of other units are not told, nor that they looked."""
    patient = _patients(county)[0]
    rows = _own(county.who(patient)["people"])
    unit = rows[0]["person"]["units"][0]
    asker = Asker("lead", frozenset({"search"}), units=(unit,))

    answer = county.who(patient, asker)

    seen = _own(answer["people"])
    assert 0 < len(seen) <= len(rows)
    assert all(row["person"]["units"] == [unit] for row in seen)
    assert answer["not_covered"]["is_limited"]


def test_events_and_sessions_carry_the_person(county: County) -> None:
    """Every event of a search says who it was, or why that is not known."""
    staff = Staff(county.folder)
    page = county.opened.services.search(
        "source:(postgres.pgaudit, county.cases) has:actor", limit=2_000, cursor=None,
        asker=local_owner(), why="w", case="c",
    )  # fmt: skip
    for told in page.events:
        event, document = told.event, told.to_ocsf()["ombud"]
        person = staff.person(event.account, event.time)
        if any(flag.startswith("person_unknown:") for flag in event.flags or ()):
            person = None
        assert (document["person"] or {}).get("id") == person
        assert (document["person_unknown"] is None) == (person is not None)
        if person is not None:
            assert {document["person"]["unit"]} == staff.units(person, event.time)
    sessions = county.opened.services.sessions(
        "system:chartbook", limit=200, asker=local_owner(), why="w", case="c"
    )
    known = [row for row in sessions if row["person"]]
    assert len(known) > 100
    for row in known:
        (account,) = row["accounts"]
        assert row["person"]["id"] == staff.person(account, row["first_time"])
