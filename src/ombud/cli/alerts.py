"""Command `alerts`: what the rules raised."""

from __future__ import annotations

from typing import Annotated

import typer

from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import print_json, print_table
from ombud.core.clock import format_instant

app = typer.Typer(add_completion=False)


@app.command()
def alerts(
    home: HomeOption,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Alerts at most.")] = 100,
    json: JsonOption = False,
) -> None:
    """List alerts, the latest first: what happened, who, how often, which fields matched."""
    with open_door(home) as door:
        rows = door.alerts(limit=limit)["alerts"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("alert", "level", "last", "actor", "events", "what happened"),
        (
            (
                row["id"][:12],
                row["level"],
                format_instant(row["last_time"]),
                row["actor_id"],
                row["event_count"],
                row["sentence"] or row["title"],
            )
            for row in rows
        ),
    )
