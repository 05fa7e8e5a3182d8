"""Commands `break-glass`: act now and answer afterwards; list and decide on emergencies."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption, MatterOption
from ombud.cli.output import brief_id, note, print_facts, print_json, print_table, to_minute
from ombud.core.errors import InputError
from ombud.services.request_wanted import BreakGlassWanted, StepWanted

SECRET_MAX = 1_000  # Characters: no longer one is ever set.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Act now in an emergency and answer afterwards; decide on emergencies.",
)


def read_secret() -> str:
    """Return the secret: asked for at a terminal without being shown, else the first line."""
    if sys.stdin.isatty():
        return str(typer.prompt("Your secret", hide_input=True, err=True))
    return sys.stdin.readline(SECRET_MAX + 1).rstrip("\n")


@app.command()
def start(
    purpose: Annotated[str, typer.Argument(help="The purpose.")],
    *,
    home: HomeOption,
    code: Annotated[str, typer.Option("--code", help="One of the purpose's reason codes.")],
    text: Annotated[str, typer.Option("--text", help="What is the emergency.")],
    case: MatterOption = None,
    minutes: Annotated[
        int | None, typer.Option("--minutes", min=1, help="For no longer than this.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Get a grant at once. Others are told now, and decide afterwards whether it was right.

    Your secret is asked for, or read from standard input. Refused, or not decided on
    in time, the grant is revoked and what was exported under it put into quarantine.
    """
    wanted = BreakGlassWanted(
        purpose=purpose, code=code, text=text, case=case, minutes=minutes, secret=read_secret()
    )
    with open_door(home) as door:
        told = door.access.break_glass_start(wanted)
    if json:
        print_json(told)
        return
    print_facts(
        {
            "grant": told["grant"]["id"],
            "until": to_minute(told["grant"]["ends"]),
            "request": told["request"]["id"],
            "decided on by": to_minute(told["request"]["expires_at"]),
            "told": ", ".join(told["request"]["notify"]),
        }
    )


@app.command("list")
def list_emergencies(home: HomeOption, json: JsonOption = False) -> None:
    """List emergencies that you have a part in, the oldest first."""
    with open_door(home) as door:
        told = door.access.request_list(
            for_me=False, states=(), everything=False, why=None, case=None
        )
    rows = [row for row in told["requests"] if row["kind"] == "break_glass"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("id", "state", "awaits you", "who", "purpose", "code", "case", "started", "decide by"),
        (
            (
                brief_id(row["id"]),
                row["state"],
                row["awaits"],
                row["requester"],
                row["purpose"],
                row["code"],
                row["case"],
                to_minute(row["opened_at"]),
                to_minute(row["expires_at"]),
            )
            for row in rows
        ),
        is_sparse=True,
    )


@app.command()
def decide(
    request: Annotated[str, typer.Argument(help="The emergency's request.")],
    *,
    home: HomeOption,
    approve: Annotated[bool, typer.Option("--approve", help="It was right.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="It was not.")] = False,
    text: Annotated[str | None, typer.Option("--text", help="Why; needed for a refusal.")] = None,
    json: JsonOption = False,
) -> None:
    """Decide afterwards whether an emergency was right."""
    if approve == refuse:
        raise InputError("say which", hint="add `--approve` or `--refuse`")
    step = StepWanted(step="approve" if approve else "reject", text=text)
    with open_door(home) as door:
        told = door.access.request_step(request, step)
    if json:
        print_json(told)
    else:
        note(f"`{request}` is {told['state']}: {told['approvals']} of {told['quorum']} approvals")
