"""Command `connect`: an unseen PostgreSQL, from its settings to the first coverage figures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.app.appending import open_appender
from ombud.app.opening import is_running, open_door
from ombud.attribution.shared_accounts import Activity
from ombud.cli.backfill import backfill
from ombud.cli.coverage import EVER, print_figures, print_fixes
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_json, print_line, print_table
from ombud.collect.postgres_settings import RESTART, how_to_install
from ombud.core.clock import now_ms
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.services.connecting import (
    ALL,
    NONE,
    Inspection,
    chosen,
    confirm,
    confirmed_event,
    inspect,
    inspected_event,
    write_proposed,
)
from ombud.services.record_port import record_events

app = typer.Typer(add_completion=False)

FIXES_SHOWN = 3
_YES, _NO = {"y", "yes"}, {"n", "no"}


@app.command()
def connect(
    url: Annotated[str, typer.Argument(help="postgresql://USER@HOST:PORT/DATABASE")],
    home: HomeOption,
    confirming: Annotated[
        str | None,
        typer.Option(
            "--confirm",
            help="`all`, `none`, `proposed` (the edited file), or TABLE.COLUMN[=KIND],… and"
            " shared:ACCOUNT.",
        ),
    ] = None,
    logs: Annotated[
        list[Path] | None,
        typer.Option("--logs", help="Old log files or folders to record; may be repeated."),
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample/--no-sample", help="Look at a few values of likely columns.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Look at a PostgreSQL: what its settings lack, whose data it holds, who shares accounts.

    It is only read.  What is proposed is in force once it is confirmed.  The
    password comes from the URL, PGPASSWORD or ~/.pgpass and is never shown or kept.

    Such as `ombud connect postgresql://ombud_look@db.example/clinic`, and when its
    proposal is right, the same with `--confirm all --logs /var/lib/postgresql/15/main/log`.
    """
    inspection = inspect(url, samples=sample, seen=_seen(home))
    told: dict[str, Any] = inspection.to_dict()
    events = [inspected_event(inspection, time=now_ms())]
    if not json:
        _print_server(inspection)
        _print_proposals(inspection, is_confirming=confirming is not None)
        _print_shared(inspection)
    path, is_new = write_proposed(home, inspection)
    told["proposed_file"] = str(path)
    if confirming is None and not json and sys.stdin.isatty():
        confirming = _ask(home, inspection)
    if confirming is not None:
        told |= _confirm(home, inspection, confirming, events, json=json)
    with open_appender(home) as appender:
        record_events(appender, events)
    if logs:
        told |= _import(home, logs, json=json)
    if json:
        print_json(told)
    else:
        _print_next(inspection, path, is_new=is_new, is_confirmed=confirming is not None,
                    has_logs=bool(logs))  # fmt: skip


def _seen(home: Path) -> list[Activity]:
    """Return what the record knows of accounts whose person nobody knows."""
    if not home.is_dir():
        return []
    with open_door(home) as door:
        accounts = door.coverage(since=EVER, until=None)["unknown_accounts"]
    return [
        Activity(
            row["account"],
            frozenset(f"address {number}" for number in range(row["addresses"])),
            frozenset({row["program"] or ""}),
        )
        for row in accounts
        if (row["system"] or "").startswith("postgresql")
    ]


def _print_server(inspection: Inspection) -> None:
    server = inspection.server
    print_line(f"{server.version_text} at {inspection.where}:"
               f" {len(inspection.catalogue.tables)} tables and views")  # fmt: skip
    for limit in inspection.limits():
        print_line(f"  not seen: {limit}")
    if server.pgaudit == "missing":
        print_line(f"\npgaudit is not installed. {how_to_install(server)}")
    if inspection.missing:
        restarts = sum(one.needs == RESTART for one in inspection.missing)
        how = "restart the server" if restarts else "reload: select pg_reload_conf()"
        print_line(f"\nMissing from {server.settings.get('config_file', 'postgresql.conf')}"
                   f" ({restarts} need a restart); then {how}:\n")  # fmt: skip
        width = max(len(one.line) for one in inspection.missing)
        for one in inspection.missing:
            print_line(f"{one.line:<{width}}  # {one.needs}: {one.why}")
    else:
        print_line("\nNothing is missing from its settings.")
    if not server.is_created:
        when = "after the restart, by a superuser" if inspection.missing else "by a superuser"
        print_line(f"\nOnce in this database, {when}:\n\ncreate extension pgaudit;")
    for override in server.overrides:
        print_line(f"  but: {override}")


