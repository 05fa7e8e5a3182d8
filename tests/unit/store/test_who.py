"""Who: one row for each person as of the time of each event, and for each account of nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from doubles.layouts import LAYOUTS
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.query.parse import parse_query
from ombud.store import who as who_module
from ombud.store.index import Index
from ombud.store.persons import Act, Person, Unknown, name_people
from ombud.store.visibility import Visibility

MOVE = 1_000_000
CARE, COURT = ("ward", "county"), ("court", "county")
SPANS = (
    AccountSpan("ana", None, BEGINNING, MOVE, "P-1", "Ana", "ward", CARE, "nurse"),
    AccountSpan("ana", None, MOVE, END, "P-1", "Ana", "court", COURT, "clerk"),
    AccountSpan("a77", "clinic", BEGINNING, END, "P-1", "Ana", "ward", CARE, "nurse"),
    # One account that changed hands, and one that several use and the directory has wrong.
    AccountSpan("desk", None, BEGINNING, MOVE, "P-2", "Ben"),
    AccountSpan("desk", None, MOVE, END, "P-3", "Cy"),
    AccountSpan("app", None, BEGINNING, END, "P-4", "Dee", "ward", CARE),
)
LOST = {"flags": ("person_unknown:application_name",)}
SENT = {"action": "export", "recipient": "Press", "destination": "mail://press"}


def touch(time: int, actor: str | None, **fields: Any) -> Event:
    """Return one access to the data of patient 1."""
    told: dict[str, Any] = {
        "source": "s", "action": "read", "resource_system": "clinic",
        "subjects": (("patient", "1"),),
    }  # fmt: skip
    return Event(time=time, actor_id=actor, **(told | fields))


EVENTS = [
    touch(1, "ana", purpose="care", case="C-1", actor_name="ana"),
    touch(MOVE, "ana", **SENT),
    touch(2, "a77", outcome="denied"),
    touch(3, "app", on_behalf_of=("a77",), source="t"),
    touch(4, "a77", resource_system="mill"),
    touch(5, "desk"),
    touch(MOVE + 5, "desk", **(SENT | {"recipient": None})),
    touch(6, "app", **LOST),
    touch(7, "app", **LOST),
    touch(8, "loader", actor_type="service", action="share", destination="s3://out"),
    touch(9, None),
    touch(10, "eve", subjects=(("patient", "2"),)),
]


@pytest.fixture(params=[LAYOUTS[0], LAYOUTS[-1]], ids=["hot", "sealed"])
def touched(request: pytest.FixtureRequest, fill: Callable[..., Index]) -> Iterator[Index]:
    """Return an index of accesses to one patient."""
    index = fill(EVENTS, request.param)
    index.set_spans(SPANS, stamp=9)
    yield index
    index.close()


def test_people(touched: Index) -> None:
    """All accounts of a person are one row; who is not known is told why."""
    rows = touched.who("patient", "1")

    assert [
        ((row["person"] or {}).get("id"), row["person_unknown"], row["account"], row["events"])
        for row in rows
    ] == [
        ("P-1", None, "ana", 4),
        (None, "shared account", "app", 2),
        ("P-2", None, "desk", 1),
        ("P-3", None, "desk", 1),
        (None, "unknown account", "a77", 1),
        (None, "machine", "loader", 1),
        (None, "nobody named", None, 1),
    ]


def test_one_person(touched: Index) -> None:
    """Units, roles, accounts and recipients are those of all events together."""
    ana = touched.who("patient", "1")[0]

    assert ana == {
        "person": {
            "id": "P-1", "name": "Ana", "units": ["court", "ward"], "roles": ["clerk", "nurse"],
        },
        "person_unknown": None,
        "account": "ana",
        "actor_name": None,
        "accounts": [
            {"account": "a77", "system": "clinic"}, {"account": "ana", "system": "clinic"},
        ],
        "through": ["app"],
        "sources": ["s", "t"],
        "events": 4,
        "first_time": 1,
        "last_time": MOVE,
        "actions": {"export": 1, "read": 3},
        "denied": 1,
        "exports": 1,
        "sent_to": [{"recipient": "Press", "destination": "mail://press"}],
        "rows_returned": 0,
        "bytes_returned": 0,
        "purposes": ["care"],
        "cases": ["C-1"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("visibility", "events"),
    [
        (Visibility(units=("ward",)), 3),
        (Visibility(systems=("mill",)), 1),
        (Visibility(below=0), 0),
    ],
)
def test_only_what_may_be_seen(touched: Index, visibility: Visibility, events: int) -> None:
    """A person's row tells of the events alone that the asker may see."""
    rows = touched.who("patient", "1", visibility=visibility)

    # The shared account belongs to a ward for the directory, so its events are the ward's.
    assert sum(row["events"] for row in rows if row["account"] != "app") == events


