"""Command `sources`: the kinds of sources there are, and what each has delivered."""

from __future__ import annotations

import typer

from ombud.app.opening import open_door
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import print_json, print_table
from ombud.collect.sources import BUILT_IN, MAPPING

app = typer.Typer(add_completion=False)

COUNTED_MAX = 1_000


@app.command()
def sources(
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List the kinds of sources, and how many events each has delivered to a home."""
    counts: dict[str, int] = {}
    if home.is_dir():
        with open_door(home) as door:
            page = door.search(
                "| count by source", limit=COUNTED_MAX, cursor=None, why=why, case=case
            )
        counts = {row["source"]: row["events"] for row in page["rows"]}
    kinds = [*BUILT_IN, MAPPING]
    rows = [(kind, counts.pop(kind, 0)) for kind in sorted(kinds)]
    rows += sorted(counts.items())
    if json:
        for kind, count in rows:
            print_json({"source": kind, "events": count})
    else:
        print_table(("source", "events"), rows)
