"""Persons and data subjects from a real PostgreSQL: named exactly, or said not to be."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import ClientCursor

from ombud.attribution.declarations import PersonPattern, PersonPlace, SystemDeclaration
from ombud.collect.reading import read_paths
from ombud.collect.sources import get_source
from ombud.core.event import Event
from servers import postgres

WAIT_SECONDS = 30.0
APP_SECRET = "the-password-of-the-application"
DECLARED = SystemDeclaration(
    system="postgresql/postgres",
    subjects={
        "public.patients": {"id": "patient", "ssn": "ssn"},
        "public.visits": {"patient_id": "patient"},
        'public."Patient"': {"Id": "patient"},
        "public.known_view": {"no": "patient"},
    },
    functions={"public.known_function": ("patient",)},
    shared_accounts=frozenset({"clinic_app"}),
    persons=(
        PersonPattern(PersonPlace.APPLICATION_NAME, pattern="user=(?P<person>[^;]+)"),
        PersonPattern(PersonPlace.COMMENT, key="user"),
        PersonPattern(PersonPlace.SESSION_VARIABLE, key="app.person"),
    ),
)
SCHEMA = """
create table patients (id int primary key, ssn text, name text);
create table visits (id serial primary key, patient_id int references patients, day date);
create table "Patient" ("Id" int, "Full Name" text);
create table prices (id int);
insert into patients (id, ssn, name)
    select n, 's-' || n, 'O''Brien ' || n from generate_series(1, 50) n;
create view known_view as select id as no, name from patients;
create view other_view as select id as no, name from patients;
create function known_function(p int) returns text language sql
    as 'select name from patients where id = p';
create function other_function(p int) returns text language plpgsql
    as 'begin return (select name from patients where id = p); end';
create role clinic_app login password '{secret}';
grant all on all tables in schema public to clinic_app;
grant all on all sequences in schema public to clinic_app;
"""


class Clinic:
    """A server with a clinic's tables, and the one account of its application."""

    def __init__(self, server: postgres.Cluster) -> None:
        self.server = server
        with self.connect(user="postgres", password=postgres.PASSWORD) as owner:
            owner.execute("alter system set pgaudit.log = 'read, write, function, misc, misc_set'")
            owner.execute("select pg_reload_conf()")
            owner.execute(SCHEMA.format(secret=APP_SECRET))

    @contextmanager
    def connect(self, **said: Any) -> Iterator[psycopg.Connection[Any]]:
        """Connect as the application, unless told otherwise; each statement is a transaction."""
        wanted = {"user": "clinic_app", "password": APP_SECRET, "autocommit": True, **said}
        with psycopg.connect(
            host="127.0.0.1", port=self.server.port, dbname="postgres", **wanted
        ) as connection:
            yield connection

    def events(self, mark: str, act: Callable[[], None]) -> list[Event]:
        """Return the events of statements of what is done, from the whole log read in order."""
        # What came before may still be on its way to the log.
        before = len(self._read_up_to(f"before {mark}"))
        act()
        return [
            event
            for event in self._read_up_to(mark)[before:]
            if event.query_text is not None and event.origin_agent != "mark"
        ]

    def _read_up_to(self, mark: str) -> list[Event]:
        """Leave a mark in the log and return its events once it is there."""
        with self.connect(application_name="mark") as connection:
            connection.execute(f"select '{mark}'")
        deadline = time.monotonic() + WAIT_SECONDS
        read = self._read()
        while not any(f"'{mark}'" in (event.query_text or "") for event in read):
            assert time.monotonic() < deadline, "the mark did not come"
            time.sleep(0.05)
            read = self._read()
        return read

    def _read(self) -> list[Event]:
        source = get_source("postgres.pgaudit", declarations={DECLARED.system: DECLARED})
        paths = [str(path) for path in sorted(self.server.log.iterdir()) if path.suffix != ".log"]
        blocks = read_paths(source, paths)
        return [source.parse(raw, now_ms=0) for block in blocks for raw in block.raws]


