"""Story 4: an existing platform before lunch, with a real PostgreSQL that Ombud has never seen."""

from __future__ import annotations

import gzip
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from doubles.clinic_schema import clinic_schema
from doubles.clinic_work import (
    SHARED,
    WATCHED,
    Act,
    ClinicWork,
    accounts_of,
    run_acts,
    warp,
)
from doubles.running_home import ombud, rows_of
from servers import postgres

OLD_ACTS, NEW_ACTS = 2_000, 1_500
DIRECT_SHARE = 0.34
COMMANDS_MAX = 15
LOOK = ("--why", "story 4", "--case", "S-4")


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Cluster]:
    """Give a PostgreSQL as it is delivered: nothing of it says who read what."""
    if not postgres.is_installed():
        pytest.skip(f"no PostgreSQL with pgaudit: apt-get install {postgres.PACKAGES}")
    with postgres.cluster("", is_bare=True) as running:
        yield running


class Story:
    """The commands a person gives, counted and kept."""

    def __init__(self, home: Path, server: postgres.Cluster) -> None:
        self.home = home
        self.server = server
        self.url = server.url("clinic")
        self.commands: list[str] = []

    def run(self, *words: str, status: int = 0) -> list[dict[str, Any]]:
        """Give one command of Ombud, and return its lines of JSON."""
        self.commands.append(f"ombud {' '.join(words)}")
        done = ombud(self.home, *words, "--json")
        assert done.returncode == status, (done.stdout + done.stderr).decode()[-2000:]
        assert postgres.PASSWORD.encode() not in done.stdout + done.stderr
        return rows_of(done.stdout)

    def other(self, command: str) -> None:
        """Count a command that is none of Ombud's."""
        self.commands.append(command)


def fill(server: postgres.Cluster, work: ClinicWork) -> None:
    """Make the database of the clinic, unwatched."""
    with psycopg.connect(server.url(), password=postgres.PASSWORD, autocommit=True) as connection:
        connection.execute("create database clinic")
    with psycopg.connect(server.url("clinic"), password=postgres.PASSWORD) as connection:
        for statement in (*clinic_schema().statements, *work.rows(), "analyze"):
            connection.execute(statement)
        roles = [SHARED, *(one.login for one in work.people if one.is_direct)]
        for role in roles:
            connection.execute(f"create role {role} login password '{postgres.PASSWORD}'")
            for schema in ("public", "billing", "permits"):
                connection.execute(f"grant usage on schema {schema} to {role}")
                connection.execute(
                    f"grant select, insert, update on all tables in schema {schema} to {role}"
                )


def log_lines(server: postgres.Cluster) -> list[bytes]:
    """Return the lines the server has written so far, once it has written them all."""
    return [
        line
        for path in sorted(server.log.glob("*.json"))
        for line in path.read_bytes().splitlines(keepends=True)
    ]


def write_old_logs(lines: list[bytes], folder: Path) -> None:
    """Write a month of logs, one file a day, the older half packed."""
    now = datetime.now(tz=UTC)
    days: dict[str, list[bytes]] = defaultdict(list)
    for day, line in warp(lines, begin=now - timedelta(days=30), end=now - timedelta(hours=2)):
        days[day].append(line)
    folder.mkdir()
    for number, (day, held) in enumerate(sorted(days.items())):
        if number < len(days) // 2:
            (folder / f"postgresql-{day}.json.gz").write_bytes(gzip.compress(b"".join(held)))
        else:
            (folder / f"postgresql-{day}.json").write_bytes(b"".join(held))


def test_an_existing_platform_before_lunch(
    server: postgres.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings, proposals, old logs, one line in a connection string, and an answer."""
    monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    work = ClinicWork(4)
    fill(server, work)
    story = Story(tmp_path / "home", server)

    (first,) = story.run("connect", story.url)
    check_first_look(first)
    server.change(*(one["line"] for one in first["missing"]))
    story.other("systemctl restart postgresql")
    with psycopg.connect(story.url, autocommit=True) as connection:
        connection.execute("create extension pgaudit")
    story.other("psql -c 'create extension pgaudit' clinic")

    begin = len(log_lines(server))
    old = work.acts(OLD_ACTS, direct_share=DIRECT_SHARE)
    run_acts(story.url, postgres.PASSWORD, old, names_person=False)
    lines = log_lines(server)[begin:]
    write_old_logs(lines, tmp_path / "old")

    roster = tmp_path / "roster"
    roster.mkdir()
    story.run("directory", "load", "--yes", *map(str, work.write_roster(roster)))
    (second,) = story.run("connect", story.url, "--confirm", "all", "--logs", str(tmp_path / "old"))
    check_import(second, lines)
    check_truth(story, old)

    new = work.acts(NEW_ACTS, direct_share=DIRECT_SHARE)
    before = len(log_lines(server))
    run_acts(story.url, postgres.PASSWORD, new, names_person=True)
    after = log_lines(server)[before:]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "postgresql.json").write_bytes(b"".join(after))
    story.run("ingest", "--source", "postgres.pgaudit", str(tmp_path / "new"))
    (report,) = story.run("coverage", "--since", "1h")
    assert report["total"]["events"] == len(after)
    assert report["total"]["person_known_percent"] >= 95
    assert report["total"]["subject_known_percent"] >= 90

    alerts = story.run("alerts")
    story.run("record", "verify")
    assert len(story.commands) <= COMMANDS_MAX
    before_that = second["coverage"]["total"]
    figures = [
        f"{name}: {before_that[name]} % before, {report['total'][name]} % after"
        for name in ("person_known_percent", "subject_known_percent")
    ]
    said = [*story.commands, *figures, f"alerts on day one: {len(alerts)}", ""]
    sys.stdout.write("\n".join(said))
    assert len(alerts) <= 12


def check_first_look(first: dict[str, Any]) -> None:
    """Check that what is missing is said to the line, and what names data subjects proposed."""
    truth = {(dataset, column): kind for (dataset, column), kind in clinic_schema().truth.items()}
    proposed = {(one["dataset"], one["column"]): one["kind"] for one in first["proposals"]}
    assert proposed == truth
    assert [one["account"] for one in first["shared_accounts"]] == [SHARED]
    assert {"shared_preload_libraries = 'pgaudit'", "log_destination = 'jsonlog'"} <= {
        one["line"] for one in first["missing"]
    }


def check_import(second: dict[str, Any], lines: list[bytes]) -> None:
    """Check that nothing is lost, and that the figures say what to do next."""
    told = second["import"]
    assert (told["read"], told["recorded"]) == (len(lines), len(lines))
    assert told["duplicate"] == told["quarantined"] == 0
    assert second["missing"] == []
    total = second["coverage"]["total"]
    assert 24 <= total["person_known_percent"] <= 34
    assert total["subject_known_percent"] >= 90
    fix = second["coverage"]["fixes"][0]
    assert fix["of"] == "person"
    assert "application_name=user={login}" in fix["what"]
    assert SHARED in fix["what"]


def check_truth(story: Story, acts: list[Act]) -> None:
    """Check that the old logs answer exactly who looked at one patient."""
    truth = accounts_of(acts, "patient", str(WATCHED))
    (answer,) = story.run("who", f"patient:{WATCHED}", *LOOK)
    accounts = {one["account"] for row in answer["people"] for one in row["accounts"]}
    assert accounts == set(truth)
    found = story.run("search", f"source:postgres.pgaudit subject:patient:{WATCHED}", *LOOK)
    statements = {
        (event["actor"]["session"]["uid"], event["ombud"]["attributes"]["statement_id"])
        for event in found
    }
    assert len(statements) == sum(truth.values())
