"""Entry point: finds the command, runs it, turns errors into one line and a status.

Commands live in modules of their own that are only loaded when named, so that a
small command starts fast.  Exit statuses live here alone: 0 good, 1 a problem
found or a "no", 2 wrong usage or input, 3 could not.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import orjson
import typer

from ombud import __version__
from ombud.cli.output import note
from ombud.core.errors import (
    Conflict,
    Forbidden,
    InputError,
    NotFound,
    OmbudError,
    TamperError,
    Unauthenticated,
    Unavailable,
)

GOOD, PROBLEM, WRONG, COULD_NOT = 0, 1, 2, 3
INTERRUPTED = 130  # As shells say it: 128 and the number of SIGINT.
EXIT_STATUSES: tuple[tuple[type[OmbudError], int], ...] = (
    (InputError, WRONG),
    (NotFound, PROBLEM),
    (Conflict, PROBLEM),
    (Forbidden, PROBLEM),
    (Unauthenticated, PROBLEM),
    (TamperError, PROBLEM),
    (Unavailable, COULD_NOT),
)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("ombud.cli.demo", "See Ombud at work on a fictional county."),
    "serve": ("ombud.cli.serve", "Run a home: recorder, sealer, API, index and alerts."),
    "ingest": ("ombud.cli.ingest", "Record audit logs of a source."),
    "connect": ("ombud.cli.connect", "Look at a PostgreSQL: what to set, whose data it holds."),
    "status": ("ombud.cli.status", "Show how a home stands, running or not."),
    "search": ("ombud.cli.search", "Find events."),
    "sessions": ("ombud.cli.sessions", "List sessions."),
    "session": ("ombud.cli.session", "Show one session in order."),
    "who": ("ombud.cli.who", "List everyone who touched one person's data."),
    "alerts": ("ombud.cli.alerts", "List alerts."),
    "rules": ("ombud.cli.rules", "Check, test, list and run rules."),
    "coverage": ("ombud.cli.coverage", "Tell how far persons and data subjects are known."),
    "policy": (
        "ombud.cli.policy",
        "Say who may use data for what; explain and simulate it.",
    ),
    "request": (
        "ombud.cli.request",
        "Ask for a purpose or a dataset; decide on requests.",
    ),
    "grant": (
        "ombud.cli.grant",
        "Show grants and what was done under them; revoke them.",
    ),
    "break-glass": (
        "ombud.cli.break_glass",
        "Act at once in an emergency, and answer for it afterwards.",
    ),
    "checkpoint": (
        "ombud.cli.checkpoint",
        "Say why before an act; confirm as the second person.",
    ),
    "justification": (
        "ombud.cli.justification",
        "List the reasons people gave, and verify them against facts.",
    ),
    "reference": (
        "ombud.cli.reference",
        "Load your own tables, cases among them, to verify reasons by.",
    ),
    "credential": (
        "ombud.cli.credential",
        "Set the secret by which you prove in person who you are.",
    ),
    "sources": ("ombud.cli.sources", "List the kinds of sources and what each has delivered."),
    "quarantine": ("ombud.cli.quarantine", "List, show and replay what could not become an event."),
    "directory": ("ombud.cli.directory", "Load people, accounts and units; show who is who."),
    "record": ("ombud.cli.record", "Verify the record, prove an event, show its head and key."),
    "token": ("ombud.cli.token", "Create, list and revoke tokens."),
    "settings": ("ombud.cli.settings", "Show the settings in force."),
    "backup": ("ombud.cli.backup", "Back up a home, running or not; verify and list backups."),
    "restore": ("ombud.cli.restore", "Restore a home from a backup, and let it record again."),
    "upgrade": ("ombud.cli.upgrade", "Bring a home to the format of this program."),
    "reindex": ("ombud.cli.reindex", "Rebuild everything derived from the record."),
    "simulate": ("ombud.cli.simulate", "Write a fictional county's logs."),
    "bench": ("ombud.cli.bench", "Measure speed and cost."),
}
PANELS = {  # Of the help, by the command that each begins with.
    "demo": "Begin",
    "search": "Look and be told",
    "policy": "Who may use data, and what for",
    "sources": "Sources, people and the record",
    "token": "Run a home",
}

_UsageError: Any = typer.BadParameter.__bases__[0]  # Typer does not export it under a name.


def _panel_of(name: str) -> str:
    names = list(COMMANDS)
    return PANELS[next(one for one in reversed(names[: names.index(name) + 1]) if one in PANELS)]


class LazyGroup(typer.core.TyperGroup):
    """A group whose commands are loaded when they are named."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by name: its summary until it has been loaded."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            return typer.core.TyperCommand(
                cmd_name, help=COMMANDS[cmd_name][1], rich_help_panel=_panel_of(cmd_name)
            )
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is about to run."""
        if args and args[0] in COMMANDS:
            module = importlib.import_module(COMMANDS[args[0]][0])
            command = typer.main.get_command(module.app)
            command.name = args[0]
            self.commands[args[0]] = command
        near = get_close_matches(args[0], COMMANDS, n=1) if args else []
        if near and args[0] not in COMMANDS:
            raise InputError(f"no command `{args[0]}`: did you mean `{near[0]}`?",
                             hint="`ombud --help` lists all")  # fmt: skip
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=LazyGroup,
    name="ombud",
    help="Oversight for sensitive data: who looked at what, why, and that nobody hid it.",
    epilog="`ombud demo` shows all of it on made-up data; `ombud COMMAND --help` says more.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _print_version(value: bool) -> None:
    if value:
        sys.stdout.write(f"ombud {__version__}\n")
        raise typer.Exit


@app.callback()
def ombud(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Oversight for sensitive data: who looked at what, why, and that nobody hid it."""
    del version


def _report(error: OmbudError, arguments: Sequence[str]) -> int:
    if "--json" in arguments:
        body = {"code": error.code, "message": error.message}
        body.update({k: v for k, v in (("origin", error.origin), ("hint", error.hint)) if v})
        note(orjson.dumps({"error": body}).decode())
    else:
        note(f"ombud: {error}")
        if error.hint:
            note(f"  {error.hint}")
    for kind, status in EXIT_STATUSES:
        if isinstance(error, kind):
            return status
    return COULD_NOT


def _wrong_usage(error: Any) -> InputError:
    path = error.ctx.command_path if error.ctx else "ombud"
    return InputError(error.format_message(), hint=f"`{path} --help` says how")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status."""
    try:
        return _run(arguments)
    except _UsageError as error:
        return _report(_wrong_usage(error), arguments)
    except OmbudError as error:
        return _report(error, arguments)
    except OSError as error:
        said = Unavailable((error.strerror or str(error)).lower())
        said.origin = str(error.filename or "")
        return _report(said, arguments)


def _run(arguments: Sequence[str]) -> int:
    # In JSON, a wrong command line is an error like any other, so Typer must not print it.
    is_json = "--json" in arguments
    try:
        status = app(args=list(arguments), prog_name="ombud", standalone_mode=not is_json)
    except typer.Abort:
        return INTERRUPTED
    except SystemExit as leaving:  # How Typer ends, with its own message on wrong usage.
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":
            return GOOD  # Typer's sign that the reader of our output went away, as `| head` does.
        return leaving.code if isinstance(leaving.code, int) else GOOD
    except BrokenPipeError:
        # The reader of our output went away, as `| head` does; not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    return status if isinstance(status, int) else GOOD


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))
