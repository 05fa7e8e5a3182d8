"""Command `upgrade`: a home brought to the format of this program."""

from __future__ import annotations

from typing import Annotated

import typer

from ombud.app.opening import check_home
from ombud.app.upgrading import plan_upgrade, upgrade_home
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_facts, print_json, progress
from ombud.record.standing import FORMAT

app = typer.Typer(add_completion=False)


@app.command()
def upgrade(
    home: HomeOption,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Bring a home to this program's format: say what is to be done, then do it.

    Doing it twice changes nothing.  The events, their tree and their signatures stay
    as they are.  Afterwards an older program refuses the home: make a backup first.
    """
    check_home(home)
    plan = plan_upgrade(home)
    if not json:
        for step in plan.steps:
            note(f"  {step}")
    if plan.steps and not dry_run:
        with progress("upgrading") as bar:
            task = bar.add_task("upgrade", total=None)
            upgrade_home(home, lambda done, total: bar.update(task, completed=done, total=total))
    is_done = bool(plan.steps) and not dry_run
    facts = {
        "home": str(home),
        "from": plan.found,
        "to": FORMAT,
        "steps": list(plan.steps),
        "done": is_done,
    }
    if json:
        print_json(facts)
    elif not plan.steps:
        print_facts({"format": plan.found, "to do": "nothing"})
    else:
        print_facts({"from": plan.found, "to": FORMAT, "done": "yes" if is_done else "not yet"})
