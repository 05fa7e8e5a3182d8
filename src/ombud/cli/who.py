"""Command `who`: everyone who touched one person's data."""

from __future__ import annotations

from typing import Annotated

import typer

from ombud.app.opening import open_door
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import print_json, print_table, say_since, to_minute
from ombud.core.errors import InputError

app = typer.Typer(add_completion=False)


@app.command()
def who(
    subject: Annotated[str, typer.Argument(metavar="KIND:KEY", help="Such as `patient:8841`.")],
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List everyone who touched one person's data, with purpose, case and count."""
    kind, colon, key = subject.partition(":")
    if not (kind and colon and key):
        raise InputError(f"`{subject}` is not KIND:KEY", hint="such as `ombud who patient:8841`")
    with open_door(home) as door:
        answer = door.who(kind, key, why=why, case=case)
    say_since(answer)
    rows = answer["actors"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("actor", "name", "events", "first (UTC)", "last", "actions", "purposes", "cases"),
        (
            (
                row["actor_id"],
                row["actor_name"],
                row["events"],
                to_minute(row["first_time"]),
                to_minute(row["last_time"]),
                ", ".join(row["actions"]),
                ", ".join(row["purposes"]) or "none stated",
                ", ".join(row["cases"]) or "none stated",
            )
            for row in rows
        ),
        title=f"who touched the data of {subject}",
    )
