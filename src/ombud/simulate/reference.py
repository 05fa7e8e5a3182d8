"""Reference: the county's directory as the files that `ombud directory load` reads.

One CSV file for each kind of row, and the declarations of its clinical database;
beside them the registers that other systems of the county keep: households, cases.
What a data subject is called differs between systems, so relations and
assignments stand once for each name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from ombud.simulate.clock import iso_time
from ombud.simulate.moves import deputy_of, leaves_of
from ombud.simulate.names import COUNTY, HOSPITAL, SHERIFF
from ombud.simulate.people import UNITS, Actor
from ombud.simulate.residents import Resident
from ombud.simulate.roster import DAY
from ombud.simulate.sessions import SHARED_ACCOUNT
from ombud.simulate.world import World

DIRECTORY_FOLDER = "directory"
ZONE = "UTC"  # All year round: see `roster`.
REGISTER_FOLDER = "register"
ATTRIBUTION_FILE = "attribution.yaml"

Rows = Iterator[tuple[object, ...]]
Files = dict[str, tuple[tuple[str, ...], Callable[[World], Rows]]]

_ORGANISATIONS = (
    (SHERIFF, "Hallowmere Sheriff's Office"),
    (HOSPITAL, "St Orla Hospital"),
    (COUNTY, "Hallowmere County Offices"),
)
# The pattern reads what `sessions` writes as the application's name.
ATTRIBUTION = f"""\
systems:
  postgresql/clinic:
    search_path: [public]
    subjects:
      public.patients: {{patient_no: patient}}
      public.encounters: {{patient_no: patient}}
      public.observations: {{patient_no: patient}}
      public.medications: {{patient_no: patient}}
      public.results: {{patient_no: patient}}
    shared_accounts: [{SHARED_ACCOUNT}]
    persons:
      - {{from: application_name, pattern: 'chart-app:(?P<person>.+)', actors: [{SHARED_ACCOUNT}]}}
"""


def person_id(actor: Actor) -> str:
    """Return the id of a member of staff in the directory: a staff number."""
    return f"S-{actor.index + 1:05d}"


def _at(time: int | None) -> str:
    return "" if time is None else iso_time(time)


def _keys(resident: Resident) -> Iterator[tuple[str, str]]:
    yield "person", resident.key
    yield "patient", resident.patient_no
    if resident.plate is not None:
        yield "plate", resident.plate


def _staff(world: World) -> list[Actor]:
    return [actor for actor in world.staff.actors if actor.kind == "person"]


def _persons(world: World) -> Rows:
    for actor in _staff(world):
        yield person_id(actor), actor.name


def _accounts(world: World) -> Rows:
    for actor in _staff(world):
        yield actor.login, "", person_id(actor), _at(world.moves.began), ""


def _units(world: World) -> Rows:
    for organisation, name in _ORGANISATIONS:
        yield organisation, name, "", ZONE, _at(world.moves.began), ""
    for unit in UNITS:
        name = unit.id.replace("-", " ").capitalize()
        yield unit.id, name, unit.organisation, "", _at(world.moves.began), ""


def _memberships(world: World) -> Rows:
    for actor in _staff(world):
        for unit, begins, ends in world.moves.spans_of(actor):
            yield person_id(actor), unit.id, unit.role, _at(begins), _at(ends)


def _supervisions(world: World) -> Rows:
    for unit in UNITS:
        regular = world.staff.supervisor_of(unit.id)
        yield unit.id, person_id(regular), "no", _at(world.moves.began), ""
        for span in leaves_of(world.roster, regular, world.start, world.end):
            deputy = deputy_of(world.staff, world.moves, world.roster, unit.id, span)
            if deputy is not None:
                yield unit.id, person_id(deputy), "yes", _at(span[0]), _at(span[1])


def _roster(world: World) -> Rows:
    for actor in _staff(world):
        for day in range(world.start // DAY - 1, world.end // DAY + 1):
            shift = world.roster.shift(actor, day)
            if shift is not None:
                yield person_id(actor), _at(shift[0]), _at(shift[1])


def _leaves(world: World) -> Rows:
    for actor in _staff(world):
        for begins, ends in leaves_of(world.roster, actor, world.start, world.end):
            yield person_id(actor), "leave", _at(begins), _at(ends)


def _relations(world: World) -> Rows:
    for actor in _staff(world):
        for number, relation in sorted(actor.relations.items()):
            for kind, key in _keys(world.residents.people[number]):
                yield person_id(actor), kind, key, relation, "", ""


def _assignments(world: World) -> Rows:
    for case in world.cases:
        for officer in dict.fromkeys(case.officers):
            person = person_id(world.staff.actors[officer])
            # A case may name a resident twice; a directory refuses a row that stands twice.
            for kind, key in dict.fromkeys(k for about in case.subjects for k in _keys(about)):
                yield person, case.id, kind, key, _at(case.opened), _at(case.closed)


def _households(world: World) -> Rows:
    for resident in world.residents.people:
        home = world.residents.home_of(resident)
        for kind, key in _keys(resident):
            yield kind, key, home.number, home.address, home.town, home.lat, home.lon


def _cases(world: World) -> Rows:
    for case in world.cases:
        unit = world.staff.actors[case.officers[0]].unit.id
        yield case.id, case.purpose, case.topic, unit, _at(case.opened), _at(case.closed)


_FILES: Files = {
    "person": (("person", "name"), _persons),
    "account": (("account", "system", "person", "from", "to"), _accounts),
    "unit": (("unit", "name", "parent", "time_zone", "from", "to"), _units),
    "membership": (("person", "unit", "role", "from", "to"), _memberships),
    "supervision": (("unit", "supervisor", "acting", "from", "to"), _supervisions),
    "roster": (("person", "from", "to"), _roster),
    "leave": (("person", "kind", "from", "to"), _leaves),
    "relation": (
        ("person", "subject_kind", "subject_key", "relation", "from", "to"),
        _relations,
    ),
    "assignment": (
        ("person", "case", "subject_kind", "subject_key", "from", "to"),
        _assignments,
    ),
}

_REGISTER: Files = {
    "household": (
        ("subject_kind", "subject_key", "household", "address", "town", "lat", "lon"),
        _households,
    ),
    "case": (("case", "purpose", "topic", "unit", "opened", "closed"), _cases),
}


def write_reference(folder: Path, world: World) -> dict[str, int]:
    """Write the directory of a county and its declarations; returns the rows by kind."""
    counts = _write_all(folder / DIRECTORY_FOLDER, _FILES, world)
    _write_all(folder / REGISTER_FOLDER, _REGISTER, world)
    (folder / ATTRIBUTION_FILE).write_text(ATTRIBUTION, encoding="utf-8")
    return counts


def directory_text(world: World, kind: str) -> str:
    """Return the CSV file of one kind of the directory."""
    header, rows = _FILES[kind]
    file = io.StringIO(newline="")
    _write_rows(file, header, rows(world))
    return file.getvalue()


def _write_all(folder: Path, files: Files, world: World) -> dict[str, int]:
    folder.mkdir(parents=True, exist_ok=True)
    return {
        kind: _write(folder / f"{kind}.csv", header, rows(world))
        for kind, (header, rows) in files.items()
    }


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        return _write_rows(file, header, rows)


def _write_rows(file: IO[str], header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> int:
    count = 0
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for count, row in enumerate(rows, start=1):  # noqa: B007 - the last one is the count.
        writer.writerow(row)
    return count
