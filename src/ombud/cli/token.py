"""Commands `token`: who may call the API, and for what."""

from __future__ import annotations

from typing import Annotated

import typer

from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_json, print_line, print_table
from ombud.core.clock import format_instant
from ombud.services.asker import SCOPES

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Create, list and revoke tokens."
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the token is for; unique.")],
    home: HomeOption,
    scope: Annotated[
        list[str], typer.Option("--scope", help=f"One of {', '.join(SCOPES)}; repeatable.")
    ],
    person: Annotated[
        str | None, typer.Option("--person", help="Whose it is; default is NAME.")
    ] = None,
    unit: Annotated[
        list[str] | None, typer.Option("--unit", help="See only this unit; repeatable.")
    ] = None,
    system: Annotated[
        list[str] | None, typer.Option("--system", help="See only this system; repeatable.")
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="Ends after so many days.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create a token and print it, alone; only its hash is kept, so keep it safe."""
    with open_door(home) as door:
        answer = door.token_create(
            {
                "name": name,
                "person": person or name,
                "scopes": scope,
                "units": unit or [],
                "systems": system or [],
                "days": days,
            }
        )
    if json:
        print_json(answer)
    else:
        print_line(answer["token"])


@app.command("list")
def list_tokens(home: HomeOption, json: JsonOption = False) -> None:
    """List tokens: whose, for what, until when; never the tokens themselves."""
    with open_door(home) as door:
        rows = door.token_list()["tokens"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("name", "person", "scopes", "units", "systems", "created", "ends", "revoked"),
        (
            (
                row["name"],
                row["person"],
                " ".join(row["scopes"]),
                " ".join(row["units"]),
                " ".join(row["systems"]),
                format_instant(row["created_at"]),
                format_instant(row["expires_at"]) if row["expires_at"] else "never",
                format_instant(row["revoked_at"]) if row["revoked_at"] else "",
            )
            for row in rows
        ),
    )


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Revoke a token; it stops working at once."""
    with open_door(home) as door:
        answer = door.token_revoke(name)
    if json:
        print_json(answer)
    else:
        note(f"revoked `{name}`")
