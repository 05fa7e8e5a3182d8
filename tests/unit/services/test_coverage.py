"""Coverage: what a home tells of persons, data subjects and what was never seen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ombud.app.home import OpenHome, open_here
from ombud.collect.quarantine import Quarantine, make_item
from ombud.core.errors import Forbidden, InputError
from ombud.core.event import Event
from ombud.directory.span import AccountSpan
from ombud.services.asker import Asker, local_owner
from ombud.services.coverage_fixes import percent
from ombud.services.own_events import own_event
from ombud.services.record_port import record_events

MINUTE_MS = 60_000
CLINIC = "postgresql/clinic"
SOURCE = "postgres.pgaudit"
SETTINGS = """
sources:
  - {kind: aws.cloudtrail, path: /var/log/trail}
  - {kind: postgres.pgaudit, path: /var/log/pg}
"""
ATTRIBUTION = """
systems:
  postgresql/clinic:
    subjects:
      public.patients: {id: patient}
      public.visits: {patient_id: patient}
    shared_accounts: [clinic_app]
"""


def event(number: int, now: int, **fields: Any) -> Event:
    """Return what a database said, so many minutes ago."""
    told: dict[str, Any] = {"source": SOURCE, "action": "read", "resource_system": CLINIC}
    return Event(
        time=now - number * MINUTE_MS, native_id=f"n{number}", raw=b"%d" % number, **(told | fields)
    )


def events(now: int) -> list[Event]:
    """Return events of known people, unknown accounts, a shared one and a machine."""
    patient = {"subjects": (("patient", "1"),), "resource_dataset": "public.patients"}
    lost = {"flags": ("subject_unknown:parameters_not_logged",)}
    return [
        *(event(n, now, actor_id="ana", **patient) for n in range(3)),
        event(3, now, actor_id="zoe", flags=("time_unknown",)),
        *(event(n, now, actor_id="clinic_app", **lost) for n in range(4, 8)),
        event(8, now, actor_id="clinic_app", on_behalf_of=("ben",), **patient),
        event(9, now, actor_id="logger", actor_type="service"),
        event(10, now),
        event(60 * 24 * 40, now, actor_id="zoe"),
        Event(
            time=now, source="ombud.collect", action="other", operation="source.gap", raw=b"gap",
            native_id="gap", resource_system=SOURCE, attributes={"missing": 7},
        ),
        Event(
            time=now, source="ombud.collect", action="other", operation="source.silence",
            raw=b"silence", native_id="silence", resource_system=SOURCE,
        ),
        own_event(
            time=now, source="ombud.connect", action="read", operation="connect.inspected",
            attributes={"system": CLINIC, "unaudited": ["ddl"], "overrides": ["pgaudit.log=none"]},
        ),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Give a home with these events, a directory, declarations and a quarantine."""
    home = tmp_path_factory.mktemp("home")
    (home / "settings.yaml").write_text(SETTINGS)
    (home / "attribution.yaml").write_text(ATTRIBUTION)
    now = time.time_ns() // 1_000_000
    quarantine = Quarantine(home / "quarantine")
    quarantine.add(make_item(source=SOURCE, file="f", line=1, reason="torn", time_ms=now - 1,
                             raw=b"x", size=1))  # fmt: skip
    quarantine.sync()
    with open_here(home) as running:
        record_events(running.appender, events(now))
        ends = 4 * 10**18
        running.index.set_spans(
            [AccountSpan("ana", None, 0, ends, "p1"), AccountSpan("ben", CLINIC, 0, ends, "p2"),
             AccountSpan("zoe", "mainframe", 0, ends, "p3")],
            stamp=0,
        )  # fmt: skip
        yield running


def report(opened: OpenHome, **asked: Any) -> dict[str, Any]:
    """Return the report of 30 days, unless asked otherwise."""
    return opened.services.coverage(
        **({"since": None, "until": None, "asker": local_owner()} | asked)
    )


