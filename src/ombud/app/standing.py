"""Standing of a home: its format, size, room and health, without opening it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ombud.app.opening import check_home, is_running
from ombud.app.paths import HomePaths
from ombud.app.remote import RemoteDoor
from ombud.config.settings import load_settings
from ombud.core.clock import format_instant, now_ms
from ombud.core.errors import NotFound, Unavailable
from ombud.record.keys import read_vkey
from ombud.record.paths import Home
from ombud.record.resting import RestingRecord
from ombud.record.standing import FORMAT, read_copy, read_version
from ombud.store.control_counts import count_matters

MEGABYTE = 1_000_000


def free_bytes(folder: Path) -> int:
    """Return the bytes that may still be written on the disk of a folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def home_status(home: Path) -> dict[str, Any]:
    """Return how a home stands; `fails` names what keeps it from recording.

    `events` are those let out under a signed tree head: a running home may have some
    more of the last quarter of a second.
    """
    check_home(home)
    place, paths = Home(home.resolve()), HomePaths(home)
    copy = read_copy(place.root)
    running = is_running(home)
    checks, notes = _checks(paths) if running else ({}, [])
    settings = load_settings(home, os.environ)
    fails = sorted(name for name, works in checks.items() if not works)
    if copy is not None and "resumed" not in fails:
        fails.append("resumed")
    return {
        "home": str(home),
        "format": read_version(place.root),
        "upgrade": read_version(place.root) < FORMAT,
        "log": _log_name(place),
        "events": RestingRecord(home).head()[0] if place.state.exists() else 0,
        "running": running,
        "copy": None if copy is None else copy.sentence(),
        "backed_up_at": None if copy is None else format_instant(copy.backed_up_at),
        "disk_free_mb": free_bytes(home) // MEGABYTE,
        "quarantine_mb": round(_size(paths.quarantine) / MEGABYTE, 1),
        "index_days": settings["index.days"],
        "fails": fails,
        "notes": notes,
        "matters": _matters(paths),
    }


def _checks(paths: HomePaths) -> tuple[dict[str, bool], list[str]]:
    door = RemoteDoor(paths.server_socket)
    try:
        said = door.ready()
        return dict(said["checks"]), list(said.get("notes", ()))
    except Unavailable:
        return {"server": False}, []
    finally:
        door.close()


def _matters(paths: HomePaths) -> dict[str, Any] | None:
    """Return how policy, requests and checkpoints stand; None where that cannot be said."""
    try:
        return count_matters(paths.control_database, now_ms())
    except Unavailable:
        return None


def _log_name(place: Home) -> str | None:
    try:
        return read_vkey(place).partition("+")[0]
    except NotFound:
        return None


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except FileNotFoundError:
        return 0
