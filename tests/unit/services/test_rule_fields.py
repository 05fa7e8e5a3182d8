"""Rule fields: what the rules of a home miss in its events, with names that are like it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.record_port import record_events

NOW = 1_795_305_600_000
BEN = Asker(person="ben", scopes=frozenset({"search"}))
UNIT = Asker(person="cy", scopes=frozenset({"search"}), units=("u1",))
RULE = """\
title: Console sign-in of root
id: root
logsource: {product: aws, service: cloudtrail}
detection: {s: {userName: root, eventName: ConsoleLogin}, condition: s}
"""


def event(number: int, source: str, unit: str, raw: bytes) -> Event:
    """Return an act of a unit with an original."""
    return Event(
        time=NOW + number,
        source=source,
        action="read",
        native_id=f"e-{number}",
        actor_id="ana",
        actor_organisation=unit,
        raw=raw,
    )


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Return an open home with a rule of its own, and events of two sources."""
    folder: Path = tmp_path_factory.mktemp("fields")
    (folder / "rules").mkdir()
    (folder / "rules" / "root.yml").write_text(RULE)
    home = folder / "home"
    home.mkdir()
    (home / "settings.yaml").write_text(f'rules:\n  folders: ["{folder / "rules"}"]\n')
    trail = b'{"eventName": "ConsoleLogin", "userIdentity": {"userName": "root"}}'
    with open_here(home) as one:
        record_events(
            one.appender,
            [
                event(1, "aws.cloudtrail", "u1", trail),
                event(2, "aws.cloudtrail", "u2", trail.replace(b"userName", b"username")),
                event(3, "county.records", "u2", b"{}"),
            ],
        )
        one.catch_up()
        yield one


def test_report(opened: OpenHome) -> None:
    """Events by source, the field that none carries with what they carry instead, and why."""
    report = opened.services.rule_fields(asker=BEN)

    counts = {row["source"]: row["event_count"] for row in report["sources"]}
    assert (counts["aws.cloudtrail"], counts["county.records"]) == (2, 1)
    (row,) = (row for row in report["never_seen"] if row["source"] == "aws.cloudtrail")
    assert (row["field"], row["event_count"], list(row["rule_ids"])) == ("userName", 2, ["root"])
    assert set(row["close"]) == {"userIdentity.username", "userIdentity.userName"}
    silent = {row["rule_id"]: row["reason"] for row in report["silent"]}
    assert silent["root"] == "no event has carried userName"
    assert report["rules"] > len(silent)

    size, _ = opened.appender.head()
    look = opened.reader.fetch([size - 1])[0]
    assert (look.operation, look.actor_id) == ("rule fields", "ben")


def test_units_apart(opened: OpenHome) -> None:
    """Whoever sees one unit is told of no other's events, nor of the names they carry."""
    report = opened.services.rule_fields(asker=UNIT)
    assert [(row["source"], row["event_count"]) for row in report["sources"]] == [
        ("aws.cloudtrail", 1)
    ]
    (row,) = (row for row in report["never_seen"] if row["source"] == "aws.cloudtrail")
    assert row["close"] == ["userIdentity.userName"]
