"""Command `rules explain`: why a rule did or did not match an event."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from ombud.app.opening import open_door
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import print_json
from ombud.cli.rule_events import STDIN, Line, read_document, read_lines, read_records
from ombud.cli.rule_explained import print_explained
from ombud.collect.source import Source
from ombud.collect.sources import get_source
from ombud.config.rule_files import (
    configured_folders,
    read_placeholders,
    read_rule_text,
    read_rules,
    shipped_rules_folder,
)
from ombud.config.settings import load_settings
from ombud.core.errors import EventError, InputError, NotFound
from ombud.detect.loading.documents import FILE_SIZE_MAX
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.telling.explanation import EventInHand
from ombud.detect.view import view_of_event, view_of_original, with_short_names
from ombud.services.rule_looks import explain_any, pick_rule
from ombud.services.rule_wanted import ExplainWanted


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            help="A file of rules, as FILE#ID if it holds several; or the id of a rule that"
            " runs in the home, of which the beginning is enough."
        ),
    ],
    event: Annotated[
        str,
        typer.Argument(
            help="A JSON file, - for standard input, FILE:LINE of a file of lines (plain or"
            " gzip); or the id of a recorded event, or of an alert for its first event."
        ),
    ],
    home: HomeOption,
    source: Annotated[
        str | None,
        typer.Option("--source", help="Kind of source that the event in a file is an original of."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="The mapping file of a `mapping` source.")
    ] = None,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """Tell why a rule matches an event or does not, condition by condition.

    Exit status 1 says that it does not match.  A look at a recorded event is on
    record itself; an event in a file needs no home.
    """
    place = _place_of(event)
    if place is None:
        answer = _recorded(rule, event, home=home, why=why, case=case)
    else:
        kind = None if source is None else get_source(source, mapping=mapping)
        answer = _given(rule, *place, home=home, kind=kind)
    if json:
        print_json(answer)
    else:
        print_explained(answer)
    if not answer["is_match"]:
        raise typer.Exit(1)


def _place_of(event: str) -> tuple[Path, int | None] | None:
    """Return the file and line that an event is in; None for the id of a recorded one.

    Raises `InputError` for what can only be a file, and is none.
    """
    path = Path(event)
    if path == STDIN or path.is_file():
        return path, None
    name, _, line = event.rpartition(":")
    if name and line.isascii() and line.isdecimal():
        if Path(name) == STDIN or Path(name).is_file():
            return Path(name), int(line)
        raise InputError(f"`{name}` is no file")
    if "/" in event or path.suffix:
        raise InputError(f"`{event}` is no file")
    return None


def _rule_file(rule: str) -> tuple[Path, str | None] | None:
    """Return the file and the id that an argument names; None for the id of a rule."""
    if Path(rule).is_file():
        return Path(rule), None
    name, mark, rule_id = rule.rpartition("#")
    if mark and Path(name).is_file():
        return Path(name), rule_id
    if "/" in rule or Path(name or rule).suffix in {".yml", ".yaml"}:
        raise InputError(f"`{name or rule}` is no file")
    return None


def _recorded(
    rule: str, event: str, *, home: Path, why: str | None, case: str | None
) -> dict[str, Any]:
    file = _rule_file(rule)
    if file is None:
        wanted = ExplainWanted(event=event, rule=rule, why=why, case=case)
    else:
        path, rule_id = file
        text = read_rule_text(path)
        if len(text) > FILE_SIZE_MAX:
            raise InputError(f"`{path}` is larger than {FILE_SIZE_MAX >> 10} KiB")
        wanted = ExplainWanted(
            event=event,
            rule=rule_id,
            text=text.decode("utf-8", "replace"),
            path=str(path),
            placeholders=read_placeholders([path]),
            why=why,
            case=case,
        )
    with open_door(home) as door:
        return door.rule_explain(wanted)


def _given(
    rule: str, path: Path, number: int | None, *, home: Path, kind: Source | None
) -> dict[str, Any]:
    """Return what a rule makes of an event in a file; no home is opened."""
    loaded, rule_id = _rules_here(rule, home)
    found = pick_rule(loaded, rule_id)
    line = _line_of(path, number, kind)
    hand = EventInHand(None if kind is None else kind.kind, line.named, line.original)
    named = line.named or line.original
    said = {
        "index": None,
        "file": str(path),
        "line": line.number if number is not None else None,
        "source": None if kind is None else kind.kind,
        "action": named.get("action"),
    }
    told = explain_any(found, loaded, hand, lambda path: read_rule_text(Path(path)))
    return {"event": said, **told}


def _rules_here(rule: str, home: Path) -> tuple[RuleSet, str | None]:
    """Return the rules of a file, or of the home, or that come with Ombud; and which it is."""
    file = _rule_file(rule)
    if file is not None:
        return read_rules([file[0]]), file[1]
    folders = (
        configured_folders(load_settings(home, os.environ))
        if home.is_dir()
        else [shipped_rules_folder()]
    )
    return read_rules(folders), rule


def _line_of(path: Path, number: int | None, kind: Source | None) -> Line:
    """Return the event at a line of a file, or the only one in it.

    Raises `InputError`, `EventError` or `NotFound` when there is no such one event.
    """
    refused: dict[int, str] = {}
    lines = _lines(path, kind, refused)
    if number is None:
        return _only(path, kind, lines, refused)
    for line in lines:
        if line.number == number:
            return line
    if number in refused:
        raise EventError(refused[number], origin=f"{path}:{number}")
    raise NotFound(f"no event starts at line {number} of `{path}`")


def _lines(path: Path, kind: Source | None, refused: dict[int, str]) -> Iterator[Line]:
    def refuse(number: int, reason: str) -> None:
        refused.setdefault(number, reason)

    if kind is None:
        return read_lines(path, refuse=refuse)
    return read_records(path, kind, refuse=refuse)


def _only(path: Path, kind: Source | None, lines: Iterator[Line], refused: dict[int, str]) -> Line:
    raw = read_document(path)
    if raw is not None and (line := _whole(raw, kind)) is not None:
        return line
    if path == STDIN:
        raise InputError("standard input is not one event", hint="`-:LINE` names one of its lines")
    found = list(islice(lines, 2))
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"`{path}` holds several events",
            hint=f"name one by its line, as in `{path}:{found[0].number}`",
        )
    if refused:
        raise EventError(next(iter(refused.values())), origin=str(path))
    raise NotFound(f"`{path}` holds no event")


def _whole(raw: bytes, kind: Source | None) -> Line | None:
    """Return a whole file as one event, if it is one JSON object."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    if kind is None:
        return Line(1, with_short_names(value))
    try:
        event = kind.parse(raw, now_ms=0)
    except EventError:
        return None  # Some sources put several records into one object: it is read as a delivery.
    return Line(1, view_of_original(raw, kind.kind), view_of_event(event))
