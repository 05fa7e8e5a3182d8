"""Command `coverage`: how far it is known who acted, whose data it was, and what was not seen."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import print_json, print_line, print_table, wrapped

app = typer.Typer(add_completion=False)

EVER = "1970-01-01"
_TO_MINUTE = len("2026-11-22T14:05")
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60


@app.command()
def coverage(
    home: HomeOption,
    since: Annotated[
        str, typer.Option("--since", help="An instant or how long ago: 30d, 12h, 2026-11-01.")
    ] = "30d",
    until: Annotated[
        str | None, typer.Option("--until", help="An instant or how long ago; default is now.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Tell per source how far persons and data subjects are known, and what would raise that.

    Also how old the last event is, what is missing or silent, and what was never
    seen.  The look is recorded.

    Such as `ombud coverage --since 90d`, or `--since 2026-10-01 --until 2026-11-01`.
    """
    with open_door(home) as door:
        report = door.coverage(since=since, until=until)
    if json:
        print_json(report)
        return
    print_figures(report)
    print_rest(report)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


def _row(name: str, system: str | None, row: dict[str, Any]) -> tuple[object, ...]:
    return (
        name,
        system or "",
        f"{row['events']:,}",
        _share(row["person_known_percent"]),
        f"{row['machines']:,}",
        _share(row["subject_known_percent"]),
    )


def print_figures(report: dict[str, Any]) -> None:
    """Print the shares by source and system, and of all."""
    rows = [_row(row["source"], row["system"], row) for row in report["sources"]]
    rows.append(_row("all", None, report["total"]))
    names = ("source", "system", "events", "person known", "machines", "data subject known")
    print_table(names, rows, title=_span(report["since"], report["until"]))


def _span(since: str, until: str) -> str:
    """Return the time that is looked at; from its beginning where there is none."""
    begin, end = (text[:_TO_MINUTE].replace("T", " ") for text in (since, until))
    return f"up to {end} UTC" if since.startswith(EVER) else f"{begin} to {end} UTC"


def print_fixes(report: dict[str, Any], count: int) -> None:
    """Print what would raise the figures, the greatest effect first."""
    for fix in report["fixes"][:count]:
        noun = "persons" if fix["of"] == "person" else "data subjects"
        print_line(wrapped(f"+{fix['gain_percent']:g} % {noun}: {fix['what']}"))


def print_rest(report: dict[str, Any]) -> None:
    """Print reasons, health of the sources, what was not seen, and fixes."""
    reasons = [
        (row["source"], row["system"], reason["reason"], f"{reason['events']:,}")
        for row in report["sources"]
        for reason in row["reasons"]
    ]
    if reasons:
        print_line("")
        print_table(("source", "system", "not known because", "events"), reasons)
    print_line("")
    print_table(
        ("source", "last event", "ago", "gaps", "events missing", "silences", "quarantined"),
        (
            (
                row["source"],
                (row["last"] or "")[:19].replace("T", " "),
                _ago(row["lag_seconds"]),
                row["gaps"],
                row["missing_events"],
                row["silences"],
                row["quarantined"],
            )
            for row in report["health"]
        ),
    )
    if report["not_observed"]:
        print_line("")
        print_table(
            ("not observed", "", "why"),
            ((row["what"], row["name"], row["why"]) for row in report["not_observed"]),
        )
    if report["fixes"]:
        print_line("\nWhat would raise it most:")
        print_fixes(report, len(report["fixes"]))


def _ago(seconds: int | None) -> str:
    if seconds is None:
        return "never"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
