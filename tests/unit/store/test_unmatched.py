"""Unmatched: the accounts that stand for nobody at the time of their events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ombud.core.batch import Committed
from ombud.core.event import Event
from ombud.directory.span import END, AccountSpan
from ombud.store.index import Index

Commit = Callable[..., Committed]


def act(time: int, actor: str | None, system: str | None, **other: Any) -> Event:
    """Return an event of an account on a system."""
    said = {"source": "county", "action": "read", "raw": str((time, actor, system)).encode()}
    return Event(time=time, actor_id=actor, resource_system=system, **{**said, **other})


EVENTS = [
    act(10, "ana", "db"),
    act(99, "ana", "db"),
    act(100, "ana", "db"),
    act(150, "ana", "db", source="desk"),
    act(50, "ana", "files"),
    act(10, "everywhere", "db"),
    act(11, "everywhere", None),
    act(20, "job", None, actor_type="service"),
    act(21, "app", "db", actor_type="service", on_behalf_of=("kim", "app")),
    act(22, None, "db"),
    act(23, "cy", "ombud", source="ombud.look"),
    act(24, "cy", "ombud", source="ombudsman"),
]
SPANS = [
    AccountSpan("ana", "db", 0, 100, "p1"),
    AccountSpan("everywhere", None, 0, END, "p2"),
]


def test_accounts_without_a_span_at_their_time(index: Index, commit: Commit) -> None:
    """Before its span and after it, on another system: unknown, with how often and when."""
    index.apply(commit(EVENTS))
    index.set_spans(SPANS, stamp=3)
    found = index.unmatched(limit=10)

    assert found[0] == {
        "account": "ana",
        "system": "db",
        "sources": ["county", "desk"],
        "events": 2,
        "first_at": 100,
        "last_at": 150,
        "is_machine": False,
    }
    assert [(one["account"], one["system"], one["is_machine"]) for one in found[1:]] == [
        ("ana", "files", False),
        ("cy", "ombud", False),
        ("job", None, True),
        ("kim", "db", False),
    ]
    assert index.unmatched(limit=1) == found[:1]


def test_without_a_directory_every_account_is_unknown(index: Index, commit: Commit) -> None:
    """The first work list is all there is."""
    index.apply(commit(EVENTS))

    assert sum(one["events"] for one in index.unmatched(limit=100)) == 10