def _print_proposals(inspection: Inspection, *, is_confirming: bool) -> None:
    proposals = inspection.proposals
    datasets = {one.dataset for one in proposals}
    print_line(f"\nProposed: {len(proposals)} columns of {len(datasets)} tables name data subjects")
    if not is_confirming:  # Then what is taken is shown as a difference.
        rows = (
            (one.name, one.kind, f"{one.confidence:.2f}", "; ".join(one.reasons))
            for one in proposals
        )
        print_table(("column", "kind", "sure", "why"), rows)


def _print_shared(inspection: Inspection) -> None:
    place = inspection.where.partition("://")[2].rpartition("@")[2]
    for one in inspection.shared:
        print_line(f"\nShared account `{one.account}`: {', '.join(one.reasons)}.")
        if one.is_named:
            continue
        value = one.connection_value()
        in_url = value.replace("=", "%3D").replace(";", "%3B")
        print_line(
            "  One line in its connection string names the person, whose account stands"
            " for {login}:\n"
            f"    postgresql://{one.account}@{place}?application_name={in_url}\n"
            "  or, on each connection taken from a pool:\n"
            f"    SET application_name = '{value}'"
        )


def _ask(home: Path, inspection: Inspection) -> str | None:
    """Return what is confirmed; asks again, with the reason, for what cannot be."""
    while True:
        answer = typer.prompt(
            "\nConfirm `all`, `none`, or columns separated by commas (empty: later)",
            default="", show_default=False,
        )  # fmt: skip
        said = str(answer).strip()
        said = ALL if said.lower() in _YES else NONE if said.lower() in _NO else said
        try:
            if said:
                chosen(home, inspection, said)
        except InputError as error:
            note(f"{error}; {error.hint}" if error.hint else str(error))
        else:
            return said or None


def _confirm(
    home: Path, inspection: Inspection, confirming: str, events: list[Event], *, json: bool
) -> dict[str, Any]:
    declaration = chosen(home, inspection, confirming)
    difference, _ = confirm(home, declaration)
    if difference:
        events.append(confirmed_event(declaration, difference=difference, time=now_ms()))
    if not json:
        print_line(f"\n{difference}" if difference else "\nAll of it was declared already.")
        if difference and is_running(home):
            note("the running server takes it up when it is started again")
    return {"difference": difference}


def _import(home: Path, logs: list[Path], *, json: bool) -> dict[str, Any]:
    result = backfill(home, [str(path) for path in logs])
    with open_door(home) as door:
        report = door.coverage(since=EVER, until=None)
    if not json:
        facts = result.to_dict()
        print_line("\n" + ", ".join(f"{facts[name]:,} {name}" for name in
                                    ("read", "recorded", "duplicate", "quarantined")))  # fmt: skip
        print_figures(report)
        if report["fixes"]:
            print_line("\nNext:")
            print_fixes(report, FIXES_SHOWN)
    return {"import": result.to_dict(), "coverage": report}


def _print_next(
    inspection: Inspection, path: Path, *, is_new: bool, is_confirmed: bool, has_logs: bool
) -> None:
    if not is_new:
        note(f"`{path}` was edited and is left as it is; remove it to have it written anew")
    if not is_confirmed:
        print_line(f"\nIn force is nothing of it yet. Confirm it with --confirm {ALL}, with a list"
                   f" of columns,\nor edit {path} and --confirm proposed.")  # fmt: skip
    elif not has_logs:
        folder = inspection.server.log_folder or "LOG_FOLDER"
        print_line(f"\nNext: the old logs, --logs {folder}")
