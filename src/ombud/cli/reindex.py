"""Command `reindex`: everything derived, made anew from the record."""

from __future__ import annotations

import typer

from ombud.app.home import open_here
from ombud.app.opening import check_home, is_running
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import print_facts, print_json, progress
from ombud.core.errors import Conflict

app = typer.Typer(add_completion=False)


@app.command()
def reindex(home: HomeOption, json: JsonOption = False) -> None:
    """Rebuild the index, the alerts and the control tables from the record alone."""
    if is_running(home):
        raise Conflict("this home is running", hint="stop `ombud serve`, then reindex")
    check_home(home)
    with open_here(home, anew=True) as opened, progress("reindexing") as bar:
        size, _ = opened.appender.head()
        task = bar.add_task("index", total=2 * size)
        opened.rebuild(lambda done: bar.update(task, completed=done))
        facts = opened.counts()
    if json:
        print_json(facts)
    else:
        print_facts(facts)