def test_too_much_for_one_answer(touched: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound nothing is cut off: the question is refused."""
    monkeypatch.setattr(who_module, "COUNTED_MAX", 3)

    with pytest.raises(InputError, match="more than 3"):
        touched.who("patient", "1")


def test_persons_of_acts(touched: Index) -> None:
    """Who an account was is told for many acts at once, in their order."""
    acts = [
        Act("ana", None, MOVE - 1),
        Act("ana", None, MOVE),
        Act("a77", "mill", 1),
        Act("app", None, 1, is_shared=True),
        Act(None, None, 1),
        Act("ana", "clinic", 10**30),
    ]

    found = touched.persons(acts)

    assert found == [
        Person("P-1", "Ana", "ward", "nurse"),
        Person("P-1", "Ana", "court", "clerk"),
        None,
        None,
        None,
        None,  # Beyond any calendar, as the index keeps it.
    ]
    assert touched.persons([]) == touched.persons([Act(None, None, 1)])[:0]
    assert touched.persons([Act(None, None, 1)]) == [None]


ANA, BEN = Person("P-1", "Ana"), Person("P-2", "Ben")


@pytest.mark.parametrize(
    ("acts", "persons", "person", "unknown"),
    [
        ([], [], None, Unknown.NOBODY),
        ([Act("ana", None, 1)], [ANA], "P-1", None),
        ([Act("ana", None, 1), Act("a77", None, 1)], [ANA, ANA], "P-1", None),
        ([Act("ana", None, 1), Act("ben", None, 1)], [ANA, BEN], None, Unknown.SEVERAL),
        ([Act("ana", None, 1), Act("eve", None, 1)], [ANA, None], None, Unknown.SEVERAL),
        ([Act("eve", None, 1)], [None], None, Unknown.ACCOUNT),
        ([Act("svc", None, 1, is_machine=True)], [None], None, Unknown.MACHINE),
        ([Act("app", None, 1, is_shared=True)], [None], None, Unknown.SHARED),
        (
            [Act("ana", None, 1), Act("ana", None, 1, is_shared=True)],
            [ANA, None],
            None,
            Unknown.SHARED,
        ),
    ],
)
def test_the_person_of_a_session(
    acts: list[Act], persons: list[Person | None], person: str | None, unknown: str | None
) -> None:
    """A session is one person's only when nothing in it may be another's."""
    told = name_people(acts, persons)

    assert (told["person"] or {}).get("id") == person
    assert told["person_unknown"] == unknown
    assert told["account_count"] == len({act.account for act in acts})


def test_sessions_of_people(touched: Index) -> None:
    """Sessions tell the person as of their first event."""
    rows = touched.sessions(parse_query(""), limit=20, now_ms=0)
    told = {row["id"]: row for row in rows}

    assert told["ana@clinic@0"]["person"]["unit"] == "ward"
    assert told["ana@clinic@0"]["people_count"] == 1
    assert told["app@clinic@3"]["person_unknown"] == "several people"
    assert told["app@clinic@3"]["people"] == [
        {"id": "P-1", "name": "Ana", "unit": "ward", "role": "nurse"}
    ]
    assert told["loader@clinic@9"]["person_unknown"] == "machine"
