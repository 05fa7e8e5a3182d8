"""Command `search`: events that match a query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ombud.app.opening import open_door
from ombud.cli.events import EVENT_COLUMNS, event_row
from ombud.cli.options import CaseOption, HomeOption, JsonOption, LimitOption, WhyOption
from ombud.cli.output import print_json, print_table, say_since, stdout

app = typer.Typer(add_completion=False)

PAGE = 500  # Events asked for at once; there is no cap on pages.


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to find; see docs/search.md.")],
    home: HomeOption,
    limit: LimitOption = None,
    why: WhyOption = None,
    case: CaseOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what `index.days` let go of; takes minutes.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Find events, newest first.

    Prints one OCSF event per line, or the rows of `| count by`; a table when a
    person reads it on a terminal.  The search itself becomes an event.
    """
    with open_door(home) as door:

        def pages() -> Iterator[dict[str, Any]]:
            left, cursor = limit, None
            while left is None or left > 0:
                size = PAGE if left is None else min(PAGE, left)
                page = door.search(
                    query, limit=size, cursor=cursor, why=why, case=case, everything=everything
                )
                if cursor is None:
                    say_since(page)
                yield page
                cursor = page.get("next_cursor")
                if left is not None:
                    left -= len(page.get("events") or ())
                if cursor is None:
                    return

        if json or not stdout.is_terminal:
            for page in pages():
                rows = page.get("rows")
                for item in page["events"] if rows is None else rows[:limit]:
                    print_json(item)
            return
        first, *others = pages()
        if first.get("rows") is not None:
            rows = first["rows"][:limit]
            columns = tuple(rows[0]) if rows else ("count",)
            print_table(columns, ([row[column] for column in columns] for row in rows))
            return
        events = [event for page in (first, *others) for event in page["events"]]
        print_table(EVENT_COLUMNS, (event_row(event) for event in events))
