"""Command `session`: one session as a timeline."""

from __future__ import annotations

from typing import Annotated

import typer

from ombud.app.opening import open_door
from ombud.cli.events import EVENT_COLUMNS, event_row
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import print_json, print_table, say_since

app = typer.Typer(add_completion=False)


@app.command()
def session(
    session_id: Annotated[str, typer.Argument(help="A session's id, as `sessions` lists it.")],
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show every event of one session, in order."""
    with open_door(home) as door:
        answer = door.session(session_id, why=why, case=case)
    say_since(answer)
    events = answer["events"]
    if json:
        for event in events:
            print_json(event)
        return
    print_table(EVENT_COLUMNS, (event_row(event) for event in events), title=session_id)
