"""Looking into a real PostgreSQL: with few rights, beside a running home, and again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from doubles.clinic_schema import clinic_schema
from doubles.running_home import RunningHome, ombud, rows_of
from ombud.services.connecting import Inspection, inspect
from servers import postgres

TABLES = 3_000
CPU_SECONDS_MAX = 20.0  # A catalogue of thousands of tables is read in a few.


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Cluster]:
    """Give a PostgreSQL with the clinic's database and a role that may only look."""
    if not postgres.is_installed():
        pytest.skip(f"no PostgreSQL with pgaudit: apt-get install {postgres.PACKAGES}")
    with postgres.cluster("csvlog") as running:
        with psycopg.connect(running.url(), password=postgres.PASSWORD, autocommit=True) as admin:
            admin.execute("create database clinic")
            admin.execute(f"create role looker login password '{postgres.PASSWORD}'")
            admin.execute(f"create role monitor login password '{postgres.PASSWORD}'")
            admin.execute("grant pg_monitor, pg_read_all_data to monitor")
        with psycopg.connect(running.url("clinic"), password=postgres.PASSWORD) as admin:
            for statement in clinic_schema().statements:
                admin.execute(statement)
            admin.execute(
                "insert into patients (id, mrn, email) select i, 'MRN', 'a@b.example'"
                " from generate_series(1, 1) i"
            )
            admin.execute("alter role looker set pgaudit.log = 'none'")
        yield running


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the password as a person would who keeps it out of the URL."""
    monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)


def look(server: postgres.Cluster, user: str, database: str = "clinic") -> Inspection:
    """Look as somebody."""
    return inspect(server.url(database, user), samples=True)


def proposed(inspection: Inspection) -> dict[tuple[str, str], str]:
    """Return what is proposed, by place."""
    return {one.place: one.kind for one in inspection.proposals}


def test_few_rights(server: postgres.Cluster) -> None:
    """Without rights names and keys are enough; what was not seen is said."""
    inspection = look(server, "looker")

    assert proposed(inspection) == clinic_schema().truth
    assert inspection.sampled == 0
    assert "public.patients" in inspection.refused
    limits = " ".join(inspection.limits())
    assert "pg_read_all_settings" in limits
    assert "pg_read_all_stats" in limits
    assert "grant select" in limits
    assert inspection.server.overrides == ("pgaudit.log=none for looker in every database",)


def test_rights_of_a_monitor(server: postgres.Cluster) -> None:
    """With the two roles that the documentation names everything is seen."""
    inspection = look(server, "monitor")

    assert inspection.limits() == []
    assert proposed(inspection) == clinic_schema().truth
    assert [one.name for one in inspection.missing] == ["log_file_mode"]
    assert inspection.sampled > 0
    assert inspection.server.pgaudit == "loaded"
    assert not inspection.server.is_created
    assert inspection.server.log_folder == str(server.log)


def test_nothing_is_written(server: postgres.Cluster) -> None:
    """The look is one read-only transaction that is rolled back."""
    look(server, "postgres")
    done = server.psql("select count(*) from pg_stat_activity where application_name like 'ombud%'")

    assert "     0" in done


def test_faults(server: postgres.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is not there and a wrong password are each said so."""
    absent = ombud(tmp_path / "home", "connect", server.url("nothing"))
    monkeypatch.setenv("PGPASSWORD", "wrong-of-dee")
    wrong = ombud(tmp_path / "home", "connect", server.url("clinic"))

    assert absent.returncode == wrong.returncode == 3
    assert b"there is no such database" in absent.stderr
    assert b"does not know this user with this password" in wrong.stderr
    assert b"wrong-of-dee" not in wrong.stderr
    assert not (tmp_path / "home").exists()


def test_beside_a_running_home_and_again(server: postgres.Cluster, tmp_path: Path) -> None:
    """A running home takes it in; the second time nothing changes."""
    home = tmp_path / "home"
    running = RunningHome(home).start()
    try:
        url = server.url("clinic")
        words = ("connect", url, "--confirm", "all", "--logs", str(server.log), "--json")
        (first,) = told(home, *words)
        (second,) = told(home, *words)
        (report,) = told(home, "coverage", "--json")
        running.own_token()
        answer = running.ask("GET", "/v1/coverage", since="7d")
        events = running.search("source:ombud.connect")
    finally:
        running.close()

    assert first["difference"]
    assert second["difference"] == ""
    assert first["import"]["recorded"] == first["import"]["read"] > 0
    # What the log says of the two looks themselves is new.
    assert second["import"]["recorded"] < first["import"]["recorded"]
    assert second["import"]["quarantined"] == second["import"]["duplicate"] == 0
    assert answer.status == 200
    assert answer.body["total"].keys() == report["total"].keys()
    assert [event["api"]["operation"] for event in events] == [
        "connect.inspected",
        "connect.confirmed",
        "connect.inspected",
    ]
    kept = b"".join(path.read_bytes() for path in home.rglob("*.yaml"))
    assert postgres.PASSWORD.encode() not in kept + str(events).encode()


def told(home: Path, *words: str) -> list[dict[str, Any]]:
    """Return what a command answers with; it must not fail, or tell the password."""
    done = ombud(home, *words)
    assert done.returncode == 0, done.stderr.decode()
    assert postgres.PASSWORD.encode() not in done.stdout + done.stderr
    return rows_of(done.stdout)


def test_for_people(server: postgres.Cluster, tmp_path: Path) -> None:
    """Without --json it says in words what is there, what is shared and what comes next."""
    done = ombud(tmp_path / "home", "connect", server.url("clinic"), "--no-sample")
    said = " ".join(done.stdout.decode().split())  # A long reason wraps.

    assert done.returncode == 0
    assert "Proposed: 29 columns of" in said
    assert "public.visits.patient_id" in said
    assert "foreign key to public.patients.id" in said
    assert "create extension pgaudit" in said
    assert "--confirm all" in said


def test_thousands_of_tables(server: postgres.Cluster) -> None:
    """A database of thousands of tables is read whole, in bounded time of the processor."""
    with psycopg.connect(server.url(), password=postgres.PASSWORD, autocommit=True) as admin:
        admin.execute("create database large")
    with psycopg.connect(server.url("large"), password=postgres.PASSWORD) as admin:
        admin.execute("set pgaudit.log = 'none'")
        admin.execute("create table patients (id int primary key, last_name text, dob date)")
        _make_many(admin)
    before = os.times()
    inspection = look(server, "postgres", "large")
    after = os.times()

    assert len(inspection.catalogue.tables) == TABLES + 1
    assert len(inspection.proposals) == TABLES + 2
    assert after.user - before.user < CPU_SECONDS_MAX


def _make_many(admin: psycopg.Connection) -> None:
    for first in range(0, TABLES, 200):
        admin.execute(
            "".join(
                f"create table t{number} (id int, patient_id int, a int, b int);"
                for number in range(first, first + 200)
            )
        )
        admin.commit()
