"""Commands `checkpoint`: what is asked before an act, answered and confirmed."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from ombud.access.checkpoint import Answer
from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption, MatterOption
from ombud.cli.output import note, print_facts, print_json, print_line, print_table, to_minute
from ombud.core.errors import InputError
from ombud.services.checkpoint_wanted import CheckpointWanted

NO = 1  # Exit status, as in `cli.main`.
REAUTHENTICATION, ACKNOWLEDGEMENT = "reauthentication", "acknowledgement"
UNITS = ((60 * 24, "day"), (60, "hour"), (1, "minute"))  # In minutes.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show and meet checkpoints; confirm as the second person.",
)

PurposeOption = Annotated[str | None, typer.Option("--purpose", help="For which purpose.")]


@app.command("list")
def list_checkpoints(home: HomeOption, json: JsonOption = False) -> None:
    """List the checkpoints of the policy in force."""
    with open_door(home) as door:
        answer = door.checkpoints.listed()
    if json:
        for row in answer["checkpoints"]:
            print_json(row)
        return
    print_table(
        ("checkpoint", "kind", "purpose", "holds for", "met", "asks"),
        (
            (
                row["name"],
                row["kind"],
                row["purpose"] or "all",
                _holds(row),
                f"{row['met']:,}",
                row["prompt"],
            )
            for row in answer["checkpoints"]
        ),
    )


def _holds(row: dict[str, Any]) -> str:
    if not row["every_minutes"]:
        return "one act"
    what = "the same things" if row["per"] == "resource" else "whatever they do"
    return f"{_duration(row['every_minutes'])}, {what}"


def _duration(minutes: int) -> str:
    size, name = next((size, name) for size, name in UNITS if minutes % size == 0)
    return f"{minutes // size:,} {name}{'' if minutes == size else 's'}"


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="The checkpoint's name.")],
    home: HomeOption,
    purpose: PurposeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a checkpoint asks now, in its exact words."""
    with open_door(home) as door:
        answer = door.checkpoints.show(name, purpose=purpose)
    if json:
        print_json(answer)
        return
    facts = {
        "checkpoint": answer["name"],
        "kind": answer["kind"],
        "choices": answer["choices"],
        "at least": f"{answer['length_min']} characters" if answer["length_min"] else None,
        "pattern": answer["pattern"],
        "holds for": _holds(answer),
        "policy": answer["policy_version"],
    }
    print_facts({name: value for name, value in facts.items() if value})
    print_line("")
    print_line(answer["wording"])


@app.command()
def meet(
    name: Annotated[str, typer.Argument(help="The checkpoint's name.")],
    home: HomeOption,
    purpose: Annotated[str, typer.Option("--purpose", help="The purpose acted for.")],
    resource: Annotated[
        list[str] | None,
        typer.Option("--resource", help="What it is for, as type:id; repeatable."),
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option("--subject", help="Data subject, as kind:key; repeatable."),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", help="An account of yours, as type:id.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="The reason, in your words.")] = None,
    case: MatterOption = None,
    choice: Annotated[
        list[str] | None, typer.Option("--choice", help="One of the choices; repeatable.")
    ] = None,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="Say that you have read and accept the text.")
    ] = False,
    decision: Annotated[
        str | None, typer.Option("--decision", help="Id of the decision that asked.")
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read the secret from standard input.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Answer a checkpoint as yourself; the answer is on record before it counts.

    A secret is asked for without echo. Exit status 0: met, or waiting for a second
    person. 1: recorded, and facts contradict it where the checkpoint refuses that, or
    not yours to meet. 2: no answer to what is asked.

    Such as `ombud checkpoint meet reason --purpose fraud --resource dataset:claims --text "…"`.
    """
    with open_door(home) as door:
        asked = door.checkpoints.show(name, purpose=purpose)
        _check_acknowledged(asked, acknowledge=acknowledge)
        secret = read_secret("Secret", stdin=stdin) if asked["kind"] == REAUTHENTICATION else None
        answer = Answer(acknowledge, text, tuple(choice or ()), case, secret, asked["wording"])
        wanted = CheckpointWanted(
            purpose=purpose,
            answer=answer,
            actor=actor,
            resources=tuple(resource or ()),
            subjects=tuple(map(_subject, subject or ())),
            decision=decision,
        )
        met = door.checkpoints.meet(name, wanted)
    if json:
        print_json(met)
    else:
        _print_met(met)
    if met["is_refused"]:
        raise typer.Exit(NO)


def _check_acknowledged(asked: dict[str, Any], *, acknowledge: bool) -> None:
    if asked["kind"] == ACKNOWLEDGEMENT and not acknowledge:
        note(asked["wording"])
        raise InputError("it was not acknowledged", hint="add `--acknowledge` once it is read")


def _print_met(met: dict[str, Any]) -> None:
    print_line(met["id"])
    note(f"{met['state']}, holds until {to_minute(met['until'])} UTC: {met['verdict']}")
    for finding in met["findings"]:
        note(f"  {finding['meaning']}")
    if met["flaws"]:
        note(f"  the text: {', '.join(met['flaws'])}")
    if met["is_refused"]:
        note("refused: the facts contradict it")


def _subject(written: str) -> tuple[str, str]:
    kind, _, key = written.partition(":")
    if not kind or not key:
        raise InputError(f"`{written}` is no data subject", hint="write kind:key, as plate:7ABC123")
    return kind, key


def read_secret(label: str, *, stdin: bool) -> str:
    """Return a secret: typed without echo, or the first line of standard input."""
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InputError("nobody can be asked here", hint="add `--stdin` and give it there")
    return str(typer.prompt(label, hide_input=True, err=True))


@app.command()
def awaiting(home: HomeOption, json: JsonOption = False) -> None:
    """List what waits for you as the second person."""
    with open_door(home) as door:
        rows = door.checkpoints.awaiting()["awaiting"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("id", "actor", "checkpoint", "purpose", "things", "case", "verdict", "text"),
        (
            (
                row["id"],
                row["actor"],
                row["checkpoint"],
                row["purpose"],
                " ".join(row["resources"]),
                row["case"],
                row["verdict"],
                row["text"],
            )
            for row in rows
        ),
    )


@app.command()
def confirm(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `awaiting` lists it.")],
    home: HomeOption,
    decline: Annotated[bool, typer.Option("--decline", help="Do not let it go on.")] = False,
    json: JsonOption = False,
) -> None:
    """Let somebody else's act go on as the second person, or decline it."""
    with open_door(home) as door:
        answer = door.checkpoints.confirm(id_, is_declined=decline)
    if json:
        print_json(answer)
    else:
        note(f"{answer['state']} `{id_}`")
