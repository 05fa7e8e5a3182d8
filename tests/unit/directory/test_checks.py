"""Checks: every fault of a directory with its file and line, and none where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.directory.checks import check_rows
from ombud.directory.diff import compare_kind
from ombud.directory.faults import FAULTS_MAX, Faults
from ombud.directory.kinds import KINDS, LOADED, Row, Rows, body_of, row_id

Table = list[tuple[Any, ...]]
ZONES = {"UTC", "Europe/Berlin"}
GOOD: dict[str, Table] = {
    "person": [("ana", "Ana"), ("ben", None), ("cy", None)],
    "account": [("ana", "db", "ana", None, None), ("shared", "db", "ben", 0, 10)],
    "unit": [
        ("county", None, None, "UTC", None, None),
        ("patrol", None, "county", None, None, None),
    ],
    "membership": [
        ("ana", "patrol", None, 0, 10),
        ("ana", "county", None, 10, None),
        ("ben", "patrol", None, None, None),
    ],
    "supervision": [("patrol", "ben", False, None, None), ("county", "cy", False, None, None)],
    "roster": [("ana", 0, 8), ("ana", 4, 12)],
    "leave": [("ana", "holiday", 20, 30)],
    "relation": [("ana", "patient", "8841", "sister", None, None)],
    "assignment": [("ana", None, "C-1", None, None, None, None)],
}


def faults_of(**more: Table) -> list[str]:
    """Return the faults of the good directory with more rows, or with others instead."""
    faults = Faults()
    rows: Rows = {}
    for kind, table in GOOD.items():
        whole = [*table, *more.get(kind, [])]
        rows[kind] = [Row(values, f"{kind}.csv", line) for line, values in enumerate(whole, 2)]
    check_rows(rows, zones=ZONES, faults=faults)
    return [str(fault) for fault in faults.shown]


def test_good_directory_has_no_fault() -> None:
    """Rows that follow each other, shifts that overlap: nothing is wrong."""
    assert faults_of() == []


A, U, M, S = "account", "unit", "membership", "supervision"
CASES = [
    ("end before begin", "leave", ("ana", None, 9, 9), "leave.csv:3: `to` is not after `from`"),
    (
        "unknown zone",
        U,
        ("x", None, None, "Mars/Base", None, None),
        "unknown time zone `Mars/Base`",
    ),
    ("twice", "person", ("ana", "Ana"), "person.csv:5: this person stands twice; see line 2"),
    ("twice, other", "person", ("ana", "Anna"), "stands twice, and differently; see line 2"),
    ("no such person", A, ("x", None, "dee", None, None), "names person `dee`, which is not there"),
    ("no such unit", M, ("cy", "moon", None, None, None), "names unit `moon`, which is not there"),
    ("no such parent", U, ("x", None, "moon", None, None, None), "unit names unit `moon`"),
    ("no such supervisor", S, ("county", "dee", True, None, None), "names person `dee`"),
    (
        "two persons",
        A,
        ("ana", "db", "ben", 5, None),
        "account.csv:4: account `ana` belongs to `ana` and to `ben` at once; see line 2",
    ),
    ("on every system", A, ("ana", None, "ben", 5, 6), "belongs to `ana` and to `ben` at once"),
    (
        "given twice",
        A,
        ("shared", "db", "ben", 5, 20),
        "is given to `ben` twice at once; see line 3",
    ),
    (
        "two units",
        M,
        ("ana", "county", None, 5, 7),
        "membership.csv:5: person `ana` is in `county` and in `patrol` at once; see line 2",
    ),
    (
        "two supervisors",
        S,
        ("patrol", "cy", False, 5, 7),
        "unit `patrol` has two supervisors at once, `ben` and `cy`; see line 2",
    ),
    (
        "unit twice",
        U,
        ("patrol", "P", None, None, 5, None),
        "unit `patrol` is described twice at once",
    ),
    ("own parent", U, ("x", None, "x", None, None, None), "a unit lies above itself: `x` > `x`"),
    (
        "assignment of nobody",
        "assignment",
        (None, None, "C", None, None, None, None),
        "needs `person` or `unit`",
    ),
    (
        "assignment to nothing",
        "assignment",
        ("ana", None, None, None, None, None, None),
        "needs `case`",
    ),
    (
        "half a subject",
        "assignment",
        ("ana", None, "C", "patient", None, None, None),
        "come together",
    ),
]


@pytest.mark.parametrize(("kind", "row", "said"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_fault_is_found(kind: str, row: tuple[Any, ...], said: str) -> None:
    """Each fault is found, once, with its place."""
    found = faults_of(**{kind: [row]})

    assert len(found) == 1, found
    assert said in found[0]
    assert found[0].startswith(f"{kind}.csv:")


def test_two_acting_at_once() -> None:
    """Who acts takes the place of the regular one; two would leave open who answers."""
    acting = [("patrol", "ana", True, 0, 9), ("patrol", "cy", True, 8, 12)]

    assert faults_of(supervision=acting[:1]) == []
    assert "two acting supervisors at once" in faults_of(supervision=acting)[0]


def test_cycle_of_units_at_one_instant_only() -> None:
    """Changing places is no cycle; a common instant is, and is named with its row."""
    first = [("a", None, None, None, None, 10), ("a", None, "b", None, 10, None)]
    apart = [("b", None, "a", None, None, 10), ("b", None, None, None, 10, None)]
    together = [("b", None, "a", None, None, 11), ("b", None, None, None, 11, None)]

    assert faults_of(unit=[*first, *apart]) == []
    (found,) = faults_of(unit=[*first, *together])
    assert found == "unit.csv:6: a unit lies above itself: `a` > `b` > `a`"


def test_cycle_of_supervisors() -> None:
    """Two who answer for each other; that one of them has left since changes it."""
    both = [("cy", "patrol", None, None, None)]
    unit = [("desk", None, None, None, None, None)]
    desk = [("desk", "cy", False, None, None)]

    # Ben heads patrol, in which cy is; cy heads county above it.
    (found,) = faults_of(membership=both)
    assert found == "supervision.csv:2: supervisors answer for each other: `ben` > `cy` > `ben`"
    assert faults_of(unit=unit, supervision=desk) == []


def test_long_cycle_is_one_fault() -> None:
    """A cycle of a thousand units is one fault, and shows some of them."""
    ring = [(f"r{n}", None, f"r{(n + 1) % 1000}", None, None, None) for n in range(1000)]
    (found,) = faults_of(unit=ring)

    assert "`r0` > `r1`" in found
    assert " … > `r0`" in found


def test_deep_tower_is_refused() -> None:
    """Units deeper than any organisation are a fault, not an overflow."""
    tower: Table = [("t0", None, None, None, None, None)]
    tower += [(f"t{n}", None, f"t{n - 1}", None, None, None) for n in range(1, 3000)]

    assert "units lie above one another" in faults_of(unit=tower)[0]


def test_all_faults_up_to_a_bound() -> None:
    """A thousand faults are counted, and a hundred shown in the order of files and lines."""
    faults = Faults()
    rows = {"account": [Row((f"a{n}", None, "x", None, None), "a.csv", n) for n in range(1000)]}
    check_rows(rows, zones=ZONES, faults=faults)

    assert (faults.count, len(faults.shown), faults.more) == (1000, FAULTS_MAX, 900)
    assert [fault.line for fault in faults.shown] == sorted(fault.line for fault in faults.shown)


def test_fault_against_what_is_loaded_names_the_file() -> None:
    """Where a new row contradicts one that is loaded, the place is that of the new one."""
    faults = Faults()
    rows = {
        "person": [Row(("ana", None), "p.csv", 2), Row(("ben", None), "p.csv", 3)],
        "account": [
            Row(("x", None, "ana", None, None), "a.csv", 7),
            Row(("x", "db", "ben", 0, None), LOADED, 0),
        ],
    }
    check_rows(rows, zones=ZONES, faults=faults)

    assert str(faults.shown[0]).startswith("a.csv:7: account `x` belongs to `ana` and to `ben`")
    assert str(faults.shown[0]).endswith(f"see {LOADED}")
    assert faults.shown[0].to_dict()["other_file"] == LOADED


def test_diff_is_counted_and_in_order() -> None:
    """What is added, changed and removed, whatever order the rows come in."""
    kind = KINDS["person"]

    def table(*rows: tuple[Any, ...]) -> dict[str, str]:
        return {row_id(kind, row): body_of(row) for row in rows}

    loaded = table(("ana", "Ana"), ("ben", "Ben"), ("cy", None))
    offered = table(("cy", None), ("eve", None), ("ana", "Anna"), ("dee", None))
    diff = compare_kind(kind, loaded, offered)
    said = diff.to_dict()

    assert (said["added"], said["changed"], said["removed"], said["unchanged"]) == (2, 1, 1, 1)
    assert said["samples"] == {
        "added": [{"person": "dee"}, {"person": "eve"}],
        "changed": [
            {
                "before": {"person": "ana", "name": "Ana"},
                "after": {"person": "ana", "name": "Anna"},
            }
        ],
        "removed": [{"person": "ben", "name": "Ben"}],
    }
    assert not diff.is_empty
    assert compare_kind(kind, loaded, dict(reversed(loaded.items()))).is_empty
