"""Command `status`: how a home stands, from its files and, when it runs, from its server."""

from __future__ import annotations

from typing import Any

import typer

from ombud.app.standing import home_status
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import print_facts, print_json, to_minute

app = typer.Typer(add_completion=False)


def _told(facts: dict[str, Any]) -> dict[str, object]:
    """Return what people want to know of a home, in their words."""
    days, told = facts["index_days"], {"home": facts["home"]}
    if facts["copy"] is not None:
        told["copy"] = "yes; it records nothing until `ombud restore resume --why …`"
        told["backed up at"] = facts["backed_up_at"]
    return told | {
        "running": facts["running"],
        "events": facts["events"],
        "log": facts["log"] or "none yet",
        "index": f"the last {days:,} days" if days else "all events",
        **_matters(facts["matters"]),
        "format": f"{facts['format']}{'; run `ombud upgrade`' if facts['upgrade'] else ''}",
        "disk free": f"{facts['disk_free_mb']:,} MB",
        "quarantine": f"{facts['quarantine_mb']:,} MB",
        "fails": facts["fails"],
        **({"note": "; ".join(facts["notes"])} if facts["notes"] else {}),
    }


def _matters(matters: dict[str, Any] | None) -> dict[str, str]:
    """Return a line for each of policy, requests and checkpoints, with the command to go on."""
    if matters is None:
        return {}
    policy, requests, met = matters["policy"], matters["requests"], matters["checkpoints"]
    said = "none in force, everything is denied: `ombud policy apply FOLDER`"
    if policy is not None:
        said = f"in force since {to_minute(policy['since'])}, by {policy['by']}"
    if matters["proposals"]:
        said += f"; {_wait(matters['proposals'], 'change')}: `ombud policy proposals`"
    asked = f"{_wait(requests['waiting'], 'request')}"
    if requests["waiting"]:
        asked += f", {requests['emergencies']} of emergencies" if requests["emergencies"] else ""
        asked += f", the first until {to_minute(requests['due_by'])}: `ombud request list --all`"
    return {
        "policy": said,
        "requests": f"{asked}; grants that hold: {matters['grants']:,}",
        "checkpoints": f"answers that hold: {met['hold']:,};"
        f" waiting for a second person: {met['waiting']:,}",
    }


def _wait(count: int, name: str) -> str:
    return f"1 {name} waits" if count == 1 else f"{count:,} {name}s wait"


@app.command()
def status(home: HomeOption, json: JsonOption = False) -> None:
    """Show how a home stands: its format, whether it records, its size and the room it has.

    Exit status 1 says that something keeps it from recording.
    """
    facts = home_status(home)
    if json:
        print_json(facts)
    else:
        print_facts(_told(facts))
    if facts["fails"]:
        raise typer.Exit(1)
