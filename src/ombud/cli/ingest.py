"""Command `ingest`: audit logs of a source into the record."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.app.appending import open_intake
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_facts, print_json, progress
from ombud.collect.follow import Follower
from ombud.collect.intake import IntakeResult
from ombud.collect.positions import Positions
from ombud.collect.reading import read_paths, size_of
from ombud.collect.sources import get_source
from ombud.config.attribution_file import load_attribution
from ombud.services.ingesting import positions_path

app = typer.Typer(add_completion=False)


def _until_told() -> Callable[[float], bool]:
    """Return a wait that says whether SIGINT or SIGTERM came: what was read is then recorded."""
    told: list[int] = []  # No lock: a handler may run while its own thread holds one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: told.append(number))

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return bool(told)

    return wait


def _told(facts: dict[str, Any]) -> dict[str, object]:
    """Return what became of the originals, without indexes where nothing was recorded."""
    told = {name: facts[name] for name in ("read", "recorded", "duplicate", "quarantined")}
    if facts["first_index"] is not None:
        told["events"] = f"{facts['first_index']} to {facts['last_index']}"
    return {**told, "seconds": f"{facts['seconds']:.1f}"}


@app.command()
def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files, folders, or `-` for standard input.")],
    home: HomeOption,
    source: Annotated[
        str, typer.Option("--source", help="Kind of source; `ombud sources` lists them.")
    ],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="The mapping file of a `mapping` source.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on as the files grow and rotate.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Record audit logs: every original becomes an event or lies in quarantine, none is lost.

    Reading a file again records nothing twice, so an interrupted run is simply
    repeated.  Exit status 1 says that something went to quarantine.

    Such as `ombud ingest --source postgres.pgaudit /var/lib/postgresql/15/main/log`,
    or `ombud ingest --source mapping --mapping hospital.yaml access.ndjson`.
    """
    kind = get_source(source, mapping=mapping, declarations=load_attribution(home))
    positions = Positions(positions_path(home, kind.kind))
    with open_intake(home) as intake, progress(f"ingesting {kind.kind}", unit="bytes") as bar:
        task = bar.add_task("ingest", total=None if follow else size_of(kind, paths))

        def on_progress(result: IntakeResult, size: int) -> None:
            bar.update(task, advance=size, description=f"{result.read} events")

        if follow:
            blocks = Follower(kind, paths, positions=positions, wait=_until_told()).blocks()
        else:
            blocks = read_paths(kind, paths, positions=positions, standard_input=sys.stdin.buffer)
        result = intake.ingest(kind, blocks, positions=positions, on_progress=on_progress)
    facts = result.to_dict()
    if json:
        print_json(facts)
    else:
        print_facts(_told(facts))
    if result.quarantined:
        note(f"{result.quarantined:,} in quarantine: `ombud quarantine list` says why")
        raise typer.Exit(1)
