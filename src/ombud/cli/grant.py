"""Commands `grant`: who may act for which purpose until when, and what was done under it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

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
from ombud.services.request_wanted import GrantStepWanted, RequestWanted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Show grants and what was done under them; revoke, renew, delegate, recertify.",
)

ATTACHMENT = "attachment-"  # How the ids of attachments begin.

GrantArgument = Annotated[str, typer.Argument(help="The grant's id.")]
TextOption = Annotated[
    str, typer.Option("--text", "--why", help="Why; it becomes part of the record.")
]
DaysOption = Annotated[int | None, typer.Option("--days", min=1, help="For so many days.")]


@app.command("list")
def list_grants(
    home: HomeOption,
    actor: Annotated[str | None, typer.Option("--actor", help="Of this one, as type:id.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Of everybody, over ones too; that is a look.")
    ] = False,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List the grants that hold and that you have a part in, and datasets attached to purposes."""
    with open_door(home) as door:
        told = door.access.grant_list(actor=actor, everything=everything, why=why, case=case)
    if json:
        for row in (*told["grants"], *told["attachments"]):
            print_json(row)
        return
    print_table(
        ("id", "kind", "actor", "purpose", "ends", "revoked"),
        (
            (
                brief_id(row["id"]),
                row["kind"],
                row["actor"],
                row["purpose"],
                to_minute(row["ends"]),
                row["revoked_why"],
            )
            for row in told["grants"]
        ),
        is_sparse=True,
    )
    if not told["grants"]:
        note("you have a part in none that holds; `--all` lists all")
    for row in told["attachments"]:
        if row["holds"]:
            until = to_minute(row["ends"])
            print_line(f"{row['id']}: `{row['dataset']}` for `{row['purpose']}` until {until}")


@app.command()
def show(
    grant: GrantArgument,
    *,
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show a grant, those delegated from it, and how often what was done under it."""
    with open_door(home) as door:
        told = door.access.grant_show(grant, why=why, case=case)
    if json:
        print_json(told)
        return
    _print_grant(told)
    if told["recertify_by"]:
        print_line(f"to be recertified by {to_minute(told['recertify_by'])}")
    if told["unused_days"]:
        print_line(f"revoked when not used for {told['unused_days']} days")
    for one in told["delegated"]:
        print_line(f"delegated to {one['actor']}: {one['id']} until {to_minute(one['ends'])}")
    if told["quarantined_exports"]:
        listed = ", ".join(map(str, told["quarantined_exports"]))
        print_line(f"exports in quarantine, by event: {listed}")
    print_table(
        ("action", "outcome", "times", "first", "last"),
        (
            (use["action"], use["outcome"], use["count"], use["first"], use["last"])
            for use in told["uses"]
        ),
    )
    print_line(f"ombud search '{told['query']}'")


@app.command()
def renew(
    grant: GrantArgument,
    *,
    home: HomeOption,
    text: TextOption,
    days: DaysOption = None,
    case: MatterOption = None,
    json: JsonOption = False,
) -> None:
    """Ask that a grant last longer; that is a request, which others decide on."""
    wanted = RequestWanted(kind="renewal", grant=grant, text=text, days=days, case=case)
    with open_door(home) as door:
        told = door.access.request_open(wanted)
    if json:
        print_json(told)
    else:
        print_line(f"asked for as {told['id']}")


@app.command()
def revoke(
    grant: Annotated[str, typer.Argument(help="The id of the grant, or of an attachment.")],
    home: HomeOption,
    text: TextOption,
    json: JsonOption = False,
) -> None:
    """Revoke a grant and those delegated from it, or an attachment; in force at once."""
    with open_door(home) as door:
        if grant.startswith(ATTACHMENT):
            told = door.access.attachment_revoke(grant, text)
        else:
            told = door.access.grant_step(grant, GrantStepWanted(step="revoke", text=text))
    if json:
        print_json(told)
    else:
        print_line(f"revoked {told['id']}")


@app.command()
def delegate(
    grant: GrantArgument,
    to: Annotated[str, typer.Argument(help="To whom, as type:id.")],
    *,
    home: HomeOption,
    text: TextOption,
    days: DaysOption = None,
    json: JsonOption = False,
) -> None:
    """Give your grant on to somebody, no longer than you have it; they cannot give it on."""
    wanted = GrantStepWanted(step="delegate", text=text, actor=to, days=days)
    with open_door(home) as door:
        told = door.access.grant_step(grant, wanted)
    if json:
        print_json(told)
    else:
        _print_grant(told)


@app.command()
def recertify(
    grant: GrantArgument, home: HomeOption, text: TextOption, json: JsonOption = False
) -> None:
    """Say that a grant is still needed: by who decides on it, and did not approve it before."""
    with open_door(home) as door:
        told = door.access.grant_step(grant, GrantStepWanted(step="recertify", text=text))
    if json:
        print_json(told)
    else:
        _print_grant(told)


def _print_grant(told: dict[str, Any]) -> None:
    revoked = f"by {told['revoked_by']}: {told['revoked_why']}" if told["revoked_at"] else None
    facts = {
        "grant": told["id"],
        "kind": told["kind"],
        "actor": told["actor"],
        "purpose": told["purpose"],
        "holds": "yes" if told["holds"] else "no",
        "begins": to_minute(told["begins"]),
        "ends": to_minute(told["ends"]),
        "request": told["request"],
        "delegated from": told["delegated_from"],
        "revoked": revoked,
    }
    print_facts({name: value for name, value in facts.items() if value is not None})
