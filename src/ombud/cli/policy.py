"""Commands `policy`: what may be done for which purpose, and who changed it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ombud.app.opening import open_door
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import note, print_json, print_line, progress
from ombud.cli.policy_explained import print_explanation
from ombud.cli.policy_files import AllOption, check, diff
from ombud.cli.policy_print import (
    print_plan,
    print_simulation,
    print_standing,
    print_version,
    print_versions,
)
from ombud.config.policy_files import read_policy_folder
from ombud.core.errors import InputError
from ombud.core.instants import parse_iso
from ombud.services.policy_wanted import AttemptWanted, PolicyWanted, SimulationWanted

NO = 1  # Exit status, as in `cli.main`.
DAYS = "dD"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Check, compare, apply, confirm, explain and simulate policies.",
)
FolderArgument = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="Folder of policy files.")
]
ProposalArgument = Annotated[str, typer.Argument(help="The proposal's id.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]


app.command()(check)
app.command()(diff)


@app.command()
def plan(
    folder: FolderArgument,
    home: HomeOption,
    why: Annotated[str | None, typer.Option("--why", help="Why; part of the record.")] = None,
    everything: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Show what applying a policy would change for whom now, and whom it would need."""
    with open_door(home) as door:
        answer = door.policies.diff(PolicyWanted(read_policy_folder(folder), why=why))
    if json:
        print_json(answer)
    else:
        print_plan(answer, everything=everything)


