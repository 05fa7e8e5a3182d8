"""Reference pages: writes those pages of `docs/` that follow from the code.

`python scripts/document.py` writes them; a test asserts that they are current.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from ombud.bench.trend import performance_page
from ombud.cli.main import COMMANDS
from ombud.config.settings import settings_page
from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES, Action
from ombud.core.fields import (
    ACTOR_FIELDS,
    CANONICAL_VERSION,
    CONTENT_FIELDS,
    DATA_SUBJECT_FIELDS,
    OCSF_VERSION,
    Field,
    Group,
    Kind,
)

EVERY_PROGRAM_HAS = {"help", "install_completion", "show_completion"}
DOCS = Path(__file__).resolve().parent.parent / "docs"

EVENT_INTRODUCTION = f"""\
# Event model, version {CANONICAL_VERSION}

One event is one immutable audit record: actor, action, resource, purpose, outcome, time.
Every field may be absent but `id`, `time`, `source` and `action`; later versions only add fields.
This page follows from `src/ombud/core/fields.py` (`python scripts/document.py` writes it).

A field's name is how queries and rules speak of it. Its home is its place in OCSF {OCSF_VERSION};
a home that starts with `ombud.` lies in Ombud's extension object, `resources.` means the first
element of that list. What has no home in the model is kept in `unmapped`, and the original, byte
for byte, in `raw_data`.

## Assigned by the record

| Field | Type | Home in OCSF | Meaning |
|---|---|---|---|
| `id` | integer | `metadata.uid` | index of the event in the log, from 0 |
| `ingested_at` | instant | `metadata.logged_time` | time of recording; it never decreases |
| `raw` | bytes | `raw_data` | the original, byte for byte: a field group of its own |
"""

KIND_NOTES = {
    Kind.TEXT: "Unicode text",
    Kind.INTEGER: "signed, 64 bits",
    Kind.INSTANT: "milliseconds since 1970-01-01T00:00:00Z",
    Kind.BOOLEAN: "true or false",
    Kind.REAL: "64-bit floating point",
    Kind.TEXTS: "list of text",
    Kind.SUBJECTS: "list of (kind, key) pairs, such as `patient`, `8841`",
    Kind.MAP: "text to any JSON value, keys sorted",
}

GROUP_NOTES = {
    Group.ACTOR: "who acted, and from where",
    Group.DATA_SUBJECT: "whose data, and what could name them",
    Group.CONTENT: "everything else",
    Group.RAW: "the original itself, not a list of fields",
}


TABLES = {
    "Actor": ACTOR_FIELDS,
    "Data subject": DATA_SUBJECT_FIELDS,
    "Content": CONTENT_FIELDS,
}


def _fields_table(fields: tuple[Field, ...]) -> str:
    rows = [
        f"| {position} | `{field.name}` | {field.kind} | `{field.ocsf}` | {field.meaning} |"
        for position, field in enumerate(fields, start=1)
    ]
    head = ["| # | Field | Type | Home in OCSF | Meaning |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def event_model() -> str:
    """Return the text of `docs/event-model.md`."""
    groups = "\n".join(f"| {group.value} | {note} |" for group, note in GROUP_NOTES.items())
    kinds = "\n".join(f"| {kind} | {note} |" for kind, note in KIND_NOTES.items())
    actions = ", ".join(f"`{action}`" for action in Action if action in ACTIONS)
    return "\n".join(
        [
            EVENT_INTRODUCTION,
            "## Field groups\n",
            "Each group has its own salted digest in the event's leaf, so that one can be",
            "disclosed or erased without breaking a proof. A group's canonical form is one JSON",
            "array: the version, then its fields in the order of `#` below, absent ones as null.\n",
            f"| Group | Holds |\n|---|---|\n{groups}\n",
            *(
                f"## {heading} (group {fields[0].group})\n\n{_fields_table(fields)}\n"
                for heading, fields in TABLES.items()
            ),
            f"## Types\n\n| Type | Values |\n|---|---|\n{kinds}\n",
            "## Closed vocabularies\n",
            f"- `action`: {actions}. What fits nowhere is `other`.",
            f"- `actor.type`: {', '.join(f'`{word}`' for word in sorted(ACTOR_TYPES))}.",
            f"- `outcome`: {', '.join(f'`{word}`' for word in sorted(OUTCOMES))}.",
            "",
        ]
    )


COMMANDS_INTRODUCTION = """\
# Commands

Results go to standard output, everything else to standard error. Exit status: 0 good, 1 a problem
found or a "no", 2 wrong usage or input, 3 could not (environment, permission, unavailable).
This page follows from the program (`python scripts/document.py` writes it).
"""


def _word(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if isinstance(parameter, TyperArgument):
        names = f"`{str(parameter.name).upper()}`"
    told = str(parameter.help or "").replace("|", "\\|")
    return f"| {names} | {'required' if parameter.required else ''} | {told} |"


def leaves(words: str, command: Any) -> Iterator[tuple[str, TyperCommand]]:
    """Yield each command that does something, with the words that call it."""
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from leaves(f"{words} {name}", inner)
    else:
        yield words, command


def words_of(command: TyperCommand) -> list[Any]:
    """Return what may follow a command, without what every program has."""
    return [each for each in command.params if each.name not in EVERY_PROGRAM_HAS]


def commands() -> dict[str, TyperCommand]:
    """Return every command by the words that call it, loaded."""
    found: dict[str, TyperCommand] = {}
    for name, (module, _) in COMMANDS.items():
        top = typer.main.get_command(importlib.import_module(module).app)
        found.update(leaves(f"ombud {name}", top))
    return found


def commands_page() -> str:
    """Return the text of `docs/commands.md`."""
    pieces = [COMMANDS_INTRODUCTION]
    for words, command in commands().items():
        pieces.append(f"## {words}\n\n{inspect.cleandoc(command.help or '')}\n")
        if rows := [_word(parameter) for parameter in words_of(command)]:
            pieces.append("\n".join(["| Word | | Meaning |", "|---|---|---|", *rows, ""]))
    return "\n".join(pieces)


PAGES: dict[str, Callable[[], str]] = {
    "event-model.md": event_model,
    "commands.md": commands_page,
    "settings.md": settings_page,
    "performance.md": lambda: performance_page(DOCS.parent / "benchmarks" / "results"),
}


def main() -> int:
    """Write every page."""
    for name, text in PAGES.items():
        (DOCS / name).write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
