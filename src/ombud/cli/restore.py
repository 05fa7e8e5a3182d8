"""Commands `restore`: a home laid out from a backup, and the act that lets it record again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ombud.app.backup import resume_home
from ombud.cli.named_or import NamedOr
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_facts, print_json, progress
from ombud.core.clock import format_instant, now_ms
from ombud.record.restore import restore as restore_home

app = typer.Typer(
    cls=NamedOr,
    add_completion=False,
    no_args_is_help=True,
    help="Restore a home from a backup, and let it record again.",
)


@app.command("make")
def make(
    target: Annotated[Path, typer.Argument(help="A backup, or the folder of backups: its newest.")],
    home: HomeOption,
    json: JsonOption = False,
) -> None:
    """Restore a backup into a new home; `ombud restore TARGET --home NEW` is enough.

    Every file is checked on the way.  The home can be verified and events in it
    proved; it takes no events and shows none until it is resumed, because the home
    it was copied from may have gone on.
    """
    with progress("restoring", unit="files") as bar:
        task = bar.add_task("restore", total=None)
        copy = restore_home(
            target,
            home,
            now_ms=now_ms(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    facts = {
        "home": str(home),
        "backup": copy.id,
        "made": format_instant(copy.backed_up_at),
        "events": copy.size,
        "root": copy.root,
    }
    if json:
        print_json(facts)
        return
    print_facts(facts)
    note("next: `ombud record verify`, then `ombud restore resume --why …`, then `ombud serve`")


@app.command()
def resume(
    home: HomeOption,
    why: Annotated[str, typer.Option("--why", help="Why this copy is the home from now on.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="The `record.key` that was kept apart from the backups."),
    ] = None,
    known_head: Annotated[
        Path | None,
        typer.Option("--known-head", exists=True, help="The latest tree head that was kept."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Let a restored copy record again; that it does, and why, is an event first.

    Do so once, and only when the home it was copied from has ended: two that go on
    from one backup sign two histories, which everybody who kept a head can prove.
    """
    facts = resume_home(
        home,
        why=why,
        key=key,
        known_head=known_head.read_bytes() if known_head is not None else None,
    )
    if json:
        print_json(facts)
        return
    print_facts(
        {
            **facts,
            "event": str(facts["event"]),
            "backed_up_at": format_instant(facts["backed_up_at"]),
        }
    )
    if facts["abandoned_size"] is not None:
        note("events signed after the backup are not here: ingest them again from their logs")
