"""Checks: what makes a directory one that can be believed.

Every check takes all rows, of what is offered and of what stays as it is loaded,
and adds each fault with its place.  Nothing here stops at the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable

from ombud.directory.cycles import Cycle, EntangledError, find_cycles, shown
from ombud.directory.faults import Faults
from ombud.directory.kinds import KINDS, Kind, Row, Rows, begins_of, ends_of, row_id
from ombud.directory.span import BEGINNING
from ombud.directory.spans import Belongings
from ombud.directory.timeline import DEPTH_MAX, Stretch, Timelines, TooManyPiecesError

_REFERENCES = (  # kind, column, and the kind whose key it must name
    ("account", "person", "person"),
    ("membership", "person", "person"),
    ("membership", "unit", "unit"),
    ("unit", "parent", "unit"),
    ("supervision", "unit", "unit"),
    ("supervision", "supervisor", "person"),
    ("roster", "person", "person"),
    ("leave", "person", "person"),
    ("relation", "person", "person"),
    ("assignment", "person", "person"),
    ("assignment", "unit", "unit"),
)


def check_rows(rows: Rows, *, zones: Collection[str], faults: Faults) -> None:
    """Add every fault of a whole directory."""
    check_parts(rows, zones=zones, faults=faults)
    check_references(rows, faults)
    check_hierarchy(rows, faults)


def check_parts(rows: Rows, *, zones: Collection[str], faults: Faults) -> None:
    """Add the faults that are faults whatever else there is, for rows that are not all there."""
    for name, kind in KINDS.items():
        check_each(kind, rows.get(name, ()), zones=zones, faults=faults)
    check_overlaps(rows, faults)


def check_each(kind: Kind, rows: Iterable[Row], *, zones: Collection[str], faults: Faults) -> None:
    """Check rows by themselves: order of times, zones, and that none stands twice."""
    seen: dict[str, Row] = {}
    from_ = kind.position("from") if "from" in kind.names else None
    for row in rows:
        if from_ is not None:
            begins, ends = row.values[from_], row.values[from_ + 1]
            if begins is not None and ends is not None and begins >= ends:
                faults.add_row(row, "`to` is not after `from`; the end itself does not count")
        if kind.name == "unit" and row.values[3] is not None and row.values[3] not in zones:
            faults.add_row(
                row, f"unknown time zone `{row.values[3]}`; use a name such as `Europe/Berlin`"
            )
        if kind.name == "assignment":
            _check_assignment(row, faults)
        id_ = row_id(kind, row.values)
        other = seen.setdefault(id_, row)
        if other is not row:
            how = "" if other.values == row.values else ", and differently"
            faults.add_row(row, f"this {kind.name} stands twice{how}", other)


def _check_assignment(row: Row, faults: Faults) -> None:
    person, unit, case, subject_kind, subject_key, *_ = row.values
    if person is None and unit is None:
        faults.add_row(row, "an assignment needs `person` or `unit`")
    if (subject_kind is None) != (subject_key is None):
        faults.add_row(row, "`subject_kind` and `subject_key` come together")
    elif case is None and subject_kind is None:
        faults.add_row(row, "an assignment needs `case`, or `subject_kind` and `subject_key`")


def check_references(rows: Rows, faults: Faults) -> None:
    """Check that every person and unit that is named exists."""
    known = {kind: {row.values[0] for row in rows.get(kind, ())} for kind in ("person", "unit")}
    for name, column, wanted in _REFERENCES:
        position = KINDS[name].position(column)
        there = known[wanted]
        for row in rows.get(name, ()):
            value = row.values[position]
            if value is not None and value not in there:
                faults.add_row(row, f"{name} names {wanted} `{value}`, which is not there")


def check_overlaps(rows: Rows, faults: Faults) -> None:
    """Check that at no instant two rows say different things of one."""
    _check_accounts(rows.get("account", ()), faults)
    _check_apart(
        rows.get("unit", ()),
        lambda values: (values[0],),
        lambda mine, _: f"unit `{mine[0]}` is described twice at once",
        faults,
    )
    _check_apart(
        rows.get("membership", ()),
        lambda values: (values[0],),
        lambda mine, other: f"person `{mine[0]}` is in `{mine[1]}` and in `{other[1]}` at once",
        faults,
    )
    _check_apart(
        rows.get("supervision", ()),
        lambda values: (values[0], bool(values[2])),
        lambda mine, other: (
            f"unit `{mine[0]}` has two {'acting ' if mine[2] else ''}supervisors at once,"
            f" `{other[1]}` and `{mine[1]}`"
        ),
        faults,
    )


Say = Callable[[tuple[object, ...], tuple[object, ...]], str]


def _check_apart(
    rows: Iterable[Row],
    group_of: Callable[[tuple[object, ...]], tuple[object, ...]],
    say: Say,
    faults: Faults,
) -> None:
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[group_of(row.values)].append(row)
    for group in groups.values():
        if len(group) > 1:
            group.sort(key=_begins)
            last = group[0]
            for row in group[1:]:
                if _begins(row) < _ends(last):
                    faults.add_row(row, say(row.values, last.values), last)
                if _ends(row) > _ends(last):
                    last = row


def _check_accounts(rows: Iterable[Row], faults: Faults) -> None:
    """One account on one system is one person's; without a system it is so on each."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.values[0]].append(row)
    for account, group in groups.items():
        if len(group) < 2:
            continue
        group.sort(key=_begins)
        latest: dict[str | None, Row] = {}  # By system, the row that ends last.
        longest = group[0]
        for number, row in enumerate(group):
            system = row.values[1]
            others = (longest,) if system is None else (latest.get(system), latest.get(None))
            for other in others if number else ():
                if other is not None and _begins(row) < _ends(other):
                    faults.add_row(row, _two_persons(account, row, other), other)
                    break
            if system not in latest or _ends(row) > _ends(latest[system]):
                latest[system] = row
            if _ends(row) > _ends(longest):
                longest = row


