"""Commands `request`: ask for a purpose or a dataset, and decide on what others ask for."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ombud.access.requests_quality import HASTY_SECONDS
from ombud.app.opening import open_door
from ombud.cli.options import CaseOption, HomeOption, JsonOption, MatterOption, WhyOption
from ombud.cli.output import (
    brief_id,
    note,
    print_facts,
    print_json,
    print_line,
    print_table,
    to_minute,
)
from ombud.core.errors import InputError
from ombud.core.instants import parse_iso
from ombud.services.request_wanted import RequestWanted, StepWanted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Ask for a purpose or a dataset; decide on what others ask for.",
)

RequestArgument = Annotated[str, typer.Argument(help="The request's id.")]
TextOption = Annotated[
    str | None, typer.Option("--text", "--why", help="The reason; it becomes part of the record.")
]
DaysOption = Annotated[int | None, typer.Option("--days", min=1, help="For so many days.")]


@app.command("open")
def open_request(
    purpose: Annotated[
        str | None, typer.Argument(help="The purpose; of a renewal, the grant says it.")
    ] = None,
    *,
    home: HomeOption,
    text: Annotated[
        str, typer.Option("--text", "--why", help="Why; it becomes part of the record.")
    ],
    for_: Annotated[
        str | None, typer.Option("--for", help="Who shall act, as type:id; default is you.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Ask that it be attached to the purpose.")
    ] = None,
    grant: Annotated[
        str | None, typer.Option("--grant", help="Ask that this grant be renewed.")
    ] = None,
    days: DaysOption = None,
    case: MatterOption = None,
    json: JsonOption = False,
) -> None:
    """Ask for a purpose, for a dataset to be attached to one, or for a grant's renewal.

    Such as `ombud request open stolen-vehicles --days 30 --text "Case 24-118"`.
    """
    kind = "renewal" if grant is not None else "dataset" if dataset is not None else "purpose"
    wanted = RequestWanted(
        text=text,
        kind=kind,
        purpose=purpose,
        actor=for_,
        dataset=dataset,
        grant=grant,
        days=days,
        case=case,
    )
    with open_door(home) as door:
        _print_request(door.access.request_open(wanted), json=json)


@app.command("list")
def list_requests(
    *,
    home: HomeOption,
    for_: Annotated[
        str | None, typer.Option("--for", help="`me`: only what waits for you.")
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="Only in this state; repeatable.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Of everybody; that is a look, on record.")
    ] = False,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List requests that you have a part in, the oldest first."""
    if for_ not in {None, "me"}:
        raise InputError(f"`--for {for_}` is not understood", hint="write `--for me`")
    with open_door(home) as door:
        rows = door.access.request_list(
            for_me=for_ == "me", states=state or (), everything=everything, why=why, case=case
        )["requests"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("id", "kind", "state", "awaits you", "for", "purpose", "dataset", "until"),
        (
            (
                brief_id(row["id"]),
                row["kind"],
                row["state"],
                row["awaits"],
                row["for"],
                row["purpose"],
                row["dataset"],
                to_minute(row["expires_at"]),
            )
            for row in rows
        ),
        is_sparse=True,
    )
    if not rows:
        note("nothing waits for you" if for_ else "you have a part in none; `--all` lists all")


