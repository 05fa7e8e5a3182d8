"""Command `simulate`: a fictional county's logs, with what was misuse in a file of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ombud.cli.options import JsonOption
from ombud.cli.output import print_facts, print_json, progress
from ombud.core.errors import InputError
from ombud.simulate.county import write_county

app = typer.Typer(add_completion=False)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"`{text}` is no instant", hint="write 2026-11-22T00:00:00Z") from None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


@app.command()
def simulate(
    *,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder to write to.")],
    people: Annotated[int, typer.Option("--people", help="Actors, machines among them.")] = 150,
    days: Annotated[int, typer.Option("--days", help="Days up to the end.")] = 60,
    events: Annotated[int, typer.Option("--events", help="About how many events.")] = 200_000,
    end: Annotated[
        str | None,
        typer.Option(
            "--end", help="Last instant, ISO 8601, UTC if it names no zone; now if left out."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write the logs of a fictional county's systems to files, one per source.

    Beside them lie `county-cases.yaml`, the mapping for `--source mapping`;
    `directory/` and `attribution.yaml`, which say who everybody is; and
    `labels.ndjson`: what was misuse and what only looks like it.  docs/county.md
    says how to take all of it into a home.
    """
    last = datetime.now(UTC).replace(microsecond=0) if end is None else _instant(end)
    with progress("simulating") as bar:
        task = bar.add_task("events", total=events)
        written = write_county(
            out,
            seed,
            people=people,
            days=days,
            end=last,
            events=events,
            on_lines=lambda count: bar.update(task, completed=count),
        )
    if json:
        print_json({"seed": seed, "end": last.isoformat(), **written})
        return
    facts: dict[str, object] = {
        kind: f"{source['events']:>9,}  {source['file']}"
        for kind, source in written["sources"].items()
    }
    facts["labels"] = f"{written['labels']['count']:>9,}  {written['labels']['file']}"
    facts["mapping file"] = f"{'':>9}  {written['mapping']}"
    rows = sum(written["directory"]["rows"].values())
    facts["directory"] = f"{rows:>9,}  {written['directory']['folder']}"
    facts["attribution"] = f"{'':>9}  {written['attribution']}"
    print_facts(facts)