def test_figures(opened: OpenHome) -> None:
    """Persons are those of the account at that time; machines are counted apart."""
    total = report(opened)["total"]

    assert (total["events"], total["machines"], total["acted"]) == (11, 1, 9)
    assert (total["person_known"], total["person_known_percent"]) == (4, 44.4)
    assert (total["subject_known"], total["subject_unknown"]) == (4, 4)
    assert total["subject_known_percent"] == 50.0


def test_reasons_and_accounts(opened: OpenHome) -> None:
    """Why nobody is known is counted, other flags are not; accounts come by their effect."""
    told = report(opened)
    (source,) = told["sources"]

    assert source["reasons"] == [{"reason": "subject_unknown:parameters_not_logged", "events": 4}]
    assert [(row["account"], row["events"]) for row in told["unknown_accounts"]] == [
        ("clinic_app", 4),
        ("zoe", 1),
    ]


def test_health(opened: OpenHome) -> None:
    """Each source says how old it is, what is missing and what was refused."""
    (health,) = report(opened)["health"]

    assert health["source"] == SOURCE
    assert 0 <= health["lag_seconds"] < 120
    assert (health["gaps"], health["missing_events"], health["silences"]) == (1, 7, 1)
    assert health["quarantined"] == 1


def test_not_observed(opened: OpenHome) -> None:
    """What was declared, configured or known and never seen is said."""
    told = {(row["what"], row["name"]) for row in report(opened)["not_observed"]}

    assert told == {
        ("source", "aws.cloudtrail"),
        ("system", "mainframe"),
        ("classes", CLINIC),
        ("override", CLINIC),
        ("dataset", f"{CLINIC} public.visits"),
    }


def test_fixes_by_effect(opened: OpenHome) -> None:
    """What would raise the figures is told, the greatest effect first."""
    fixes = report(opened)["fixes"]

    assert [(fix["of"], fix["gain_percent"]) for fix in fixes] == [
        ("subject", 50.0),
        ("person", 44.4),
        ("person", 11.1),
    ]
    assert "pgaudit.log_parameter = on" in fixes[0]["what"]
    assert "application_name=user={login}" in fixes[1]["what"]
    assert "`clinic_app`" in fixes[1]["what"]
    assert "ombud directory load" in fixes[2]["what"]


def test_stretches(opened: OpenHome) -> None:
    """Only the stretch is counted; a bad one is refused."""
    assert report(opened, since="90d")["total"]["events"] == 12
    assert report(opened, since="90d", until="30d")["total"]["events"] == 1
    assert report(opened, since="2020-01-01", until="2020-01-02")["total"] == {
        "events": 0, "machines": 0, "acted": 0, "person_known": 0, "subject_known": 0,
        "subject_unknown": 0, "person_known_percent": None, "subject_known_percent": None,
    }  # fmt: skip
    with pytest.raises(InputError, match="neither a time nor a duration"):
        report(opened, since="soon")
    with pytest.raises(InputError, match="not after"):
        report(opened, since="1h", until="2h")


def test_the_look_is_recorded_and_bounded(opened: OpenHome) -> None:
    """Looking is an act; who may see one system only is told of that one."""
    before, _ = opened.appender.head()
    report(opened)
    after, _ = opened.appender.head()
    (look,) = opened.reader.fetch([before])

    assert after == before + 1
    assert (look.source, look.operation) == ("ombud.look", "coverage")
    elsewhere = Asker("cy", frozenset({"search"}), systems=("mainframe",))
    assert report(opened, asker=elsewhere)["total"]["events"] == 0
    with pytest.raises(Forbidden):
        report(opened, asker=Asker("dee", frozenset({"ingest"})))


def test_an_empty_home(home: Path) -> None:
    """A home without events has no figures, and no fault."""
    with open_here(home) as running:
        told = report(running)

    assert told["total"]["person_known_percent"] is None
    assert told["sources"] == told["fixes"] == told["not_observed"] == []
    assert orjson.dumps(told)


@pytest.mark.parametrize(("part", "whole", "share"), [(1, 3, 33.3), (0, 0, None), (2, 2, 100.0)])
def test_percent(part: int, whole: int, share: float | None) -> None:
    """Of nothing there is no share."""
    assert percent(part, whole) == share
