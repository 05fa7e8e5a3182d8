"""Command `rules backtest`: what rules would have raised over the events of a home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ombud.app.opening import open_door
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import (
    note,
    print_facts,
    print_json,
    print_line,
    print_table,
    stderr,
    stdout,
    to_minute,
)
from ombud.cli.policy import days_of, instant_of
from ombud.config.rule_files import find_rule_files, read_placeholders
from ombud.core.errors import InputError
from ombud.detect.loading.documents import FILE_SIZE_MAX
from ombud.services.backtest_wanted import BacktestWanted

Json = dict[str, Any]


def backtest(
    rules: Annotated[
        list[str],
        typer.Argument(
            help="Rule files or folders, or ids of rules of the home, their beginning is enough."
        ),
    ],
    home: HomeOption,
    last: Annotated[str, typer.Option("--last", help="How far back: days, such as 90d.")] = "90d",
    since: Annotated[str | None, typer.Option("--since", help="From this instant on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Up to this instant.")] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Read every event, also those no rule can match.")
    ] = False,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Tell what rules would have raised over the stored events, had they run then.

    Such as `ombud rules backtest rules/bulk_export.yml --last 90d`. The look itself becomes
    an event. Exit status 1 says that a rule was refused.
    """
    paths, ids = _asked(rules)
    wanted = BacktestWanted(
        files=_texts(paths),
        rules=ids,
        placeholders=read_placeholders(paths),
        days=days_of(last),
        since=instant_of(since),
        until=instant_of(until),
        whole=whole,
        why=why,
        case=case,
    )
    with open_door(home) as door, _progress() as bar:
        task = bar.add_task("backtest", total=None, told="")

        def tell(done: int, total: int) -> None:
            speed = bar.tasks[task].finished_speed or bar.tasks[task].speed
            told = f"{done:,} of {total:,} events" + (f", {speed:,.0f}/s" if speed else "")
            bar.update(task, completed=done, total=total, told=told)

        answer = door.backtest(wanted, on_progress=tell)
    if json:
        print_json(answer)
    else:
        _print(answer, is_whole=whole)
    if answer["refused"]:
        raise typer.Exit(1)


def _asked(rules: list[str]) -> tuple[list[Path], list[str]]:
    """Return files and folders, and what must be ids of rules."""
    paths = [Path(one) for one in rules]
    there = [path.exists() for path in paths]
    found = [path for path, is_there in zip(paths, there, strict=True) if is_there]
    return found, [one for one, is_there in zip(rules, there, strict=True) if not is_there]


def _texts(paths: list[Path]) -> dict[str, str]:
    """Return the texts of files and of those in folders, by name."""
    files: dict[str, str] = {}
    for file in find_rule_files(paths):
        with file.open("rb") as opened:
            text = opened.read(FILE_SIZE_MAX + 1)
        try:
            files[str(file)] = text.decode()
        except UnicodeDecodeError as error:
            raise InputError("a rule file is UTF-8", origin=str(file)) from error
    return files


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show on a terminal how far it is, how fast, and how long it will take.

    Of a home that runs elsewhere only the time that has passed is known.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("backtest"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=stderr,
        disable=not stderr.is_terminal,
        redirect_stdout=stdout.is_terminal,
    ) as bar:
        yield bar


def _print(answer: Json, *, is_whole: bool) -> None:
    print_table(
        ("rule", "level", "alerts", "matches", "who", "first (UTC)", "last (UTC)", "recorded"),
        (
            (
                row["title"],
                _LEVELS.get(row["level"], row["level"]),
                "feeds" if row["is_feeding"] else f"{row['alerts']:,}",
                f"{row['matches']:,}",
                f"{row['actors']:,}",
                None if row["first_at"] is None else to_minute(row["first_at"]),
                None if row["last_at"] is None else to_minute(row["last_at"]),
                None if row["is_feeding"] else _recorded(row["recorded"]),
            )
            for row in answer["rules"]
        ),
        is_sparse=True,
    )
    examples = [(row, one) for row in answer["rules"] for one in row["examples"][:1]]
    if examples:
        print_line("")
        print_table(
            ("event", "time (UTC)", "who", "what happened"),
            (
                (one["index"], to_minute(one["time"]), one["actor_id"], one["sentence"])
                for _, one in examples
            ),
            title="the first alert of each",
        )
    print_line("")
    print_facts(_facts(answer, is_whole=is_whole))
    for row in answer["rules"]:
        if row["cannot_fire"]:
            note(f"cannot fire: {row['title']}: {row['cannot_fire']}")
    for row in answer["refused"]:
        note(f"refused {row['path']}: {row['reason']}")


_LEVELS = {"informational": "info"}  # Eight columns have no room for the longest word.


def _recorded(row: Json | None) -> str | None:
    """Return how the alerts found compare with those there are."""
    if row is None:
        return None
    parts = [f"{row['same']:,} the same"]
    parts += [f"{row[name]:,} {name}" for name in ("new", "lost") if row[name]]
    return ", ".join(parts)


def _facts(answer: Json, *, is_whole: bool) -> Json:
    ways = [f"{answer['decoded']:,} read whole"]
    if answer["unsealed"]:
        ways.append(f"{answer['unsealed']:,} of them not sealed yet")
    if answer["read_whole"] and not is_whole:
        ways.append(f"{answer['read_whole']:,} in segments that must be")
    return {
        "time": f"{to_minute(answer['since'])} to {to_minute(answer['until'])}",
        "alerts": answer["alerts"],
        "matches": answer["matches"],
        "record": f"{answer['events']:,} events",
        "of these": "; ".join(ways),
        "speed": f"{answer['events_per_second']:,} events/s, {answer['seconds']:,.1f} s",
    }
