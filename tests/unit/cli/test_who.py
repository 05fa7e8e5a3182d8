"""Command `who`, and how tables name people: a person, or an account and why it is nobody's."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.cli import events, output
from ombud.cli.who import print_answer

SOURCE = {
    "source": "postgres.pgaudit",
    "system": "postgresql/clinic",
    "first": "2026-10-01T00:00:00.000Z",
    "last": "2026-11-20T00:00:00.000Z",
    "events": 100,
    "subject_known": 98,
    "subject_unknown": 2,
    "subject_unknown_percent": 2.0,
}
STRETCH = {
    "source": "county.cases",
    "system": None,
    "what": "gap",
    "begins": "2026-11-10T03:10:00.000Z",
    "ends": "2026-11-10T03:58:00.000Z",
    "why": "23 events are missing by their numbers",
}


def row(person: dict[str, Any] | None, account: str | None, unknown: str | None) -> dict[str, Any]:
    """Return a row of an answer."""
    return {
        "person": person,
        "person_unknown": unknown,
        "account": account,
        "accounts": [] if account is None else [{"account": account, "system": "x"}],
        "events": 7,
        "denied": 2 if person else 0,
        "first_time": 0,
        "last_time": 60_000,
        "actions": {"read": 7},
        "purposes": [],
        "cases": ["C-1"],
    }


ANSWER: dict[str, Any] = {
    "subject": {"kind": "patient", "key": "1"},
    "people": [
        row({"id": "P-1", "name": "Ana", "units": ["ward", "court"], "roles": []}, "ana", None),
        row(None, "jdoe", "unknown account"),
        row(None, None, "nobody named"),
    ],
    "left": [{"recipient": "Press", "destination": None, "by": ["P-1", None]}],
    "not_covered": {
        "kind": "patient",
        "is_limited": False,
        "sources": [SOURCE, SOURCE | {"system": None, "subject_unknown_percent": None}],
        "stretches": [STRETCH, STRETCH | {"ends": None, "why": "the source fell silent"}],
    },
}


@pytest.mark.parametrize(
    ("person", "account", "unknown", "shown"),
    [
        ({"id": "P-1", "name": "Ana"}, "ana", None, "Ana"),
        ({"id": "P-1", "name": None}, "ana", None, "P-1"),
        (None, "jdoe", "unknown account", "jdoe (unknown)"),
        (None, "app", "shared account", "app (shared)"),
        (None, "svc", "machine", "svc (machine)"),
        (None, "app", "several people", "app (several people)"),
        (None, None, "nobody named", "(nobody named)"),
        (None, "jdoe", None, "jdoe"),
        (None, None, None, ""),
    ],
)
def test_names(
    person: dict[str, Any] | None, account: str | None, unknown: str | None, shown: str
) -> None:
    """A name, or the account with the mark that nobody is known."""
    assert events.name_of(person, account, unknown) == shown


def test_an_event_is_named_by_whom_it_was_done_for() -> None:
    """An unknown account behind a shared one is shown itself."""
    event = {
        "time": 0,
        "actor": {"user": {"uid": "app"}},
        "ombud": {
            "on_behalf_of": ["jdoe"], "person": None, "person_unknown": "unknown account",
        },
    }  # fmt: skip

    assert events.event_row(event)[2] == "jdoe (unknown)"


def test_people_where_it_went_and_what_is_not_covered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer ends with what it cannot know."""
    monkeypatch.setattr(output.stdout, "width", 200)
    print_answer(ANSWER)
    said = capsys.readouterr().out

    nobody = "2 % of its events on persons' data name nobody"
    period = "before and after 2026-10-01 00:00 to 2026-11-20 00:00"
    people, left, not_covered = said.split("\n\n")
    assert "who touched the data of patient:1" in people
    for text in ("Ana", "ward, court", "7 (2 denied)", "jdoe (unknown)", "(nobody named)"):
        assert text in people
    assert left == "It left:\n  to Press (by P-1, nobody named)"
    assert not_covered.splitlines() == [
        "Not covered:",
        f"  postgres.pgaudit postgresql/clinic: {period}; {nobody}",
        f"  postgres.pgaudit: {period}",
        "  county.cases: 2026-11-10 03:10..2026-11-10 03:58 23 events are missing by their numbers",
        "  county.cases: 2026-11-10 03:10 the source fell silent",
    ]


def test_nothing_left_and_no_source(capsys: pytest.CaptureFixture[str]) -> None:
    """That no source tells of such data subjects is said, and that the asker sees a part only."""
    nothing = {"kind": "ship", "is_limited": True, "sources": [], "stretches": []}
    print_answer(ANSWER | {"people": [], "left": [], "not_covered": nothing})
    said = capsys.readouterr().out

    assert "It left to nobody and nowhere that an event names." in said
    assert "Not covered, as far as you may see:" in said
    assert "no source names data subjects of kind `ship`" in said
