"""Command `sessions`: runs of one actor on one system."""

from __future__ import annotations

from typing import Annotated

import typer

from ombud.app.opening import open_door
from ombud.cli.events import name_of
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import print_json, print_table, say_since, to_minute

app = typer.Typer(add_completion=False)


@app.command()
def sessions(
    home: HomeOption,
    query: Annotated[str, typer.Argument(help="Which events' sessions; empty means all.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Sessions at most.")] = 100,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List sessions with an event that matches, the latest first."""
    with open_door(home) as door:
        answer = door.sessions(query, limit=limit, why=why, case=case)
    say_since(answer)
    rows = answer["sessions"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("session", "who", "system", "from (UTC)", "to", "events", "denied", "rows", "purposes"),
        (
            (
                row["id"],
                name_of(row["person"], row["actor_id"], row["person_unknown"]),
                row["system"],
                to_minute(row["first_time"]),
                to_minute(row["last_time"]),
                row["events"],
                row["denied"],
                row["rows_returned"],
                ", ".join(row["purposes"]),
            )
            for row in rows
        ),
    )
