"""Directory print: diffs, faults, entries and the work list, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ombud.cli.output import note, print_facts, print_line, print_table, to_minute

_INSTANTS = frozenset({"from", "to"})
_DAY = len("2026-11-22")
_CHANGES = ("added", "changed", "removed", "unchanged")


def print_faults(plan: dict[str, Any]) -> None:
    """Print every fault with its place, and how many more there are."""
    for fault in plan["faults"]:
        print_line(fault["text"])
    more = plan["fault_count"] - len(plan["faults"])
    if more:
        print_line(f"and {more:,} more")
    if plan["fault_count"]:
        note("nothing was loaded")


def print_diff(plan: dict[str, Any]) -> None:
    """Print what would change, kind by kind, with a few rows of each sort."""
    if plan["fault_count"]:
        return
    print_table(
        ("kind", *_CHANGES),
        ((name, *(f"{said[how]:,}" for how in _CHANGES)) for name, said in plan["kinds"].items()),
    )
    for name, said in plan["kinds"].items():
        samples = said["samples"]
        for sign, rows in (("+", samples["added"]), ("-", samples["removed"])):
            for row in rows:
                print_line(f"{sign} {name}: {_row(row)}")
        for row in samples["changed"]:
            print_line(f"~ {name}: {_row(row['before'])}")
            print_line(f"  {' ' * len(name)}  {_row(row['after'])}")
        shown = sum(len(rows) for rows in samples.values())
        rest = said["added"] + said["changed"] + said["removed"] - shown
        if rest:
            print_line(f"  and {rest:,} more of {name}")
    if plan["is_empty"]:
        print_line("nothing would change")


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_value(name, value)}" for name, value in row.items())


def _value(name: str, value: Any) -> str:
    if name in _INSTANTS and isinstance(value, int):
        return to_minute(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def print_entry(entry: dict[str, Any]) -> None:
    """Print what the directory says of one person."""
    print_facts(
        {
            "person": entry["person"],
            "name": entry["name"] or "",
            "as of": to_minute(entry["at"]),
            "unit": " < ".join(entry["units"]),
            "role": entry["role"] or "",
            "manager": entry["manager"] or "",
            "time zone": entry["time_zone"] or "",
        }
    )
    for name, rows in entry.items():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            _print_rows(name, rows)


def _print_rows(title: str, rows: Sequence[dict[str, Any]]) -> None:
    names = [name for name in rows[0] if name != "holds"]
    print_table(
        ("", *names),
        (("*" if row["holds"] else "", *(_value(n, row[n]) for n in names)) for row in rows),
        title=title,
    )


def print_unmatched(accounts: Sequence[dict[str, Any]]) -> None:
    """Print accounts that stand for nobody, the most frequent first."""
    if not accounts:
        print_line("every account is known at the time of its events")
        return
    print_table(
        ("account", "system", "events", "first (UTC)", "last", "is"),
        (
            (
                one["account"],
                one["system"],
                f"{one['events']:,}",
                to_minute(one["first_at"])[:_DAY],
                to_minute(one["last_at"])[:_DAY],
                "machine" if one["is_machine"] else "",
            )
            for one in accounts
        ),
    )
