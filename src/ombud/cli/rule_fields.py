"""Command `rules fields`: what rules ask for that no event carries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import counted, note, print_json, print_line, print_table, wrapped
from ombud.cli.rule_events import BadLines, Line, read_lines, read_records
from ombud.collect.sources import get_source
from ombud.config.rule_files import read_rules, shipped_rules_folder
from ombud.core.errors import InputError, RuleError
from ombud.detect.columnar.rows import ViewRows
from ombud.detect.telling.field_counts import FieldCounts

STEP = 1000  # Lines counted at once.


def fields(
    home: HomeOption,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RULES...]",
            help="Rule files and folders; default is the rules of the home, or with --events"
            " those that come with Ombud.",
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option("--events", help="Count over a file of JSON lines, plain or gzip, instead."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Kind of source of the lines of the file.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="The mapping file of a `mapping` source.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Name the fields of rules that no event carries, and rules that can never fire.

    Of a home it tells what all its events carried, and asks to be on record.
    Over a file it counts how many events carry each field, and needs no home.
    """
    if events is not None:
        _over_file(paths or [shipped_rules_folder()], events, source, mapping, json=json)
        return
    if source is not None or mapping is not None:
        raise InputError("--source says what the lines of a file are", hint="add --events FILE")
    with open_door(home) as door:
        report = door.rule_fields()
        if paths:
            report = _only(report, paths, {row["id"] for row in door.rules()["rules"]})
    if json:
        print_json(report)
        return
    _print_home(report)


def _only(
    report: Mapping[str, Any], paths: Sequence[Path], here: Collection[str]
) -> dict[str, Any]:
    """Return the report as far as it is about rules at these paths, of those that are `here`.

    Of others a home cannot tell what it has never been asked to count.
    """
    loaded = read_rules(paths)
    for refusal in loaded.refusals:
        note(f"refused {refusal}")
    wanted = {rule.id for rule in loaded.rules if rule.id in here}
    others = len(loaded.rules) - len(wanted)
    if others:
        note(
            f"{counted(others, 'rule')} not of this home: `ombud rules backtest` tells whether"
            " they can fire, --events counts over a file"
        )
    never = [
        {**row, "rule_ids": [one for one in row["rule_ids"] if one in wanted]}
        for row in report["never_seen"]
    ]
    return {
        **report,
        "rules": len(wanted),
        "never_seen": [row for row in never if row["rule_ids"]],
        "silent": [row for row in report["silent"] if row["rule_id"] in wanted],
    }


def _print_home(report: Mapping[str, Any]) -> None:
    seen = ", ".join(f"{row['source']} {row['event_count']:,}" for row in report["sources"])
    print_line(wrapped(f"events seen: {seen or 'none'}").lstrip())
    if report["never_seen"]:
        print_line("")
        print_table(
            ("field no event carries", "of", "events", "rules", "most like it"),
            (
                (
                    row["field"],
                    row["source"],
                    f"{row['event_count']:,}",
                    len(row["rule_ids"]),
                    ", ".join(row["close"]),
                )
                for row in report["never_seen"]
            ),
        )
    _print_silent(report["silent"], report["rules"])


def _print_silent(silent: Sequence[Mapping[str, Any]], rule_count: int) -> None:
    if silent:
        print_line("")
        print_table(
            ("rule that cannot fire here", "title", "because"),
            ((row["rule_id"], row["title"], row["reason"]) for row in silent),
        )
    print_line("")
    can = rule_count - len(silent)
    print_line(f"{can:,} of {counted(rule_count, 'rule')} can fire here")


def _over_file(
    paths: Sequence[Path], events: Path, source: str | None, mapping: Path | None, *, json: bool
) -> None:
    loaded = read_rules(paths)
    for refusal in loaded.refusals:
        note(f"refused {refusal}")
    bad = BadLines()
    kind = None if source is None else get_source(source, mapping=mapping)
    counts = FieldCounts(loaded.rules, None if kind is None else kind.kind)
    if not counts.rule_count:
        raise RuleError("no rule can run on these events")
    lines = (
        read_lines(events, refuse=bad.add)
        if kind is None
        else read_records(events, kind, refuse=bad.add)
    )
    for step in _steps(lines):
        named = [line.named for line in step if line.named is not None]
        counts.add(ViewRows([line.original for line in step]), ViewRows(named) if named else None)
    bad.say()
    silent = [asdict(rule) for rule in counts.silent()]
    rows = counts.fields()
    if json:
        print_json(
            {
                "rules": counts.rule_count,
                "elsewhere": len(counts.elsewhere),
                "event_count": counts.event_count,
                "fields": [asdict(row) for row in rows],
                "silent": silent,
            }
        )
        return
    print_table(
        ("field", "of", "events", "rules", "most like it"),
        (
            (
                row.field,
                row.source,
                f"{row.event_count:,} of {counts.event_count:,}",
                len(row.rule_ids),
                ", ".join(row.close),
            )
            for row in rows
        ),
    )
    _print_silent(silent, counts.rule_count)
    if counts.elsewhere:
        note(f"{len(counts.elsewhere)} rules are for other sources than {source}")


def _steps(lines: Iterator[Line]) -> Iterator[list[Line]]:
    while step := list(islice(lines, STEP)):
        yield step
