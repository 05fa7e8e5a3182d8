"""Commands `quarantine`: what could not become an event, and another try."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ombud.app.appending import open_appender
from ombud.app.paths import HomePaths
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import print_facts, print_json, print_line, print_table
from ombud.collect.quarantine import PENDING, Quarantine
from ombud.collect.replay import replay as replay_items
from ombud.collect.sources import get_source
from ombud.config.settings import load_settings
from ombud.core.clock import format_instant, now_ms
from ombud.services.asker import local_owner
from ombud.services.ingesting import HomeSources
from ombud.services.own_events import look_event
from ombud.services.record_port import record_events

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, show and replay what could not become an event.",
)


def _open(home: Path) -> Quarantine:
    return Quarantine(HomePaths(home).quarantine)


@app.command("list")
def list_items(
    home: HomeOption,
    everything: Annotated[bool, typer.Option("--all", help="Those replayed, too.")] = False,
    json: JsonOption = False,
) -> None:
    """List what lies in quarantine: why, from which file and line."""
    items = [item for item in _open(home).items() if everything or item.state == PENDING]
    if json:
        for item in items:
            print_json({k: v for k, v in item.to_dict().items() if k != "raw"})
        return
    print_table(
        ("id", "when", "source", "file", "line", "bytes", "state", "why"),
        (
            (
                item.id,
                format_instant(item.time_ms),
                item.source,
                item.file,
                item.line,
                item.size,
                item.state,
                item.reason,
            )
            for item in items
        ),
    )


@app.command()
def show(
    item: Annotated[str, typer.Argument(help="An item's id, or its beginning.")],
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show one item with its original; that somebody looked is an event first."""
    found = _open(home).get(item)
    with open_appender(home) as appender:
        look = look_event(now_ms(), "quarantine", local_owner(), why, case, resource_id=found.id)
        record_events(appender, [look])
    if json:
        print_json(found.to_dict())
        return
    facts = {k: v for k, v in found.to_dict().items() if k not in {"raw", "time_ms"}}
    print_facts({"when": format_instant(found.time_ms), **facts})
    print_line(found.raw.decode("utf-8", "backslashreplace"))


@app.command()
def replay(
    home: HomeOption,
    item: Annotated[str | None, typer.Argument(help="One item; default is all.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="The mapping file of a `mapping` source.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Feed what is in quarantine to its source again; replaying twice changes nothing.

    Exit status 1 says that something is still no event.
    """
    quarantine = _open(home)
    items = [quarantine.get(item)] if item else list(quarantine.items())
    known = HomeSources(home, load_settings(home, os.environ))
    with open_appender(home) as appender:
        result = replay_items(
            quarantine,
            items,
            sink=appender,
            source_of=lambda kind: (
                get_source(kind, mapping=mapping) if mapping else known.get(kind)
            ),
        )
    facts = {
        "recorded": result.recorded,
        "duplicate": result.duplicate,
        "refused": result.refused,
        "incomplete": result.incomplete,
    }
    if json:
        print_json(facts)
    else:
        print_facts(facts)
    if result.refused or result.incomplete:
        raise typer.Exit(1)
