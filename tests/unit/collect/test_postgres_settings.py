"""Settings of a PostgreSQL: what is missing is said to the line, and nothing that is there."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.collect.postgres_settings import (
    RELOAD,
    RESTART,
    Server,
    how_to_install,
    missing_lines,
    unaudited_classes,
)

GOOD = {
    "shared_preload_libraries": "pgaudit",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_timezone": "UTC",
    "log_file_mode": "0640",
    "log_truncate_on_rotation": "off",
    "lc_messages": "en_US.UTF-8",
    "pgaudit.log": "read, write, function, role, ddl",
    "pgaudit.log_parameter": "on",
    "pgaudit.log_relation": "on",
    "pgaudit.log_rows": "on",
    "pgaudit.log_statement": "on",
    "pgaudit.log_statement_once": "off",
    "pgaudit.log_parameter_max_size": "0",
}


def server(changes: dict[str, str] | None = None, **fields: Any) -> Server:
    """Return a server that has everything set, but for some changes."""
    told: dict[str, Any] = {"version": 150_018, "version_text": "PostgreSQL 15.18",
                            "database": "clinic", "user": "ombud", "pgaudit": "loaded"}  # fmt: skip
    return Server(settings=GOOD | (changes or {}), **(told | fields))


def test_nothing_is_missing() -> None:
    """A server that has it all is left alone."""
    assert missing_lines(server()) == []
    assert unaudited_classes(server()) == []


@pytest.mark.parametrize(
    ("changes", "line", "needs"),
    [
        ({"logging_collector": "off"}, "logging_collector = on", RESTART),
        ({"log_destination": "stderr"}, "log_destination = 'jsonlog'", RELOAD),
        ({"log_destination": "csvlog,jsonlog"}, "log_destination = 'jsonlog'", RELOAD),
        ({"log_connections": "off"}, "log_connections = on", RELOAD),
        ({"log_timezone": "America/Caracas"}, "log_timezone = 'UTC'", RELOAD),
        ({"log_file_mode": "0600"}, "log_file_mode = 0640", RELOAD),
        ({"lc_messages": "de_DE.UTF-8"}, "lc_messages = 'C'", RELOAD),
        ({"log_truncate_on_rotation": "on"}, "log_truncate_on_rotation = off", RELOAD),
        (
            {"pgaudit.log": "read, misc"},
            "pgaudit.log = 'read, write, function, role, ddl, misc'",
            RELOAD,
        ),
        (
            {"pgaudit.log": "all, -write"},
            "pgaudit.log = 'read, write, function, role, ddl, misc, misc_set'",
            RELOAD,
        ),
        ({"pgaudit.log_parameter": "off"}, "pgaudit.log_parameter = on", RELOAD),
        ({"pgaudit.log_statement_once": "on"}, "pgaudit.log_statement_once = off", RELOAD),
        (
            {"pgaudit.log_parameter_max_size": "100"},
            "pgaudit.log_parameter_max_size = 0",
            RELOAD,
        ),
    ],
)
def test_one_line_is_missing(changes: dict[str, str], line: str, needs: str) -> None:
    """Exactly the one line is told, and whether it needs a restart."""
    (missing,) = missing_lines(server(changes))

    assert (missing.line, missing.needs) == (line, needs)
    assert missing.now == next(iter(changes.values()))
    assert missing.why


@pytest.mark.parametrize("log", ["all", "all, -misc", "ALL", "READ,WRITE,FUNCTION,ROLE,DDL"])
def test_all_classes(log: str) -> None:
    """However it is written that every class leaves a line."""
    assert missing_lines(server({"pgaudit.log": log})) == []


def test_unaudited() -> None:
    """What leaves no line is named; without pgaudit, all of it."""
    assert unaudited_classes(server({"pgaudit.log": "all,-read,-ddl"})) == ["read", "ddl"]
    assert unaudited_classes(server({"pgaudit.log": "none"})) == unaudited_classes(
        server(pgaudit="available")
    )


def test_libraries_that_are_there_stay() -> None:
    """Pgaudit is added to the libraries that are loaded already."""
    bare = {"shared_preload_libraries": "pg_stat_statements, auto_explain", "pgaudit.log": ""}
    lines = [one.line for one in missing_lines(server(bare, pgaudit="available"))]

    assert lines[0] == "shared_preload_libraries = 'pg_stat_statements,auto_explain,pgaudit'"
    assert "pgaudit.log = 'read, write, function, role, ddl'" in lines


def test_older_servers_log_csv() -> None:
    """Before version 15 there is no jsonlog."""
    old = server({"log_destination": "stderr"}, version=140_011)

    assert [one.line for one in missing_lines(old)] == ["log_destination = 'csvlog'"]


def test_hidden_libraries_are_said_to_be() -> None:
    """Who may not see the libraries is told not to replace them."""
    hidden = Server(150_000, "", "clinic", "ombud", {}, pgaudit="available", sees_settings=False)

    assert "may not see" in missing_lines(hidden)[1].why + missing_lines(hidden)[0].why


@pytest.mark.parametrize(
    ("platform", "word"),
    [("", "postgresql-15-pgaudit"), ("rds", "parameter group"), ("cloudsql", "enable_pgaudit"),
     ("azure", "azure.extensions")],
)  # fmt: skip
def test_how_to_install(platform: str, word: str) -> None:
    """Where pgaudit comes from depends on who runs the server."""
    assert word in how_to_install(server(platform=platform))


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        ({"log_directory": "/var/log/pg"}, "/var/log/pg"),
        ({"log_directory": "log", "data_directory": "/srv/pg"}, "/srv/pg/log"),
        ({"log_directory": "log"}, ""),
        ({}, ""),
    ],
)
def test_log_folder(settings: dict[str, str], folder: str) -> None:
    """The folder of the log is told only when it is known for sure."""
    assert server(settings | {}).log_folder == folder
