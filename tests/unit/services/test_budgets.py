"""Budgets: exact from the record, never taken twice, replaced by what was really returned."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ombud.access.attempt import Attempt, Spent
from ombud.access.decision import Decision, Obligation
from ombud.access.model import Limits, Policy, Purpose
from ombud.core.errors import Conflict, InputError, Unavailable
from ombud.core.event import Event
from ombud.record.reader import RecordReader
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer
from ombud.services import budgets as module
from ombud.services.budgets import Budgets, Taken, budget_fields, day_of
from ombud.services.own_events import own_event
from ombud.services.record_port import record_events

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
HOUR = 3_600_000
LIMIT = 100


@dataclass
class Desk:
    """A home's record with budgets over it, and a policy of one limit on rows or subjects."""

    recorder: Recorder
    reader: RecordReader
    now: list[int]
    policy: Policy = field(default_factory=Policy)
    numbers: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing counted."""
        self.restart()

    def restart(self) -> None:
        """Lose everything that is not in the record."""
        self.budgets = Budgets(record=self.recorder, reader=self.reader, policy=lambda: self.policy)

    def decide(self, attempt: Attempt, spent: Mapping[tuple[str, str, str], Spent]) -> Decision:
        """Permit what fits: the limit is on rows, bytes and subjects alike."""
        used = spent.get((attempt.actor_type, attempt.actor_id, "fraud"), Spent())
        wanted = attempt.context
        fits = (
            used.rows + wanted.get("rows", 0) <= LIMIT
            and used.bytes + wanted.get("bytes", 0) <= LIMIT
            and used.subjects + wanted.get("subjects", 0) <= LIMIT
        )
        left = Obligation("max_rows", {"count": LIMIT - used.rows})
        return Decision(
            permit=fits,
            reasons=("granted",) if fits else ("budget_spent:rows",),
            policy_version="v1",
            decision_id=attempt.id,
            purpose="fraud",
            obligations=(left,) if "limited" in wanted else (),
        )

    def take(self, actor: str = "ana", *, id: str = "", **context: Any) -> Taken:  # noqa: A002
        """Decide on one attempt without recording anything."""
        self.numbers += 1
        attempt = Attempt(
            "user",
            actor,
            "read",
            "dataset",
            "claims",
            "fraud",
            context=context,
            id=id or f"d{self.numbers}",
        )
        return self.budgets.take(attempt, self.now[0], self.decide)

    def event(self, *taken: Taken) -> Event:
        """Return the event of some decisions."""
        return own_event(
            time=self.now[0], source="ombud.decision", action="read", **budget_fields(taken)
        )

    def act(self, actor: str = "ana", **context: Any) -> Taken:
        """Decide, record, keep."""
        taken = self.take(actor, **context)
        record_events(self.recorder, [self.event(taken)])
        self.budgets.commit([taken])
        return taken

    def tell(self, **fields: Any) -> None:
        """Record what a platform says."""
        self.numbers += 1
        event = Event(
            time=self.now[0],
            source=fields.pop("source", "trino"),
            action="read",
            native_id=f"n{self.numbers}",
            raw=str(self.numbers).encode(),
            **fields,
        )
        record_events(self.recorder, [event])

    def spent(self, actor: str = "ana") -> tuple[int, int, int]:
        """Return rows, bytes and subjects of today."""
        one = self.budgets.spent("user", actor, "fraud", self.now[0])
        return one.rows, one.bytes, one.subjects


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """Return a desk at noon."""
    now = [NOON]
    with Recorder.open(home, clock=lambda: now[0]) as recorder:
        yield Desk(recorder, RecordReader(home), now)


def test_what_is_permitted_counts_and_survives_a_restart(desk: Desk) -> None:
    """Rows, bytes and distinct subjects of each actor; a denial takes nothing."""
    desk.act(rows=30, bytes=7, subjects=["person:dee", "person:eve"])
    desk.act(rows=5, subjects=["person:eve", "person:fay"])
    desk.act("ben", rows=90)
    denied = desk.act("ben", rows=11)

    before = [desk.spent(), desk.spent("ben"), desk.spent("cy")]
    desk.restart()

    assert not denied.decision.permit
    assert before == [(35, 7, 3), (90, 0, 0), (0, 0, 0)]
    assert [desk.spent(), desk.spent("ben"), desk.spent("cy")] == before


def test_a_subject_counts_once(desk: Desk) -> None:
    """Who was seen today is seen again for nothing, and others are not, to the last one."""
    desk.act(subjects=[f"person:{n}" for n in range(LIMIT)])

    assert desk.act(subjects=["person:7", "person:8", "person:8"]).decision.permit
    assert not desk.act(subjects=["person:7", "person:new"]).decision.permit
    assert not desk.act(subjects=1).decision.permit
    assert desk.act("ben", subjects=["person:new"]).decision.permit


def test_the_last_of_a_budget_is_taken_once(desk: Desk) -> None:
    """Of many who ask at once exactly as many get something as there is."""
    start = threading.Barrier(8)
    permits: list[Taken] = []

    def ask() -> None:
        start.wait()
        for _ in range(25):
            taken = desk.take("ana", id=threading.current_thread().name + str(_), rows=7)
            if taken.decision.permit:
                permits.append(taken)

    threads = [threading.Thread(target=ask, name=f"t{n}-") for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(permits) == LIMIT // 7
    desk.budgets.release(permits)
    assert desk.spent() == (0, 0, 0)


def test_what_could_not_be_recorded_is_given_back(desk: Desk) -> None:
    """A held permit leaves nothing behind, neither for its subjects nor for those of others."""
    one = desk.take(rows=60, subjects=["person:dee", "person:eve"])
    other = desk.take(rows=10, subjects=["person:dee"])
    assert desk.spent() == (70, 0, 2)

    desk.budgets.release([one])

    assert desk.spent() == (10, 0, 1)  # The other one named her, too.
    desk.budgets.release([other, other])
    assert desk.spent() == (0, 0, 0)


def test_an_event_is_counted_once_whoever_sees_it_first(desk: Desk) -> None:
    """The follower may read the event before the decider says that it is durable."""
    first, second = desk.take(rows=3), desk.take(rows=4)
    record_events(desk.recorder, [desk.event(first), desk.event(second)])
    desk.budgets.commit([first])
    desk.budgets.catch_up(NOON)
    desk.budgets.commit([second, first])
    desk.budgets.release([second])  # Too late: it is on record.

    assert desk.spent() == (7, 0, 0)


def test_a_batch_is_one_event(desk: Desk) -> None:
    """Each decision of a batch counts for its own actor; subjects stay in their field."""
    taken = [
        desk.take("ana", rows=3, subjects=["person:dee"]),
        desk.take("ben", rows=5, subjects=["person:dee", "person:eve"]),
        desk.take("ben", rows=500),
    ]
    event = desk.event(*taken)
    record_events(desk.recorder, [event])
    desk.budgets.commit(taken)
    desk.restart()

    assert desk.spent("ana") == (3, 0, 1)
    assert desk.spent("ben") == (5, 0, 2)
    assert event.subjects == (("person", "dee"), ("person", "eve"))
    assert "dee" not in str(event.attributes)
    assert event.rows_requested == 8


def test_without_a_number_a_permit_counts_for_all_it_allows(desk: Desk) -> None:
    """Who does not say how much takes what the permit lets through, until it is known."""
    desk.act(limited=True)
    assert desk.spent() == (LIMIT, 0, 0)
    assert not desk.act(rows=1).decision.permit

    desk.tell(decision_id="d1", rows_returned=12)

    assert desk.spent() == (12, 0, 0)
    assert desk.act(rows=88).decision.permit


def test_the_truth_takes_the_place_of_the_estimate(desk: Desk) -> None:
    """The first word replaces what was estimated, later ones add; a restart finds the same."""
    desk.act(rows=50, subjects=9)
    desk.tell(decision_id="d1", rows_returned=20, subjects=(("person", "dee"),))
    desk.tell(decision_id="d1", rows_returned=2, subjects=(("person", "dee"), ("person", "eve")))
    desk.tell(decision_id="no-such", rows_returned=1000)
    desk.tell(rows_returned=1000)
    desk.tell(decision_id="d1", source="ombud.look", rows_returned=1000)
    desk.tell(decision_id="d1", bytes_returned=-5)

    assert desk.spent() == (22, 0, 2)
    desk.restart()
    assert desk.spent() == (22, 0, 2)


def test_what_is_told_counts_though_nothing_was_stated(desk: Desk) -> None:
    """Where a day is limited, a permit without any number waits for what really happened."""
    desk.act()
    desk.tell(decision_id="d1", rows_returned=9)
    assert desk.spent() == (0, 0, 0)  # No limit, nothing to count.

    limits = Limits(subjects_per_day=LIMIT)
    desk.policy = Policy(purposes=(Purpose(id="fraud", title="Fraud", limits=limits),))
    desk.act(id="limited")
    desk.tell(decision_id="limited", rows_returned=9, subjects=(("person", "dee"),))

    assert desk.spent() == (9, 0, 1)


def test_a_query_is_known_by_its_id_and_its_actor(desk: Desk) -> None:
    """An id of a query can be guessed: only an act of the same actor counts for it."""
    desk.act(rows=50, query_id="20261122_1")
    desk.tell(query_id="20261122_1", actor_id="ben", rows_returned=0)
    assert desk.spent() == (50, 0, 0)

    desk.tell(query_id="20261122_1", actor_id="pool", on_behalf_of=("ana",), rows_returned=4)

    assert desk.spent() == (4, 0, 0)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_day_begins_at_midnight_of_the_policy(desk: Desk, is_sealed: bool) -> None:
    """Yesterday's acts are not counted today, also after a restart, in the policy's own zone."""
    desk.act(rows=40)
    desk.now[0] += 11 * HOUR + HOUR // 2  # 23:30 in UTC, half past midnight in Berlin.
    desk.act(rows=1)
    if is_sealed:
        Sealer(desk.recorder.home.root, desk.recorder, clock=lambda: desk.now[0]).seal_all()
    assert desk.spent() == (41, 0, 0)

    desk.policy = Policy(zone="Europe/Berlin")
    assert desk.spent() == (1, 0, 0)
    desk.restart()
    assert desk.spent() == (1, 0, 0)

    desk.policy = Policy()
    assert desk.spent() == (41, 0, 0)
    desk.now[0] += HOUR
    assert desk.spent() == (0, 0, 0)


def test_what_is_held_over_midnight_counts_for_the_new_day(desk: Desk) -> None:
    """Nobody gets two budgets by asking at the turn of the day; a clock that goes back neither."""
    taken = desk.take(rows=60)
    desk.now[0] += 13 * HOUR
    assert desk.spent() == (60, 0, 0)
    desk.now[0] -= 13 * HOUR
    assert desk.spent() == (60, 0, 0)

    desk.budgets.release([taken])
    assert desk.spent() == (0, 0, 0)


def test_no_decision_while_the_day_cannot_be_read(desk: Desk) -> None:
    """A record that cannot be read is no empty budget; afterwards all is counted."""
    desk.act(rows=60)
    desk.restart()
    with (
        patch.object(desk.reader, "read", side_effect=Unavailable("the disk is away")),
        pytest.raises(Unavailable),
    ):
        desk.take(rows=60)

    assert not desk.take(rows=60).decision.permit
    assert desk.take(rows=40).decision.permit


@pytest.mark.parametrize(
    "context",
    [
        {"rows": -1},
        {"rows": True},
        {"rows": 1.5},
        {"rows": "7"},
        {"bytes": 1 << 60},
        {"subjects": -1},
        {"subjects": "person:dee"},
        {"subjects": ["dee"]},
        {"subjects": [":dee"]},
        {"subjects": ["person:"]},
        {"subjects": [7]},
        {"subjects": {"person": "dee"}},
        {"subjects": ["person:x"] * 10_001},
    ],
    ids=str,
)
def test_amounts_that_are_none_are_refused(desk: Desk, context: dict[str, Any]) -> None:
    """What cannot be counted is not decided."""
    with pytest.raises(InputError):
        desk.take(**context)
    assert desk.spent() == (0, 0, 0)


def test_an_id_is_used_once(desk: Desk) -> None:
    """Two permits under one id would count as one."""
    desk.act(id="one", rows=1)
    with pytest.raises(Conflict):
        desk.take(id="one", rows=1)
    with pytest.raises(Conflict):
        desk.budgets.take(
            Attempt("user", "ana", "read", "dataset", "claims", context={"rows": 1}),
            NOON,
            desk.decide,
        )


def test_nobody_else_writes_budgets(desk: Desk) -> None:
    """An event of another source that looks the same counts for nothing, a broken one neither."""
    taken = desk.take(rows=50)
    event = desk.event(taken)
    desk.budgets.release([taken])
    desk.tell(source="shop", attributes=event.attributes)
    desk.tell(source="ombud.decision", attributes={"budget": [{"decision": 1}]})
    desk.tell(source="ombud.decision", attributes={"budget": "ombud.decision"})

    assert desk.spent() == (0, 0, 0)
    desk.restart()
    assert desk.spent() == (0, 0, 0)


def test_erased_subjects_still_count(desk: Desk) -> None:
    """Of an event whose data subjects were erased the number is left."""
    taken = desk.take(rows=1, subjects=["person:dee", "person:eve"])
    record_events(
        desk.recorder,
        [own_event(time=NOON, source="ombud.decision", action="read",
                   attributes=budget_fields([taken])["attributes"])],
    )  # fmt: skip
    desk.restart()

    assert desk.spent() == (1, 0, 2)


def test_events_that_arrive_in_steps_are_counted_once(desk: Desk) -> None:
    """However the record is read, the sum is the same."""
    for _ in range(9):
        desk.act(rows=1)
        desk.tell(rows_returned=1)
    with patch.object(module, "STEP", 2):
        desk.restart()
        assert desk.spent() == (9, 0, 0)
        desk.act(rows=1)
        assert desk.spent() == (10, 0, 0)


def test_nearly_the_same_query_is_flagged(desk: Desk) -> None:
    """The flag goes on the event of the decision; another purpose or person starts anew."""
    desk.act(query="select count(*) from claims where age < 40")
    taken = desk.act(query="SELECT count(*)  FROM claims WHERE age < 41")

    assert taken.flags == ("overlap:1",)
    assert desk.event(taken).flags == ("overlap:1",)
    assert desk.act("ben", query="select count(*) from claims where age < 41").flags == ()


@pytest.mark.parametrize(
    ("instant", "zone", "hours"),
    [
        (NOON, "UTC", 24),
        (1_774_746_000_000, "Europe/Berlin", 23),  # 2026-03-29
        (1_792_890_000_000, "Europe/Berlin", 25),  # 2026-10-25
        (NOON, "Pacific/Kiritimati", 24),
    ],
)
def test_days_have_the_length_of_the_calendar(instant: int, zone: str, hours: int) -> None:
    """A day lasts from midnight to midnight, whatever the clocks do."""
    begins, ends = day_of(instant, zone)

    assert begins <= instant < ends
    assert ends - begins == hours * HOUR
