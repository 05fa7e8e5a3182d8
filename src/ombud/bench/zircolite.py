"""Zircolite: another program for Sigma over files, run on the same events and rules.

It is a checkout that the user gives, with a Python that has what it requires; nothing
of it is here, and it is neither fetched nor changed.  Its start is measured by a file
of one event and taken off, as ours is.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from ombud.core.errors import InputError, Unavailable

TIMEOUT_SECONDS = 3_600.0
_PROGRAM = "zircolite.py"
_SETTINGS = Path("config") / "config.yaml"
# One file of JSON lines as it is: no guess at its format, and no time filter.
_OPTIONS = ("-j", "-q", "--no-auto-detect", "--timefield", "eventTime")


class Zircolite:
    """A checkout that can be run; raises `InputError` if it cannot."""

    def __init__(self, folder: Path, python: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.python = python or self.folder / ".venv" / "bin" / "python"
        for needed in (self.folder / _PROGRAM, self.folder / _SETTINGS):
            if not needed.is_file():
                raise InputError(f"`{needed}` is missing: `{folder}` is no checkout of Zircolite")
        if not self.python.is_file():
            raise InputError(
                f"there is no Python at `{self.python}`",
                hint="name one that has its requirements with --zircolite-python",
            )

    def run(self, rules: Sequence[Path], events: Path, *, work: Path) -> Run:
        """Match a file with folders of rules; `work` is where it writes."""
        work.mkdir(exist_ok=True)
        out = work / "detected.json"
        command = [str(self.python), str(self.folder / _PROGRAM), *_OPTIONS]
        command += ["-c", str(self.folder / _SETTINGS), "-e", str(events), "-o", str(out)]
        command += ["-r", *map(str, rules)]
        before = os.times()
        start = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - what the user named, without a shell.
            command,
            check=False,
            capture_output=True,
            cwd=work,
            timeout=TIMEOUT_SECONDS,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        wall = time.perf_counter() - start
        after = os.times()
        if done.returncode or not out.is_file():
            told = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-400:]
            raise Unavailable(f"Zircolite ended with status {done.returncode}: {told}")
        cpu = (after.children_user - before.children_user) + (
            after.children_system - before.children_system
        )
        found = orjson.loads(out.read_bytes())
        out.unlink()
        return Run(wall, cpu, {rule["id"]: int(rule["count"]) for rule in found if rule["count"]})


class Run:
    """Wall and CPU seconds, and how often each rule matched, by its id."""

    def __init__(self, wall: float, cpu: float, matches: dict[str, int]) -> None:
        self.wall, self.cpu, self.matches = wall, cpu, matches
