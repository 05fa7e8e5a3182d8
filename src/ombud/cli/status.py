"""Command `status`: how a home stands, from its files and, when it runs, from its server."""

from __future__ import annotations

import typer

from ombud.app.standing import home_status
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import print_facts, print_json

app = typer.Typer(add_completion=False)


@app.command()
def status(home: HomeOption, json: JsonOption = False) -> None:
    """Show how a home stands: its format, whether it records, its size and the room it has.

    Exit status 1 says that something keeps it from recording.
    """
    facts = home_status(home)
    if json:
        print_json(facts)
    else:
        print_facts({name: value for name, value in facts.items() if value is not None})
    if facts["fails"]:
        raise typer.Exit(1)
