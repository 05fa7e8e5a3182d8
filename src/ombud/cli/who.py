"""Command `who`: everyone who touched one person's data."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ombud.app.opening import open_door
from ombud.cli.events import name_of
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import print_json, print_line, print_table, say_since, to_minute, wrapped
from ombud.core.errors import InputError

COLUMNS = (
    *("who", "unit", "accounts", "events", "first (UTC)", "last"),
    *("actions", "purposes", "cases"),
)

app = typer.Typer(add_completion=False)


@app.command()
def who(
    subject: Annotated[str, typer.Argument(metavar="KIND:KEY", help="Such as `patient:8841`.")],
    home: HomeOption,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List everyone who touched one person's data, and what is not known of it.

    By person, with units, accounts, purposes and cases; where exports went; and
    when the sources told nothing.
    """
    kind, colon, key = subject.partition(":")
    if not (kind and colon and key):
        raise InputError(f"`{subject}` is not KIND:KEY", hint="such as `ombud who patient:8841`")
    with open_door(home) as door:
        answer = door.who(kind, key, why=why, case=case)
    say_since(answer)
    if json:
        print_json(answer)
        return
    print_answer(answer)


def print_answer(answer: dict[str, Any]) -> None:
    """Print who it was, where the data went, and what the answer cannot know."""
    _print_people(answer["people"], "{kind}:{key}".format(**answer["subject"]))
    _print_left(answer["left"])
    _print_not_covered(answer["not_covered"])


def _print_people(rows: list[dict[str, Any]], subject: str) -> None:
    print_table(
        (
            "who",
            "unit",
            "accounts",
            "events",
            "first (UTC)",
            "last",
            "actions",
            "purposes",
            "cases",
        ),
        (
            (
                name_of(row["person"], row["account"], row["person_unknown"]),
                ", ".join(row["person"]["units"]) if row["person"] else "",
                ", ".join(dict.fromkeys(one["account"] for one in row["accounts"])),
                f"{row['events']} ({row['denied']} denied)" if row["denied"] else row["events"],
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


def _print_left(left: list[dict[str, Any]]) -> None:
    """Say whether the data left, to whom, and by whom."""
    print_line("")
    if not left:
        print_line("It left to nobody and nowhere that an event names.")
        return
    print_line("It left:")
    for to in left:
        place = ", ".join(str(to[name]) for name in ("recipient", "destination") if to[name])
        print_line(wrapped(f"to {place} (by {', '.join(by or 'nobody named' for by in to['by'])})"))


def _print_not_covered(told: dict[str, Any]) -> None:
    """Admit what the answer cannot know."""
    limited = ", as far as you may see" if told["is_limited"] else ""
    print_line(f"\nNot covered{limited}:")
    if not told["sources"]:
        print_line(f"  no source names data subjects of kind `{told['kind']}`")
    for source in told["sources"]:
        name = _named(source)
        period = f"{_minute(source['first'])} to {_minute(source['last'])}"
        share = source["subject_unknown_percent"]
        nobody = "" if not share else f"; {share:g} % of its events on persons' data name nobody"
        print_line(wrapped(f"{name}: before and after {period}{nobody}"))
    for stretch in told["stretches"]:
        ends = "" if stretch["ends"] is None else f"..{_minute(stretch['ends'])}"
        when = f"{_minute(stretch['begins'])}{ends}"
        print_line(wrapped(f"{_named(stretch)}: {when} {stretch['why']}"))


def _named(row: dict[str, Any]) -> str:
    return f"{row['source']} {row['system']}" if row["system"] else str(row["source"])


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")
