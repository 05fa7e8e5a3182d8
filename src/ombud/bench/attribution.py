"""Benchmark `attribution`: what it costs to say whose data a statement touched, and who acted.

The statements are those of applications: look-ups by key, joins, lists,
changes, reports; half their literals stand in the text, half are parameters.
The peer parses the same statements with `postgast` and walks the tree, which is
the least that anybody has to do who does not remember what was parsed before.
"""

from __future__ import annotations

import csv
import gc
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle, islice
from typing import TypeVar

import postgast

from ombud.attribution.attribution import Attribution
from ombud.attribution.declarations import PersonPattern, PersonPlace, SystemDeclaration
from ombud.attribution.statements import Statements
from ombud.bench.meter import Meter
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.collect.pgaudit import PgAudit

LIMITS = (Limit("new_us_per_statement", 60.0), Limit("repeated_us_per_statement", 3.0))
Item = TypeVar("Item")
PEER_SHARE = 10  # One in so many statements is given to the peer, which is slow.
DECLARED = SystemDeclaration(
    system="postgresql/clinic",
    subjects={
        "public.patients": {"id": "patient", "ssn": "ssn"},
        "public.visits": {"patient_id": "patient"},
        "public.lab_results": {"patient_id": "patient"},
    },
    shared_accounts=frozenset({"clinic_app"}),
    persons=(
        PersonPattern(PersonPlace.APPLICATION_NAME, pattern="user=(?P<person>[^;]+)"),
        PersonPattern(PersonPlace.COMMENT, key="user"),
    ),
)
# `{tag}` makes a statement a new one, `{key}` is another literal each time; `$1` is a parameter.
SHAPES = (
    "select id, name, born{tag} from patients where id = {key}",
    "select id, name, born{tag} from patients where ssn = '{key}' limit 1",
    'select "patients"."id", "patients"."name"{tag} from "patients" where "patients"."id" = $1',
    (
        "select v.day, v.ward, p.name{tag} from visits v join patients p on p.id = v.patient_id"
        " where v.patient_id = {key} and v.day >= '2026-01-01' order by v.day desc limit 20"
    ),
    (
        "select l.taken_at, l.code, l.value{tag} from lab_results l where l.patient_id = $1"
        " and l.code in ($2, $3) order by l.taken_at"
    ),
    "insert into visits (patient_id, day, ward{tag}) values ({key}, '2026-03-01', 'B2'{more})",
    "update visits set ward = 'C1'{set} where patient_id = $1 and day = $2",
    "select * from wards{tag_table} where name = 'B2'",
    "select count(*), ward{tag} from visits group by ward order by 1 desc",
    "select p.id, p.name{tag} from patients p where p.name ilike '%{key}%' limit 50",
)


def statements(count: int, *, new: bool) -> Iterator[tuple[str, str | None]]:
    """Yield statements with their parameters; each of another template when they are `new`."""
    for number, shape in enumerate(islice(cycle(SHAPES), count)):
        column = f", c{number}" if new else ""
        text = shape.format(
            tag=column,
            more=", 1" if new else "",
            set=f", c{number} = 1" if new else "",
            tag_table=f"_{number}" if new else "",
            key=10_000 + number * 7,
        )
        yield text, f"{number},GLU,HBA" if "$1" in text else None


def run(options: Options) -> Report:
    """Measure statements alone, then whole lines of a log with and without attribution."""
    repeated = list(statements(options.events, new=False))
    new = list(statements(max(len(SHAPES), options.events // PEER_SHARE), new=True))
    lines = list(_lines(repeated))
    report = Report("attribution", options, limits=LIMITS)

    def once(_: int) -> Figures:
        known = Statements(DECLARED)
        for text, listed in repeated[: len(SHAPES)]:
            known.find(text, listed)
        plain, attributed = PgAudit(), PgAudit()
        attributed.attribute(Attribution({DECLARED.system: DECLARED}))
        return {
            "new_us_per_statement": _cost(_finder(Statements(DECLARED)), new),
            "repeated_us_per_statement": _cost(_finder(known), repeated),
            "peer_us_per_statement": _cost(_peer, new),
            "source_us_per_event": _cost(_reader(plain), lines),
            "source_attributed_us_per_event": _cost(_reader(attributed), lines),
        }

    repeat(report, once)
    figures = report.figures
    peer = figures["peer_us_per_statement"]
    report.ratios = {
        "new_to_peer": figures["new_us_per_statement"] / peer,
        "repeated_to_peer": figures["repeated_us_per_statement"] / peer,
        "source_attributed_to_plain": figures["source_attributed_us_per_event"]
        / figures["source_us_per_event"],
    }
    return report


def _cost(act: Callable[[Item], object], items: Sequence[Item]) -> float:
    """Return the CPU of an act on each item, microseconds; garbage of before is not counted."""
    gc.collect()
    with Meter() as meter:
        for item in items:
            act(item)
    return meter.cpu_seconds / len(items) * 1e6


def _finder(known: Statements) -> Callable[[tuple[str, str | None]], object]:
    return lambda said: known.find(*said)


def _reader(source: PgAudit) -> Callable[[bytes], object]:
    return lambda raw: source.parse(raw, now_ms=0)


def _peer(said: tuple[str, str | None]) -> int:
    return sum(1 for _ in postgast.walk(postgast.parse(said[0])))


def _lines(said: Iterable[tuple[str, str | None]]) -> Iterator[bytes]:
    """Yield lines of a csvlog, as PostgreSQL 15 with pgaudit writes them."""
    for number, (text, listed) in enumerate(said, start=1):
        audit = ("SESSION", number, 1, "READ", "SELECT", "TABLE", "public.patients", text,
                 listed or "<none>", 1)  # fmt: skip
        row = (
            "2026-03-01 10:00:00.000 UTC", "clinic_app", "clinic", 4711, "10.0.0.5:40000",
            f"6a5b4c3d.{number // 1000:x}", number % 1000 + 1, "SELECT",
            "2026-03-01 09:00:00 UTC", f"3/{number}", 0, "LOG", "00000",
            "AUDIT: " + _csv(audit), *[""] * 8,
            f"clinic; user=person{number % 300}", "client backend", "", 0,
        )  # fmt: skip
        yield _csv(row).encode()


def _csv(values: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(values)
    return written.getvalue()