@app.command()
def apply(
    folder: FolderArgument,
    home: HomeOption,
    yes: Annotated[bool, typer.Option("--yes", help="Apply without asking.")] = False,
    why: Annotated[
        str | None, typer.Option("--why", help="Why it changes; it becomes part of the record.")
    ] = None,
    everything: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Put a policy in force, after showing what changes, or propose it to a second person.

    A second person is needed where the policy in force says so, and for whatever lowers
    oversight. Exit status 0: in force, or proposed. 1: you said no, or another policy was
    applied meanwhile. 2: the files have faults. Nothing is ever half applied.
    """
    files = read_policy_folder(folder)
    with open_door(home) as door:
        plan_ = door.policies.diff(PolicyWanted(files, why=why))
        if not json:
            print_plan(plan_, everything=everything)
        _confirm(yes=yes)
        wanted = PolicyWanted(files, compared_with=plan_["compared_with"], why=why)
        answer = door.policies.apply(wanted)
    if json:
        print_json({"plan": plan_, "applied": answer})
    else:
        print_version(answer)


def _confirm(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("nobody can be asked here", hint="add `--yes` to apply")
    if not typer.confirm("Apply this?", err=True):
        note("nothing was changed")
        raise typer.Exit(NO)


@app.command()
def show(
    home: HomeOption,
    policy: Annotated[
        str | None, typer.Option("--id", help="Another version than that in force.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="Write its files into this new folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the policy in force, with the texts of its files."""
    with open_door(home) as door:
        answer = door.policies.show(policy)
    if into is not None:
        _write(into, answer["texts"])
    if json:
        print_json(answer)
        return
    print_version(answer)
    if into is None:
        for name, text in answer["texts"].items():
            print_line(f"\n# {name}")
            print_line(text)


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write files below a folder that is not there yet, and nowhere else."""
    folder.mkdir(parents=True)
    root = folder.resolve()
    for name, text in texts.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise InputError(f"file `{name}` would lie outside of `{folder}`")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@app.command()
def history(home: HomeOption, limit: LimitOption = 20, json: JsonOption = False) -> None:
    """List the policies that were in force, the latest first, with who applied them and why."""
    with open_door(home) as door:
        rows = door.policies.history(limit=limit)["versions"]
    _print_rows(rows, json=json)


@app.command()
def proposals(
    home: HomeOption,
    ended: Annotated[bool, typer.Option("--ended", help="Also those that ended.")] = False,
    limit: LimitOption = 20,
    json: JsonOption = False,
) -> None:
    """List the changes that wait for a second person."""
    with open_door(home) as door:
        rows = door.policies.proposals(limit=limit, ended=ended)["proposals"]
    _print_rows(rows, json=json)


def _print_rows(rows: list[dict[str, Any]], *, json: bool) -> None:
    if not json:
        print_versions(rows)
        return
    for row in rows:
        print_json(row)


@app.command()
def status(home: HomeOption, json: JsonOption = False) -> None:
    """Show which policy is in force, who may change it, and what waits.

    Exit status 1 says that the policy in force cannot be read, or is not the one that
    the settings name.
    """
    with open_door(home) as door:
        answer = door.policies.status()
    if json:
        print_json(answer)
    else:
        print_standing(answer)
    if answer["fault"] or answer["configured"]:
        raise typer.Exit(NO)


@app.command()
def confirm(
    policy: ProposalArgument,
    home: HomeOption,
    why: Annotated[str | None, typer.Option("--why", help="Why; part of the record.")] = None,
    json: JsonOption = False,
) -> None:
    """Say yes to what somebody else proposed; the last yes that is needed puts it in force."""
    with open_door(home) as door:
        _print_one(door.policies.confirm(policy, why=why), json=json)


@app.command()
def refuse(
    policy: ProposalArgument,
    home: HomeOption,
    why: Annotated[str, typer.Option("--why", help="Why; part of the record.")],
    json: JsonOption = False,
) -> None:
    """Say no to a proposal, or take your own back."""
    with open_door(home) as door:
        _print_one(door.policies.refuse(policy, why=why), json=json)


def _print_one(answer: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(answer)
    else:
        print_version(answer)


@app.command()
def explain(
    actor: Annotated[str, typer.Argument(help="Who, as type:id: person:ana, service:nightly.")],
    action: Annotated[str, typer.Argument(help="What: read, search, export…")],
    resource: Annotated[str, typer.Argument(help="To what, as type:id: dataset:plates.")],
    home: HomeOption,
    purpose: Annotated[str | None, typer.Option("--purpose", help="For which purpose.")] = None,
    column: Annotated[list[str] | None, typer.Option("--column", help="Repeatable.")] = None,
    context: Annotated[
        str | None, typer.Option("--context", help='JSON, such as {"area": "north"}.')
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--policy", exists=True, file_okay=False, help="Under this one instead."),
    ] = None,
    at: Annotated[str | None, typer.Option("--at", help="As of this instant.")] = None,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Explain how an attempt would be decided. Exit status 1: it would be denied.

    Such as `ombud policy explain person:ana read dataset:plates --purpose thefts`.
    """
    wanted = AttemptWanted(
        actor=actor,
        action=action,
        resource=resource,
        purpose=purpose,
        columns=column or None,
        context=_context(context),
        at=instant_of(at),
        files=None if folder is None else read_policy_folder(folder),
        why=why,
        case=case,
    )
    with open_door(home) as door:
        answer = door.policies.explain(wanted)
    if json:
        print_json(answer)
    else:
        print_explanation(answer)
    if not answer["would_permit"]:
        raise typer.Exit(NO)


def _context(text: str | None) -> dict[str, Any]:
    try:
        said = orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise InputError(f"not JSON: {error}", origin="--context") from error
    if not isinstance(said, dict):
        raise InputError("not a JSON object", origin="--context", hint='such as {"rows": 10}')
    return said


def instant_of(text: str | None) -> int | None:
    """Return an instant as a command takes it, ms; raises `InputError`."""
    instant = None if text is None else parse_iso(text)
    if text is not None and instant is None:
        raise InputError(f"`{text}` is no time", hint="such as 2026-11-01 or 2026-11-01T08:00Z")
    return instant


@app.command()
def simulate(
    folder: FolderArgument,
    home: HomeOption,
    last: Annotated[str, typer.Option("--last", help="How far back: days, such as 30d.")] = "30d",
    since: Annotated[str | None, typer.Option("--since", help="From this instant on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Up to this instant.")] = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", help="Only what this workflow did.")
    ] = None,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Replay a policy over the recorded past: whom it would have denied what.

    Such as `ombud policy simulate policies/next --last 30d --why "before we apply it"`.
    """
    wanted = SimulationWanted(
        files=read_policy_folder(folder),
        days=days_of(last),
        since=instant_of(since),
        until=instant_of(until),
        workflow=workflow,
        why=why,
        case=case,
    )
    with open_door(home) as door, progress("replaying") as bar:
        task = bar.add_task("replay", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        answer = door.policies.simulate(wanted, on_progress=tell)
    if json:
        print_json(answer)
    else:
        print_simulation(answer)


def days_of(text: str) -> int:
    """Return a number of days as a command takes it, such as `30d`; raises `InputError`."""
    number = text.rstrip(DAYS)
    if not number.isdecimal() or len(number) > 6 or len(text) > len(number) + 1:
        raise InputError(f"`{text}` is no number of days", origin="--last", hint="such as 30d")
    return int(number)