@pytest.fixture(scope="module", params=["csvlog", "jsonlog"])
def clinic(request: pytest.FixtureRequest) -> Iterator[Clinic]:
    """Give a running clinic that logs in one format."""
    if not postgres.is_installed():
        pytest.skip(f"no PostgreSQL with pgaudit: apt-get install {postgres.PACKAGES}")
    with postgres.cluster(request.param) as running:
        yield Clinic(running)


def keys(events: list[Event]) -> list[str]:
    """Return the subjects of events, in order, each once for its statement."""
    found = [f"{kind}:{key}" for event in events for kind, key in event.subjects or ()]
    return list(dict.fromkeys(found))


def reasons(events: list[Event], prefix: str = "subject_unknown:") -> dict[str, int]:
    """Count the reasons of events that could not be attributed."""
    flags = (flag for event in events for flag in event.flags or ())
    return dict(Counter(f.removeprefix(prefix) for f in flags if f.startswith(prefix)))


def people(events: list[Event]) -> list[str | None]:
    """Return for whom reading events of tables were done, in order."""
    return [
        (event.on_behalf_of or (None,))[0]
        for event in events
        if event.resource_dataset is not None and event.action == "read"
    ]


def test_statements(clinic: Clinic) -> None:
    """Literals, parameters of both protocols, prepared statements, COPY and quoted names."""

    def act() -> None:
        with clinic.connect() as c:
            c.execute("select * from patients where id = 1")
            c.execute("select * from patients where id = %s", (2,))
            c.execute("select * from patients where ssn = %s", ('s-3,"x"\n',), prepare=True)
            c.execute("select * from visits where patient_id = any(%s)", ([4, 5],))
            ClientCursor(c).execute("select * from patients where ssn = %s", ("O'Brien",))
            c.execute("prepare by_id as select * from patients where id = $1")
            c.execute("execute by_id(6)")
            c.execute('select "Full Name" from "Patient" where "Id" = 7')
            c.execute("insert into visits (patient_id, day) values (%s, now())", (8,))
            c.execute("select * from patients p join visits v on v.patient_id = p.id where p.id=9")
            with (
                c.cursor() as cursor,
                cursor.copy("copy (select * from patients where id = 10) to stdout") as copy,
            ):
                assert list(copy)
            with c.transaction():
                c.execute("declare d cursor for select * from patients where id = 11")
                c.execute("fetch all from d")
            c.execute("do $$ begin perform * from patients where id = 12; end $$")
            c.execute("explain analyze select * from patients where id = 13")
            c.execute("select * from prices where id = 14")

    events = clinic.events("statements", act)

    numbers = {"patient:" + str(n) for n in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)}
    assert set(keys(events)) == numbers | {'ssn:s-3,"x"\n', "ssn:O'Brien"}
    # The check of the foreign key runs inside: the server asks for the row it refers to.
    assert reasons(events) in ({}, {"function": 1})


def test_unattributed(clinic: Clinic) -> None:
    """Whole tables, patterns, functions and views that are not declared say so, each counted."""

    def act() -> None:
        with clinic.connect() as c:
            c.execute("select count(*) from patients")
            c.execute("select * from patients where ssn like 's-1%'")
            c.execute("select * from patients where id between 1 and 5")
            with c.cursor() as cursor, cursor.copy("copy patients to stdout") as copy:
                assert list(copy)
            c.execute("select other_function(15)")
            c.execute("select * from other_view where no = 16")

    events = clinic.events("unattributed", act)

    assert keys(events) == []
    assert reasons(events) == {
        "no_comparison": 1, "pattern": 1, "range": 1, "copy": 1, "function": 1, "indirect": 1,
    }  # fmt: skip


