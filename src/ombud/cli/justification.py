"""Commands `justification`: reasons that were given, and what facts make of them."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from ombud.app.opening import open_door
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import note, print_facts, print_json, print_table, to_minute
from ombud.core.clock import now_ms
from ombud.core.errors import InputError

NO = 1  # Exit status, as in `cli.main`.
DAY_MS = 86_400_000
_DAYS = re.compile(r"([1-9][0-9]{0,3})d?")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List and show justifications with their verdicts; verify those of imported events.",
)

LastOption = Annotated[str, typer.Option("--last", help="How far back, such as 30d.")]


def days_of(written: str) -> int:
    """Return a number of days; raises `InputError`."""
    found = _DAYS.fullmatch(written)
    if found is None:
        raise InputError(f"`{written}` is no number of days", hint="such as 30d")
    return int(found[1])


@app.command("list")
def list_justifications(
    home: HomeOption,
    last: LastOption = "30d",
    verdict: Annotated[
        list[str] | None,
        typer.Option("--verdict", help="Only verified, stale, contradicted, unverifiable."),
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Only of this type:id.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 100,
    cursor: Annotated[
        str | None, typer.Option("--cursor", help="Continue a page: `next_cursor` of its JSON.")
    ] = None,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List justifications, the latest first, each with the verdict beside the text."""
    since = now_ms() - days_of(last) * DAY_MS
    with open_door(home) as door:
        answer = door.checkpoints.justifications(
            since=since,
            limit=limit,
            verdicts=verdict or [],
            actor=actor,
            cursor=cursor,
            why=why,
            case=case,
        )
    if json:
        print_json(answer)
        return
    print_table(
        ("id", "met (UTC)", "actor", "purpose", "checkpoint", "case", "verdict", "score", "text"),
        (
            (
                row["id"],
                to_minute(row["met_at"]),
                row["actor"],
                row["purpose"],
                row["checkpoint"],
                row["case"],
                row["verdict"],
                row["score"],
                row["text"] or ", ".join(row["choices"]),
            )
            for row in answer["justifications"]
        ),
    )
    if answer["next_cursor"]:
        note(f"there are more: add `--cursor {answer['next_cursor']}`")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Show one justification: the wording shown, the answer, the verdict and its facts."""
    with open_door(home) as door:
        row = door.checkpoints.justification(id_, why=why, case=case)
    if json:
        print_json(row)
        return
    instants = {name: to_minute(row[name]) for name in ("met_at", "until", "verified_at")}
    subjects = [":".join(one) for one in row["subjects"]]
    facts = [f"{name} {sha256[:16]}" for name, sha256 in row["facts"].items()]
    print_facts({**row, **instants, "subjects": subjects, "facts": facts})


@app.command()
def verify(
    home: HomeOption,
    last: LastOption = "30d",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Events listed at most.")] = 100,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Verify the cases and reasons that recorded events carry against the facts loaded.

    Exit status 0: nothing is contradicted. 1: something is; those events are listed,
    with those whose text is poor.
    """
    with open_door(home) as door:
        report = door.checkpoints.report(days=days_of(last), limit=limit, why=why, case=case)
    if json:
        print_json(report)
    else:
        _print_report(report)
    if report["verdicts"]["contradicted"]:
        raise typer.Exit(NO)


def _print_report(report: dict[str, Any]) -> None:
    print_facts({"events": report["events"], **report["verdicts"]})
    if not report["is_whole"]:
        note("there are more events than one report takes: ask for a shorter time")
    for title in ("findings", "flaws"):
        print_table(("code", "events"), report[title].items(), title=title)
    print_table(
        ("event", "time (UTC)", "actor", "case", "verdict", "findings", "flaws", "text"),
        (
            (
                row["event"],
                to_minute(row["time"]),
                row["person"] or row["actor"],
                row["case"],
                row["verdict"],
                " ".join(row["findings"]),
                " ".join(row["flaws"]),
                row["text"],
            )
            for row in report["listed"]
        ),
    )
