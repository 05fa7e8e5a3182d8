"""Reference data from a real PostgreSQL: read only, quoted, timed out, without a secret said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ombud.access.reference import Origin, ReferenceTable
from ombud.collect.reference_read import read_case, read_reference
from ombud.core.errors import Unavailable
from servers.postgres import PACKAGES, PASSWORD, Cluster, cluster, is_installed

pytestmark = pytest.mark.skipif(not is_installed(), reason=f"needs {PACKAGES}")
ENVIRON = {"CASES_PASSWORD": PASSWORD}
SCHEMA = """
CREATE SCHEMA "Case System";
CREATE TABLE "Case System"."Cases" (number int, opened timestamptz, closed date, unit text);
INSERT INTO "Case System"."Cases" VALUES (118, '2026-01-01T08:00+02', null, 'patrol');
INSERT INTO "Case System"."Cases" VALUES (119, '2026-01-01T00:00Z', '2026-02-01', null);
CREATE TABLE log (n int);
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'INSERT INTO log VALUES (1) RETURNING n';
CREATE VIEW writing AS SELECT writes() AS number;
CREATE VIEW sleeping AS SELECT '1' AS number FROM pg_sleep(30);
CREATE ROLE reader LOGIN PASSWORD 'another-password';
"""
T = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """Return a server with a small case system."""
    with cluster("stderr", is_bare=True) as one:
        for statement in SCHEMA.strip().splitlines():
            said = one.psql(statement)
            assert "ERROR" not in said, said
        yield one


def table(server: Cluster, **other: Any) -> ReferenceTable:
    """Return the table of cases."""
    said: dict[str, Any] = {
        "name": "cases", "kind": "case", "origin": Origin.SQL, "url": server.url(),
        "table": "Case System.Cases", "secret": "CASES_PASSWORD", "live": True, "seconds_max": 5,
        "columns": {
            "id": "number", "opened_at": "opened", "closed_at": "closed", "assigned_unit": "unit",
        },
    }  # fmt: skip
    return ReferenceTable(**{**said, **other})


def read(asked: ReferenceTable) -> Any:
    """Return what a table gives."""
    return read_reference(asked, home=None, environ=ENVIRON)  # type: ignore[arg-type]


def test_typed_values(server: Cluster) -> None:
    """Numbers as names, instants with their zone, days; names of any case."""
    found = read(table(server))

    assert not found.faults
    assert [row[:4] for row in found.rows] == [
        ("118", None, T + 6 * 3_600_000, None),
        ("119", None, T, T + 32 * 86_400_000),
    ]


def test_one_case_of_a_number_column(server: Cluster) -> None:
    """A case is asked for as it is written, whatever the column's type, and is never SQL."""
    asked = table(server)

    def rows(case: str) -> list[Any]:
        return list(read_case(asked, case, home=None, environ=ENVIRON).rows)  # type: ignore[arg-type]

    assert [row[0] for row in rows("118")] == ["118"]
    assert rows("120") == []
    assert rows("118 OR true") == rows("'; DROP TABLE log; --") == []


def test_nothing_is_written(server: Cluster) -> None:
    """Not even by a view that does."""
    with pytest.raises(Unavailable, match="read-only transaction"):
        read(table(server, table="writing", columns={"id": "number"}))
    assert "0" in server.psql("SELECT count(*) FROM log")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"table": "sleeping", "columns": {"id": "number"}, "seconds_max": 1}, "statement timeout"),
        ({"table": 'cases"; DROP TABLE log; --'}, "does not exist"),
        ({"columns": {"id": 'number"; DROP TABLE log; --'}}, "does not exist"),
        ({"table": "nothing"}, "does not exist"),
    ],
)
def test_what_the_server_says(server: Cluster, changed: dict[str, Any], fault: str) -> None:
    """In its own words; names with statements in them are names."""
    with pytest.raises(Unavailable, match=fault):
        read(table(server, **changed))
    assert "ERROR" not in server.psql("SELECT * FROM log")


def test_rights_and_passwords(server: Cluster) -> None:
    """Who may not read is told so, and a wrong password is repeated nowhere."""
    asked = table(server, url=server.url(user="reader"))
    with pytest.raises(Unavailable) as raised:
        read(asked)
    assert PASSWORD not in f"{raised.value} {raised.value.hint} {raised.value.__cause__}"
    with pytest.raises(Unavailable, match="permission denied"):
        read_reference(asked, home=None, environ={"CASES_PASSWORD": "another-password"})  # type: ignore[arg-type]


def test_rows_are_bounded(server: Cluster) -> None:
    """No more than declared are taken."""
    assert "more than 1 rows" in str(read(table(server, rows_max=1)).faults.shown[0])