@app.command()
def show(
    request: RequestArgument,
    *,
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show a request with its steps; that whoever decides has opened it is one of them."""
    with open_door(home) as door:
        _print_request(door.access.request_show(request, why=why, case=case), json=json)


@app.command()
def approve(
    request: RequestArgument, home: HomeOption, text: TextOption = None, json: JsonOption = False
) -> None:
    """Approve a request; the last approval needed makes the grant."""
    _step(home, request, StepWanted(step="approve", text=text), json=json)


@app.command()
def reject(
    request: RequestArgument, home: HomeOption, text: TextOption = None, json: JsonOption = False
) -> None:
    """Reject a request, with a reason; that is the end of it."""
    _step(home, request, StepWanted(step="reject", text=text), json=json)


@app.command()
def changes(
    request: RequestArgument, home: HomeOption, text: TextOption = None, json: JsonOption = False
) -> None:
    """Send a request back: say what must be changed before you decide."""
    _step(home, request, StepWanted(step="changes", text=text), json=json)


@app.command()
def amend(
    request: RequestArgument,
    *,
    home: HomeOption,
    text: TextOption = None,
    days: DaysOption = None,
    case: MatterOption = None,
    json: JsonOption = False,
) -> None:
    """Change your request; votes so far are void. Who decides may shorten it, and then not vote."""
    _step(home, request, StepWanted(step="amend", text=text, days=days, case=case), json=json)


@app.command()
def comment(
    request: RequestArgument, home: HomeOption, text: TextOption = None, json: JsonOption = False
) -> None:
    """Ask or say something about a request."""
    _step(home, request, StepWanted(step="comment", text=text), json=json)


@app.command()
def withdraw(
    request: RequestArgument, home: HomeOption, text: TextOption = None, json: JsonOption = False
) -> None:
    """Withdraw your request."""
    _step(home, request, StepWanted(step="withdraw", text=text), json=json)


@app.command()
def quality(
    *,
    home: HomeOption,
    approver: Annotated[
        str | None, typer.Option("--approver", help="Of one approver, as type:id.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Requests opened since this day or instant.")
    ] = None,
    seconds: Annotated[
        int, typer.Option("--seconds", min=1, max=3600, help="Decided sooner is hasty.")
    ] = HASTY_SECONDS,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Tell how requests are decided on: in what time, opened or not, and for whom.

    Without --approver for the whole organisation, as counts with the requests that
    they are about. Nobody is ranked. docs/requests.md gives the arithmetic.
    """
    instant = 0 if since is None else parse_iso(since)
    if instant is None:
        raise InputError(f"`{since}` is no time", hint="such as 2026-11-01")
    with open_door(home) as door:
        told = door.access.request_quality(
            approver=approver, since=instant, seconds=seconds, why=why, case=case
        )
    if json:
        print_json(told)
        return
    print_facts({name.replace("_", " "): _plain(value) for name, value in told.items()})


def _plain(value: Any) -> str:
    if value is None:
        return "too few to say"
    if isinstance(value, list):
        return f"{len(value)}: {', '.join(value)}" if value else "0"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {', '.join(on)}" for name, on in value.items()) or "0"
    return str(value)


def _step(home: Any, request: str, wanted: StepWanted, *, json: bool) -> None:
    with open_door(home) as door:
        _print_request(door.access.request_step(request, wanted), json=json)


def _print_request(told: dict[str, Any], *, json: bool) -> None:
    if json:
        print_json(told)
        return
    is_waiting = told["closed_at"] is None
    facts = {
        "request": told["id"],
        "state": f"{told['state']} ({told['approvals']} of {told['quorum']} approvals)",
        "kind": told["kind"],
        "asked by": told["requester"],
        "for": told["for"],
        "purpose": told["purpose"],
        "dataset": told["dataset"],
        "grant": told["grant"],
        "days": told["days"],
        "reason code": told["code"],
        "case": told["case"],
        "reason": told["text"],
        "decided by": ", ".join(told["decided_by"]) if is_waiting else None,
        "until": to_minute(told["expires_at"]) if is_waiting else None,
        "made": told["made"],
        "done with it": f"ombud search '{told['query']}'",
    }
    print_facts({name: value for name, value in facts.items() if value is not None})
    for step in told["steps"]:
        text = f": {step['text']}" if step["text"] else ""
        print_line(f"  {to_minute(step['at'])}  {step['step']} by {step['actor']}{text}")
    if told.get("awaits") == "decision":
        note(
            f"`ombud request approve {brief_id(told['id'])}`, or `reject` or `changes` with --text"
        )
