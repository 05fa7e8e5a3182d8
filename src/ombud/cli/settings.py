"""Command `settings`: what is in force in a home."""

from __future__ import annotations

import os

import typer

from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import print_json, print_table
from ombud.config.settings import DOCUMENTED, load_settings

app = typer.Typer()


@app.command()
def settings(home: HomeOption, json: JsonOption = False) -> None:
    """Show every setting with its value in force, and what it means."""
    loaded = load_settings(home, os.environ)
    values = loaded.as_dict()
    if json:
        print_json(values)
        return
    print_table(
        ("setting", "value", "environment", "meaning"),
        ((row.name, values[row.name], row.environment, row.meaning) for row in DOCUMENTED),
    )
