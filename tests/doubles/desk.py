"""Desk double: an open home whose policy is what a test says, with its desk of checkpoints."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ombud.access.model import Audience, Checkpoint, CheckpointKind, Policy, Purpose
from ombud.app.checkpoints import open_desk
from ombud.app.home import OpenHome, open_here
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.checkpoint_desk import CheckpointDesk
from ombud.services.credentials import Credentials
from ombud.services.directory_wanted import DirectoryWanted, WantedFile

NOW = 1_795_305_600_000  # 2026-11-22T00:00:00Z
DAY = 86_400_000
GOOD = "Witness named this person, checking the address before a visit"
ANA = Asker(person="ana", scopes=frozenset({"request"}), token_id="t-ana")
BEN = Asker(person="ben", scopes=frozenset({"request"}), token_id="t-ben")
PEP = Asker(person="portal", scopes=frozenset({"decide"}), token_id="t-pep")
CY = Asker(person="cy", scopes=frozenset({"admin", "search"}), via="cli")
LOOK: dict[str, Any] = {"asker": CY, "why": "care", "case": "C-1"}
DIRECTORY = {
    "person": "person\nana\nben\ncy\ndee\n",
    "account": "account,person\nana-adm,ana\nshared,ana\n",
    "unit": "unit,parent\ncounty,\npatrol,county\n",
    "membership": "person,unit,role\nana,patrol,officer\nben,patrol,sergeant\n",
}
CASES = "case,opened,closed,unit\nC-1,2026-01-01,,patrol\nC-2,2026-01-01,2026-02-01,patrol\n"
REFERENCE = """\
tables:
  cases:
    kind: case
    from: csv
    path: cases.csv
    columns: {id: case, opened_at: opened, closed_at: closed, assigned_unit: unit}
"""


def checkpoint(name: str, kind: str, **other: Any) -> Checkpoint:
    """Return a checkpoint."""
    return Checkpoint(name=name, kind=CheckpointKind(kind), prompt=f"What of {name}?", **other)


def policy(*more: Checkpoint) -> Policy:
    """Return a policy with a checkpoint of each kind, and these instead of others of their name."""
    made = {
        one.name: one
        for one in (
            checkpoint("reason", "text", every_minutes=60),
            checkpoint("once", "text"),
            checkpoint("number", "case", every_minutes=60, verify="refuse"),
            checkpoint("prove", "reauthentication", every_minutes=5, per="actor"),
            checkpoint(
                "second", "second_person", with_text=True,
                approvers=Audience(roles=("sergeant",)),
            ),
            checkpoint("two", "second_person"),
            *more,
        )
    }  # fmt: skip
    purposes = (Purpose(id="theft", title="Theft", acknowledgement="I look only for theft."),)
    return Policy(purposes=purposes, checkpoints=tuple(made.values()))


@dataclass
class Desk:
    """A home and its desk at a time and under a policy that tests set."""

    opened: OpenHome
    home: Path
    now: int = NOW
    policy: Policy = field(default_factory=policy)
    version: str = "v1"
    desk: CheckpointDesk = field(init=False)

    def __post_init__(self) -> None:
        """Open the desk."""
        self.reopen()

    def reopen(self) -> None:
        """Forget what is kept in memory, as after a restart."""
        live: Any = SimpleNamespace(
            policy=lambda: self.policy, snapshot=lambda: SimpleNamespace(version=self.version)
        )
        services = cast("Any", self.opened.services)
        self.desk = open_desk(
            self.home,
            credentials=Credentials(
                self.home, appender=self.opened.appender, clock=lambda: self.now
            ),
            appender=self.opened.appender,
            reader=self.opened.reader,
            control=self.opened.control,
            project=self.opened.projection.catch_up,
            index=self.opened.index,
            follower=self.opened._index_follower,
            looks=services._looks,
            live=live,
            clock=lambda: self.now,
        )

    def events(self) -> list[Event]:
        """Return every event of the record."""
        size, _ = self.opened.appender.head()
        read = self.opened.reader.read(0, size)
        return [committed.event(row) for committed in read for row in range(committed.count)]

    def operations(self) -> list[str]:
        """Return what control events say was done, but for settings."""
        done = [one.operation or "" for one in self.events() if one.source == "ombud.control"]
        return [one for one in done if one.startswith(("checkpoint", "reference", "credential"))]

    def load_directory(self, **files: str) -> None:
        """Load the directory of the cast, and these kinds besides."""
        given = [
            WantedFile(f"{kind}.csv", text=text) for kind, text in {**DIRECTORY, **files}.items()
        ]
        stands = self.opened.control.directory.stamp()
        self.opened.directory.load(DirectoryWanted(given, compared_with=stands), asker=CY)

    def declare(self, text: str = REFERENCE, cases: str = CASES) -> None:
        """Write what is declared, and the cases."""
        (self.home / "reference.yaml").write_text(text)
        (self.home / "cases.csv").write_text(cases)

    def load_cases(self, cases: str = CASES) -> dict[str, Any]:
        """Load cases from the file."""
        self.declare(cases=cases)
        (told,) = self.desk.references.load([], asker=CY)["tables"]
        assert told["is_loaded"], told
        return dict(told)


@contextmanager
def open_desk_home(home: Path) -> Iterator[Desk]:
    """Give an open home with a desk."""
    (home / "settings.yaml").write_text("rules: {shipped: false}\n")  # They take a second to load.
    with open_here(home) as opened:
        yield Desk(opened, home)


def make_cases(path: Path, *rows: tuple[str, str | None]) -> None:
    """Write a case system of SQLite: number, and when it was closed."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE IF EXISTS cases")
        connection.execute("CREATE TABLE cases (number TEXT, closed TEXT)")
        connection.executemany("INSERT INTO cases VALUES (?, ?)", rows)
        connection.commit()