def _two_persons(account: str, row: Row, other: Row) -> str:
    mine, theirs = row.values[2], other.values[2]
    if mine == theirs:
        return f"account `{account}` is given to `{mine}` twice at once"
    return f"account `{account}` belongs to `{theirs}` and to `{mine}` at once"


def check_hierarchy(rows: Rows, faults: Faults) -> None:
    """Check that no unit lies above itself and nobody supervises themself over others."""
    timelines: Timelines | None = None
    try:
        timelines = Timelines(rows.get("unit", ()), rows.get("supervision", ()))
        for cycle in find_cycles(timelines.stretches):
            path = shown(cycle.names)
            faults.add_row(cycle.stretch.row, f"a unit lies above itself: {path}")
        for row in timelines.too_deep[:1]:
            faults.add_row(row, f"more than {DEPTH_MAX} units lie above one another")
        for cycle in find_cycles(_managers(rows, timelines)):
            row = _closing(cycle, rows.get("supervision", ()))
            faults.add_row(row, f"supervisors answer for each other: {shown(cycle.names)}")
    except EntangledError:
        faults.add("the directory", 0, "too many units or supervisors lie above one another")
    except TooManyPiecesError:
        faults.add("the directory", 0, "units above others change too often to be kept")


def _managers(rows: Rows, timelines: Timelines) -> dict[str, list[Stretch]]:
    """Return who answers for each supervisor, over time; cycles are among them alone."""
    belongings = Belongings(rows.get("membership", ()), timelines)
    supervisors = {row.values[1]: row for row in rows.get("supervision", ())}
    return {
        person: [
            Stretch(one.begins, one.ends, one.manager, row)
            for one in belongings.of(person)
            if one.manager is not None
        ]
        for person, row in supervisors.items()
    }


def _closing(cycle: Cycle, supervision: Iterable[Row]) -> Row:
    """Return the row by which the last of a cycle is answered for by its first."""
    for row in supervision:
        _, supervisor, _, from_, to = row.values
        is_then = begins_of(from_) <= max(cycle.begins, BEGINNING) < ends_of(to)
        if supervisor == cycle.names[0] and is_then:
            return row
    return cycle.stretch.row


def _begins(row: Row) -> int:
    """Return when a row begins; `from` and `to` stand last in every kind that has them."""
    return begins_of(row.values[-2])


def _ends(row: Row) -> int:
    return ends_of(row.values[-1])
