"""Commands `directory`: who the people are, whose accounts are whose, and since when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.app.door import Door
from ombud.app.opening import open_door
from ombud.cli.directory_print import print_diff, print_entry, print_faults, print_unmatched
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import note, print_facts, print_json, print_line
from ombud.core.clock import format_instant
from ombud.core.errors import InputError
from ombud.core.instants import parse_iso
from ombud.services.directory_wanted import DirectoryWanted, WantedFile

NO, WRONG = 1, 2  # Exit statuses, as in `cli.main`.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Load people, accounts and units; show what is known of them.",
)


@app.command()
def load(
    files: Annotated[
        list[Path],
        typer.Argument(exists=True, dir_okay=False, help="CSV (one kind a file) or YAML files."),
    ],
    home: HomeOption,
    kind: Annotated[
        str | None, typer.Option("--kind", help="What the CSV holds, if its name does not say.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", help="Time zone of days; default is the setting `directory.zone`."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option("--encoding", help="utf-8, utf-16, windows-1252 or latin-1; never guessed."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change and stop.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Load without asking.")] = False,
    why: Annotated[
        str | None, typer.Option("--why", help="Why it changes; it becomes part of the record.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Replace the kinds that the files contain, after showing what would change.

    Exit status 0: loaded, or shown with --dry-run. 1: you said no, or the directory
    changed meanwhile. 2: the files have faults, each named with file and line, or
    --yes is missing where nobody can be asked. 3: could not. Nothing is ever half
    loaded.

    Such as `ombud directory load person.csv account.csv unit.csv --dry-run`.
    """
    wanted = DirectoryWanted(
        files=[WantedFile(path.name, path.read_bytes()) for path in files],
        kind=kind,
        zone=zone,
        encoding=encoding,
        why=why,
    )
    with open_door(home) as door:
        plan = door.directory_plan(wanted)
        if json:
            print_json({"plan": plan})
        else:
            print_faults(plan)
            print_diff(plan)
        if plan["fault_count"]:
            raise typer.Exit(WRONG)
        if dry_run:
            return
        _confirm(yes=yes)
        _load(door, wanted, plan, json=json)


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("nobody can be asked here", hint="add `--yes` to load, or `--dry-run`")
    if not typer.confirm("Load this?", err=True):
        note("nothing was loaded")
        raise typer.Exit(NO)


def _load(door: Door, wanted: DirectoryWanted, plan: dict[str, Any], *, json: bool) -> None:
    answer = door.directory_load(
        DirectoryWanted(
            files=wanted.files,
            kind=wanted.kind,
            zone=wanted.zone,
            encoding=wanted.encoding,
            compared_with=plan["compared_with"],
            why=wanted.why,
        )
    )
    if json:
        print_json({"loaded": answer})
    else:
        print_line(f"loaded as event {answer['load']}, SHA-256 {answer['sha256']}")


@app.command()
def show(
    person: Annotated[str, typer.Argument(help="The person's id in the directory.")],
    home: HomeOption,
    at: Annotated[
        str | None,
        typer.Option("--at", help="As of this day or instant (UTC unless it says); default now."),
    ] = None,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show a person's accounts, unit, manager and more, as of an instant."""
    instant = None if at is None else parse_iso(at)
    if at is not None and instant is None:
        raise InputError(f"`{at}` is no time", hint="such as 2026-11-01 or 2026-11-01T08:00Z")
    with open_door(home) as door:
        entry = door.directory_show(person, at=instant, why=why, case=case)
    if json:
        print_json(entry)
    else:
        print_entry(entry)


@app.command()
def unmatched(
    home: HomeOption,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 100,
    json: JsonOption = False,
) -> None:
    """List accounts that the directory does not know at the time of their events."""
    with open_door(home) as door:
        accounts = door.directory_unmatched(limit=limit)["accounts"]
    if not json:
        print_unmatched(accounts)
        return
    for account in accounts:
        print_json(account)


@app.command()
def status(home: HomeOption, json: JsonOption = False) -> None:
    """Show which load stands, who made it, and how many rows there are."""
    with open_door(home) as door:
        answer = door.directory_status()
    if json:
        print_json(answer)
    elif answer["load"] is None:
        print_line("no directory is loaded: `ombud directory load FILES` does it")
    else:
        facts = {
            "load": f"event {answer['load']}",
            "loaded at": format_instant(answer["loaded_at"]),
            "loaded by": answer["loaded_by"],
            "reason": answer["reason"] or "none given",
            "files": ", ".join(answer["files"]),
            "SHA-256": answer["sha256"],
        }
        print_facts({**facts, **answer["rows"]})
