"""Commands `reference`: the organisation's own tables, which justifications are checked against."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_json, print_line, print_table, to_minute

WRONG = 2  # Exit status, as in `cli.main`.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Load tables of the case system, roster and relations, as `reference.yaml` declares them.",
)

NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="Tables by name; all if none is named.")
]


@app.command()
def load(
    home: HomeOption,
    names: NamesArgument = None,
    why: Annotated[
        str | None, typer.Option("--why", help="Why; it becomes part of the record.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Load tables now, each whole or not at all; what could not be loaded stays as it was.

    Exit status 2 when any table has a fault or cannot be reached.
    """
    with open_door(home) as door:
        tables = door.checkpoints.reference_load(names or [], why=why)["tables"]
    _print_read(tables, json=json)


@app.command()
def check(home: HomeOption, names: NamesArgument = None, json: JsonOption = False) -> None:
    """Read tables as they are now and say everything that is wrong; loads nothing.

    Exit status 2 when any table has a fault or cannot be reached.
    """
    with open_door(home) as door:
        tables = door.checkpoints.reference_check(names or [])["tables"]
    _print_read(tables, json=json)


def _print_read(tables: list[dict[str, Any]], *, json: bool) -> None:
    for table in tables:
        if json:
            print_json(table)
            continue
        for fault in table["faults"]:
            print_line(fault)
        if table["fault_count"] > len(table["faults"]):
            print_line(f"and {table['fault_count'] - len(table['faults']):,} more")
        if table["error"]:
            note(f"{table['name']}: {table['error']}")
        else:
            loaded = f", SHA-256 {table['sha256']}" if table.get("sha256") else ""
            print_line(f"{table['name']}: {table['rows']:,} rows{loaded}")
    if any(table["error"] for table in tables):
        raise typer.Exit(WRONG)


@app.command("list")
def list_tables(home: HomeOption, json: JsonOption = False) -> None:
    """List the declared tables: what stands, how fresh it is, and what failed."""
    with open_door(home) as door:
        tables = door.checkpoints.reference_list()["tables"]
    if json:
        for table in tables:
            print_json(table)
        return
    print_table(
        ("table", "kind", "from", "rows", "as of (UTC)", "state"),
        (
            (
                table["name"],
                table["kind"],
                table["origin"],
                "" if table["load"] is None else f"{table['load']['rows']:,}",
                "" if table["load"] is None else to_minute(table["load"]["as_of"]),
                _state(table),
            )
            for table in tables
        ),
    )


def _state(table: dict[str, Any]) -> str:
    if table["error"]:
        return f"failed: {table['error']}"
    if table["load"] is None:
        return "asked for one case at a time" if table["live"] else "not loaded"
    return "fresh" if table["is_fresh"] else "stale"


@app.command()
def loads(
    name: Annotated[str, typer.Argument(help="The table.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """List the latest loads of a table, and which of them are still kept."""
    with open_door(home) as door:
        rows = door.checkpoints.reference_loads(name)["loads"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("event", "as of (UTC)", "rows", "by", "kept", "SHA-256"),
        (
            (
                row["event"],
                to_minute(row["as_of"]),
                f"{row['rows']:,}",
                row["loaded_by"],
                "yes" if row["is_kept"] else "no",
                row["sha256"],
            )
            for row in rows
        ),
    )
