"""Options: those that many commands share, each stated once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ombud.cli.output import note
from ombud.record.standing import check_version, read_copy


def greet(context: typer.Context, home: Path) -> Path:
    """Refuse a home that this program does not know, and say so if it is a copy.

    Every command that takes a home comes by here.
    """
    if not context.resilient_parsing:
        check_version(home)
        copy = read_copy(home)
        if copy is not None:
            note(f"ombud: {copy.sentence()}")
    return home


def default_home() -> Path:
    """Return the user's data folder for Ombud (XDG base directories)."""
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "ombud"


HomeOption = Annotated[
    Path,
    typer.Option(
        "--home",
        envvar="OMBUD_HOME",
        default_factory=default_home,
        callback=greet,
        show_default="the user's data folder",
        help="Folder that holds the record, its keys and its index.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one value per line.")]
WhyOption = Annotated[
    str | None, typer.Option("--why", help="Why you look; it becomes part of the record.")
]
CaseOption = Annotated[
    str | None, typer.Option("--case", help="Your organisation's case this look belongs to.")
]
MatterOption = Annotated[
    str | None, typer.Option("--case", help="Your organisation's case that it is about.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, help="Stop after so many; default is all.")
]