def test_declared_views_and_functions(clinic: Clinic) -> None:
    """A declared view names its subjects for the tables below it, a function for its call."""

    def act() -> None:
        with clinic.connect() as c:
            c.execute("select * from known_view where no = 17")
            c.execute("select known_function(18)")

    events = clinic.events("declared", act)

    assert keys(events) == ["patient:17", "patient:18"]
    view = [event for event in events if "known_view" in (event.query_text or "")]
    assert {event.resource_dataset for event in view} >= {"public.known_view", "public.patients"}
    assert all(event.subjects == (("patient", "17"),) for event in view)


def test_parameters_not_logged(clinic: Clinic) -> None:
    """Without the values of parameters nobody is named, and it says why."""

    def act() -> None:
        with clinic.connect(user="postgres", password=postgres.PASSWORD) as c:
            c.execute("set pgaudit.log_parameter = off")
            c.execute("select * from patients where id = %s", (19,))
            c.execute("select * from patients where id = 20")
            c.execute("set pgaudit.log_statement = off")
            c.execute("select * from patients where id = 21")

    events = clinic.events("parameters", act)

    assert keys(events) == ["patient:20"]
    assert reasons(events) == {"parameters_not_logged": 1}


def test_people_behind_one_account(clinic: Clinic) -> None:
    """The application's name, a comment and a variable each name the person."""

    def act() -> None:
        with clinic.connect(application_name="clinic; user=ana") as c:
            c.execute("select * from patients where id = 1")
        with clinic.connect() as c:
            c.execute("select * from patients where id = 2 /*action='show',user='b%20en'*/")
            c.execute("select * from patients where id = 3")
            c.execute("select * from patients where id = %s /*user='cy'*/", (4,))
        with clinic.connect(autocommit=False) as c:
            c.execute("select set_config('app.person', %s, true)", ("dee",))
            c.execute("select * from patients where id = 5")
            c.commit()
            c.execute("select * from patients where id = 6")

    events = clinic.events("people", act)

    assert people(events) == ["ana", "b en", None, "cy", "dee", None]
    assert all(event.actor_id == "clinic_app" for event in events)
    assert reasons(events, "person_unknown:")["shared_account"] >= 2


def test_pooled_connection(clinic: Clinic) -> None:
    """One connection serves one person after the other, and nobody is left over."""

    def act() -> None:
        with clinic.connect() as c:
            for name in ("ana", "ben"):
                c.execute(f"set app.person = '{name}'")
                c.execute("select * from patients where id = 1")
                c.execute("discard all")
                c.execute("select * from patients where id = 2")
            with c.transaction(force_rollback=True):
                c.execute("set app.person = 'cy'")
                c.execute("select * from patients where id = 3")
            c.execute("select * from patients where id = 4")
            c.execute("begin")
            c.execute("set local app.person = 'dee'")
            c.execute("select * from patients where id = 5")
            c.execute("commit")
            c.execute("select * from patients where id = 6")
            c.execute("begin")
            c.execute("set app.person = 'eve'")
            with pytest.raises(psycopg.Error):
                c.execute("select 1 / 0 from patients where id = 7")
            c.execute("commit")
            c.execute("select * from patients where id = 8")

    events = clinic.events("pooled", act)

    answered = [event for event in events if event.outcome == "success"]
    assert people(answered) == ["ana", None, "ben", None, "cy", None, "dee", None, None]
    failed = next(event for event in events if event.outcome == "failure")
    assert (failed.on_behalf_of, failed.subjects) == (("eve",), (("patient", "7"),))


def test_reading_from_the_middle(clinic: Clinic, tmp_path: Path) -> None:
    """A session whose beginning was not seen may have a person that nobody knows."""

    def act() -> None:
        with clinic.connect() as c:
            c.execute("select * from patients where id = 1")
            c.execute("select * from patients where id = 2")

    events = clinic.events("middle", act)
    raw = next(event.raw for event in events if "id = 2" in (event.query_text or ""))
    source = get_source("postgres.pgaudit", declarations={DECLARED.system: DECLARED})

    late = source.parse(raw, now_ms=0)

    assert late.on_behalf_of is None
    assert late.flags == ("person_unknown:session_start_not_seen",)
