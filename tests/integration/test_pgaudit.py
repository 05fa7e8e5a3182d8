"""A real PostgreSQL with pgaudit, followed while it works and rotates its log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.follow import Follower
from ombud.collect.health import Health
from ombud.collect.intake import Intake, IntakeResult
from ombud.collect.pgaudit import PgAudit
from ombud.collect.positions import Positions
from ombud.collect.quarantine import Quarantine
from ombud.collect.reading import files_of
from ombud.core.event import Event
from servers import postgres

WAIT_SECONDS = 30.0


@pytest.fixture(scope="module", params=["csvlog", "jsonlog"])
def server(request: pytest.FixtureRequest) -> Iterator[postgres.Cluster]:
    """Give a running PostgreSQL 15 that logs in one format."""
    if not postgres.is_installed():
        pytest.skip(f"no PostgreSQL with pgaudit: apt-get install {postgres.PACKAGES}")
    with postgres.cluster(request.param) as running:
        yield running


class Following:
    """A follower at work in a thread of its own."""

    def __init__(self, folder: Path, log: Path, sink: MemoryRecord) -> None:
        self.source = PgAudit()
        self.positions = Positions(folder / "positions.json")
        self.quarantine = Quarantine(folder / "quarantine")
        self.result = IntakeResult()
        self._stop = threading.Event()
        follower = Follower(
            self.source,
            [str(log)],
            positions=self.positions,
            wait=self._stop.wait,
            poll_seconds=0.02,
        )
        intake = Intake(sink, self.quarantine, health=Health())

        def follow() -> None:
            self.result = intake.ingest(self.source, follower.blocks(), positions=self.positions)

        self._thread = threading.Thread(target=follow)
        self._thread.start()

    def stop(self) -> None:
        """Stop following; everything taken is durable."""
        self._stop.set()
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()


def wait_for(sink: MemoryRecord, condition: Callable[[Event], bool]) -> Event:
    """Return the first event that fulfils a condition, waiting for it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for event in list(sink.events):
            if condition(event):
                return event
        time.sleep(0.02)
    raise AssertionError("the event did not come")


def statement(text: str) -> Callable[[Event], bool]:
    """Return the condition that an event's statement holds a text."""
    return lambda event: text in (event.query_text or "")


def work(server: postgres.Cluster) -> None:
    """Do what a day brings: two users, an error, a failed sign-in, COPY both ways."""
    server.psql(
        "create table if not exists patients (id int, name text)",
        "insert into patients values (1, 'Dee'), (2, 'Eve, \"E\"')",
        "do $$ begin if not exists (select from pg_roles where rolname = 'ana') then "
        "create role ana login password 'ana-secret'; end if; end $$",
        "grant select on patients to ana",
    )
    server.psql(
        "select name\nfrom patients where id = 1",
        "copy patients to stdout",
        "delete from patients",
        "select nothing from nowhere",
        user="ana",
        password="ana-secret",
    )
    server.psql("select 1", user="ana", password="wrong")


def rotate(server: postgres.Cluster) -> None:
    """Make the server log to a new file, whose name has the next second in it."""
    before = len(list(files_of(server.log, PgAudit.file_patterns)))
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        server.psql("select pg_rotate_logfile()")
        if len(list(files_of(server.log, PgAudit.file_patterns))) > before:
            return
        time.sleep(0.2)
    raise AssertionError("the server made no new file")


def test_following_a_server(server: postgres.Cluster, tmp_path: Path) -> None:
    """Everything the server says is an event, across a rotation and a restart."""
    sink = MemoryRecord()
    following = Following(tmp_path, server.log, sink)
    try:
        work(server)
        wait_for(sink, lambda event: event.operation == "authentication.failed")
        rotate(server)
        server.psql("select 'after the rotation' as x")
        wait_for(sink, statement("after the rotation"))
    finally:
        following.stop()
    server.psql("select 'while nobody followed' as x")
    again = Following(tmp_path, server.log, sink)
    try:
        wait_for(sink, statement("while nobody followed"))
    finally:
        again.stop()

    check_events(sink)
    for run in (following, again):
        assert run.result.quarantined == run.result.duplicate == 0
    assert not [event for event in sink.events if event.source == "ombud.collect"]
    check_originals(server, sink)


def check_events(sink: MemoryRecord) -> None:
    """Check who did what to what, and how it ended."""
    read = wait_for(sink, statement("select name\nfrom patients where id = 1"))
    assert (read.actor_id, read.action, read.operation) == ("ana", "read", "SELECT")
    assert (read.resource_system, read.resource_dataset) == (
        "postgresql/postgres",
        "public.patients",
    )
    assert (read.rows_returned, read.outcome) == (1, "success")
    assert (read.origin_ip, read.origin_agent) == ("127.0.0.1", "psql")
    assert read.time_known

    export = wait_for(sink, statement("copy patients to stdout"))
    assert (export.action, export.resource_dataset) == ("export", "patients")
    denied = wait_for(sink, statement("delete from patients"))
    assert (denied.action, denied.outcome) == ("delete", "denied")
    failed = wait_for(sink, statement("nothing from nowhere"))
    assert (failed.outcome, (failed.outcome_reason or "")[:5]) == ("failure", "42P01")
    written = wait_for(sink, statement("insert into patients"))
    assert (written.actor_id, written.action, written.rows_returned) == ("postgres", "write", 2)
    granted = wait_for(sink, statement("grant select"))
    assert granted.action == "grant"
    refused = wait_for(sink, lambda event: event.operation == "authentication.failed")
    assert (refused.actor_id, refused.action, refused.outcome) == ("ana", "authenticate", "denied")
    sessions = {event.session_id for event in sink.events if event.actor_id == "ana"}
    assert len(sessions) == 2


def check_originals(server: postgres.Cluster, sink: MemoryRecord) -> None:
    """Check that the originals are the bytes of the log files, in order, of two files at least."""
    files = list(files_of(server.log, PgAudit.file_patterns))
    assert len(files) >= 2
    logged = b"".join(path.read_bytes() for path in files)
    recorded = b"".join(event.raw + b"\n" for event in sink.events)
    assert logged.startswith(recorded)
