"""Benchmark `directory`: a large directory read, checked, compared, flattened and loaded.

A fifth of the rows are people; they have two accounts each, move every year, and
the supervisor of every unit was on leave once.
"""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from typing import TypeVar

from ombud.app.home import open_here
from ombud.bench.meter import Meter
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.core.errors import TamperError
from ombud.directory.spans import account_spans
from ombud.services.asker import local_owner
from ombud.services.directory_plan import make_plan
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.verifying import verify

LIMITS = (
    Limit("plan_cpu_seconds", 20.0),
    Limit("load_cpu_seconds", 40.0),
    Limit("peak_memory_mb", 1_500.0),
)
_SPAN_OF_CONTROL = 8
_ZONES = ("America/New_York", "Europe/Berlin")
_T = TypeVar("_T")


def run(options: Options) -> Report:
    """Load a directory of so many rows into an empty home; one process."""
    wanted = made_up(options.events)
    report = Report("directory", options, limits=LIMITS)
    size = sum(len(one.data) for one in wanted.files) / 1e6
    report.notes.append(f"rows instead of events; {size:.1f} MB of CSV")
    return repeat(report, lambda number: _once(options, wanted, number))


def _once(options: Options, wanted: DirectoryWanted, number: int) -> Figures:
    figures: Figures = {}

    def timed(name: str, work: Callable[[], _T]) -> _T:
        with Meter() as meter:
            done = work()
        figures[f"{name}_cpu_seconds"] = meter.cpu_seconds
        return done

    home = options.folder / f"home-{number}"
    with open_here(home) as opened:
        tables, asker = opened.control.directory, local_owner()
        plan = timed("plan", lambda: make_plan(wanted, tables, zone="UTC"))
        if plan.faults:
            raise TamperError(str(plan.faults.shown[0]))
        rows = plan.rows
        del plan
        spans = timed("spans", lambda: account_spans(rows))
        rows.clear()
        figures["spans"] = float(len(spans))
        timed("set_spans", lambda: opened.index.set_spans(spans, stamp=1))
        spans.clear()
        figures["memory_before_load_mb"] = _peak_mb()
        first = DirectoryWanted(wanted.files, compared_with=0)
        timed("load", lambda: opened.directory.load(first, asker=asker))
        same = timed("plan_again", lambda: make_plan(wanted, tables, zone="UTC"))
        if any(not diff.is_empty for diff in same.diffs):
            raise TamperError("what was loaded is not what was given")
        del same
    checked = timed("verify", lambda: verify(home, home / "index" / "control.sqlite"))
    if checked.fault is not None:
        raise TamperError(checked.fault.reason, origin=checked.fault.place)
    figures["peak_memory_mb"] = _peak_mb()
    shutil.rmtree(home)
    return figures


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def made_up(rows: int) -> DirectoryWanted:
    """Return the files of an organisation with so many rows, the same every time."""
    people = max(10, rows // 5)
    units = max(2, rows // 100)
    accounts = people * 9 // 5
    moves = max(0, rows - people - units - accounts - (2 * units - 1))
    tables = {
        "person": ("person,name", (f"p{n},Person Number {n}" for n in range(people))),
        "unit": ("unit,name,parent,time_zone", map(_unit, range(units))),
        "account": (
            "account,system,person,from",
            (
                f"acc{n},{f'sys{n % 7}' if n % 2 else ''},p{n % people},2020-01-{1 + n % 28:02}"
                for n in range(accounts)
            ),
        ),
        "membership": (
            "person,unit,role,from,to",
            (_membership(n, people, units) for n in range(moves)),
        ),
        "supervision": ("unit,supervisor,acting,from,to", _supervision(units)),
    }
    return DirectoryWanted(
        [
            WantedFile(f"{kind}.csv", "\n".join((header, *lines)).encode())
            for kind, (header, lines) in tables.items()
        ]
    )


def _above(unit: int) -> int:
    return (unit - 1) // _SPAN_OF_CONTROL


def _unit(number: int) -> str:
    parent = f"u{_above(number)}" if number else ""
    zone = _ZONES[number // 50 % 2] if number % 50 == 0 else ""
    return f"u{number},Unit {number},{parent},{zone}"


def _membership(number: int, people: int, units: int) -> str:
    person, year = number % people, number // people
    # Who heads a unit stays in it; the others go round.
    unit = person if person < units else (person * 31 + year * 17) % units
    return f"p{person},u{unit},clerk,{2020 + year}-03-01,{2021 + year}-03-01"


def _supervision(units: int) -> Iterator[str]:
    for number in range(units):
        yield f"u{number},p{number},no,,"
        if number:
            yield f"u{number},p{_above(number)},yes,2020-05-01,2020-06-01"
