"""Commands `record`: verify it, prove an event, show its head and its key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ombud.app.opening import check_home, open_door
from ombud.app.paths import HomePaths
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_facts, print_json, print_line, progress
from ombud.record.keys import read_vkey
from ombud.record.paths import Home
from ombud.record.prove import prove as prove_event
from ombud.services.verifying import verify as verify_record

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Verify the record, prove an event, show its head and key.",
)


@app.command()
def verify(
    home: HomeOption,
    known_head: Annotated[
        list[Path] | None,
        typer.Option("--known-head", exists=True, help="A tree head kept elsewhere; repeatable."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The key to trust; default is the home's own.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Re-derive everything from the bytes; works beside a running home.

    Exit status 0 says that everything holds, 1 that something is proved wrong,
    naming the first bad place, 3 that this machine could not read it.
    """
    check_home(home)
    with progress("verifying") as bar:
        task = bar.add_task("verify", total=None)
        report = verify_record(
            home,
            HomePaths(home).control_database,
            known_heads=tuple(path.read_bytes() for path in known_head or ()),
            vkey=key,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if json:
        print_json(report.to_dict())
    elif report.fault is None:
        print_line(f"good: {report.size} events, root {report.root}")
        print_facts({"log": report.origin, **report.counts})
    else:
        print_line(f"WRONG: {report.fault.place}: {report.fault.reason}")
    if report.torn:
        note(f"unfinished and never acknowledged, gone at the next start: {report.torn}")
    if report.fault is not None:
        raise typer.Exit(1)


@app.command()
def head(home: HomeOption, json: JsonOption = False) -> None:
    """Show the durable size and the signed tree head; keep it elsewhere to check against."""
    with open_door(home) as door:
        answer = door.head()
    if json:
        print_json(answer)
    else:
        print_line(str(answer["note"]).rstrip("\n"))


@app.command()
def prove(
    index: Annotated[int, typer.Argument(min=0, help="An event's id: its index in the log.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Print the proof (C2SP tlog-proof) that the published log holds an event."""
    check_home(home)
    text = prove_event(home, index).decode()
    if json:
        print_json({"index": index, "proof": text})
    else:
        print_line(text.rstrip("\n"))


@app.command()
def key(home: HomeOption, json: JsonOption = False) -> None:
    """Print the verifier key of the log, alone."""
    check_home(home)
    vkey = read_vkey(Home(home.resolve()))
    if json:
        print_json({"vkey": vkey})
    else:
        print_line(vkey)
