"""Commands `backup`: copy a home while it runs, and see that a copy is whole and true."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ombud.app.backup import backup_home
from ombud.app.opening import check_home
from ombud.cli.named_or import NamedOr
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import note, print_facts, print_json, print_line, progress
from ombud.core.clock import format_instant
from ombud.record.backup import KEEP
from ombud.record.backup_manifest import find_backup, list_backups, read_manifest
from ombud.record.restore import verify_backup

NICENESS = 10  # Whoever acknowledges events comes first.

app = typer.Typer(
    cls=NamedOr,
    add_completion=False,
    no_args_is_help=True,
    help="Back up a home, running or not; verify and list backups.",
)
TargetArgument = Annotated[
    Path, typer.Argument(help="Folder of the backups, best on another disk.")
]


@app.command("make")
def make(
    target: TargetArgument,
    home: HomeOption,
    with_keys: Annotated[
        bool,
        typer.Option("--with-keys", help="The signing key, too: whoever has it can sign."),
    ] = False,
    keep: Annotated[
        int, typer.Option("--keep", min=1, help="Backups kept; older ones are removed.")
    ] = KEEP,
    json: JsonOption = False,
) -> None:
    """Back up a home below a folder; `ombud backup TARGET` is enough.

    Works while events arrive.  What never changes is shared with the backup before,
    so that the second one is quick.  A backup that was cut short has no name yet and
    is begun again.
    """
    check_home(home)
    with suppress(OSError):
        os.nice(NICENESS)
    with progress("backing up", unit="files") as bar:
        task = bar.add_task("backup", total=None)
        report = backup_home(
            home,
            target,
            with_key=with_keys,
            keep=keep,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    manifest = report.manifest
    facts = {
        "backup": str(report.path),
        "events": manifest.size,
        "root": manifest.root,
        "files_copied": report.copied,
        "bytes_copied": report.copied_bytes,
        "files_shared": report.linked,
        "has_key": manifest.has_key,
        "skipped": list(report.skipped),
    }
    if json:
        print_json(facts)
        return
    print_facts({name: value for name, value in facts.items() if value != []})
    if not manifest.has_key:
        note("without the signing key: keep `keys/record.key` once, apart from the backups")


@app.command()
def verify(
    target: Annotated[Path, typer.Argument(help="A backup, or the folder of backups: its newest.")],
    known_head: Annotated[
        list[Path] | None,
        typer.Option("--known-head", exists=True, help="A tree head kept elsewhere; repeatable."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The key to trust; default is the backup's own.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Verify a backup: every file against its SHA-256, then the record from its bytes.

    Exit status 0 says that it can be restored, 1 that something is wrong.
    """
    with progress("verifying") as bar:
        hashing = bar.add_task("files", total=None)
        deriving = bar.add_task("events", total=None)
        backup, manifest, report = verify_backup(
            target,
            vkey=key,
            known_heads=[path.read_bytes() for path in known_head or ()],
            files_progress=lambda done, total: bar.update(hashing, completed=done, total=total),
            progress=lambda done, total: bar.update(deriving, completed=done, total=total),
        )
    if json:
        print_json({"backup": str(backup), "files": len(manifest.files), **report.to_dict()})
    elif report.fault is None:
        print_line(f"good: {manifest.size} events, root {manifest.root}")
        made = format_instant(manifest.created_at)
        facts = {"backup": backup, "made": made, "files": len(manifest.files)}
        print_facts({**facts, "has_key": manifest.has_key})
    else:
        print_line(f"WRONG: {report.fault.place}: {report.fault.reason}")
    if report.fault is not None:
        raise typer.Exit(1)


@app.command("list")
def list_made(
    target: Annotated[Path, typer.Argument(help="The folder of backups.")],
    json: JsonOption = False,
) -> None:
    """List the whole backups below a folder, oldest first."""
    find_backup(target)
    for path in list_backups(target):
        manifest = read_manifest(path)
        facts = {
            "backup": str(path),
            "made": format_instant(manifest.created_at),
            "events": manifest.size,
            "has_key": manifest.has_key,
        }
        if json:
            print_json(facts)
        else:
            print_line(f"{facts['made']}  {manifest.size:>13,} events  {path.name}")
