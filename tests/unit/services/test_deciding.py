"""Deciding: recorded before it is told, and told only under the policy in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from ombud.access.attempt import Attempt, Fulfilment
from ombud.access.decision import Decision
from ombud.access.model import Audience, Checkpoint, CheckpointKind, Entity, Line, Policy, Purpose
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.core.batch import Batch
from ombud.core.canonical import decode_groups
from ombud.core.errors import Forbidden, InputError, Unavailable
from ombud.core.event import Event
from ombud.record.receipt import Receipt
from ombud.services.asker import Asker
from ombud.services.deciding import TURNS_MAX, Deciding, HomeFacts
from ombud.services.decision_events import decisions_of
from ombud.services.drafting import Drafter, Semantic

NOW = 1_795_305_600_000
PEP = Asker(person="gate", scopes=frozenset({"decide"}))
TRIES = Asker(person="tess", scopes=frozenset({"simulate"}))
READS = Attempt("user", "alice", "read", "record", "r1")
ELSE = Attempt("user", "alice", "read", "record", "r9")


def policy(*people: str, checkpoint: bool = False) -> Snapshot:
    """Return a snapshot that lets these people read `r1`."""
    stops = (
        (Checkpoint(name="why", kind=CheckpointKind.TEXT, prompt="Why?", type="record"),)
        if checkpoint
        else ()
    )
    purpose = Purpose(
        id="care",
        title="Care",
        standing=True,
        audience=Audience(actors=people),
        scope=(Line(name="read", actions=("read",), resources=("r1",), type="record"),),
        checkpoints=stops,
    )
    entities = (
        Entity(type="user", id="alice"),
        Entity(type="record", id="r1"),
        Entity(type="record", id="r9"),
    )
    whole = Policy(purposes=(purpose,), entities=entities, when_no_purpose="care")
    return Snapshot.make(compile_policy(whole))


class Live:
    """A policy that can change."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.now = snapshot
        self.number = 1

    def change(self, snapshot: Snapshot) -> None:
        """Put another one in force."""
        self.now = snapshot
        self.number += 1

    def epoch(self) -> int:
        """Return its number."""
        return self.number

    def snapshot(self) -> Snapshot:
        """Return it."""
        return self.now


class Recorded:
    """A record in memory; `before` happens first, and may fail."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.before: Callable[[], None] = lambda: None
        self.shortfall = 0

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Take events."""
        self.before()
        for batch in batches:
            for row in range(batch.count):
                values = decode_groups(*(batch.group(number, row) for number in (1, 2, 3)))
                self.events.append(Event(**values))
        count = sum(batch.count for batch in batches) - self.shortfall
        return [Receipt(0, count, count, 0, 0, count)]

    def head(self) -> tuple[int, bytes]:
        """Return how many there are."""
        return len(self.events), b""


class Met:
    """One checkpoint that alice has met, for one act."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def claim(self, fulfilments: Iterable[Fulfilment], attempt: str) -> bool:
        """Use it up."""
        ids = {one.id for one in fulfilments}
        is_free = self.used.isdisjoint(ids)
        self.used |= ids
        return is_free

    def justification(self, ids: Iterable[str], actor: str) -> dict[str, str]:
        """Tell of it."""
        return {"justification_verdict": "verified"}

    def fulfilments(self, ids: Sequence[str], actor: str) -> tuple[Fulfilment, ...]:
        """Return it, to alice."""
        known = Fulfilment("f1", "user", "alice", "care", "why", NOW + 1)
        return (known,) if "f1" in ids and actor == "user:alice" else ()


class Bench:
    """Everything together."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.live = Live(snapshot)
        self.record = Recorded()
        self.facts = HomeFacts(checkpoints=Met())
        drafter = Drafter(live=self.live, facts=self.facts, clock=lambda: NOW)
        self.deciding = Deciding(drafter=drafter, appender=self.record, facts=self.facts)


@pytest.fixture
def bench() -> Bench:
    """Return a bench where alice may read."""
    return Bench(policy("user:alice"))


def permits(decisions: Sequence[Decision | InputError]) -> list[bool]:
    """Return what was permitted."""
    return [isinstance(one, Decision) and one.permit for one in decisions]


def test_a_permit_is_on_record_when_it_is_told(bench: Bench) -> None:
    """The event has the id of the decision, who asked, and the time of the server."""
    made = bench.deciding.decide(READS, asker=PEP)

    (event,) = bench.record.events
    assert made.permit
    assert (event.decision_id, event.observed_by, event.time) == (made.decision_id, "gate", NOW)


def test_a_denial_is_on_record_too(bench: Bench) -> None:
    """Nothing is asked without a trace."""
    made = bench.deciding.decide(ELSE, asker=PEP)

    assert not made.permit
    assert [event.outcome for event in bench.record.events] == ["denied"]


def test_the_same_attempt_gets_another_id_each_time(bench: Bench) -> None:
    """Also one that came with an id: nobody names decisions but us."""
    ids = {bench.deciding.decide(READS, asker=PEP).decision_id for _ in range(3)}

    assert len(ids) == 3


@pytest.mark.parametrize(
    "fault", [Unavailable("no recorder"), InputError("odd"), OSError(28, "no space left")]
)
@pytest.mark.parametrize("attempt", [READS, ELSE])
def test_without_a_record_nothing_is_told(bench: Bench, fault: Exception, attempt: Attempt) -> None:
    """Whatever the record says no with: unavailable, never a permit."""

    def fail() -> None:
        raise fault

    bench.record.before = fail
    with pytest.raises(Unavailable):
        bench.deciding.decide(attempt, asker=PEP)
    with pytest.raises(Unavailable):
        bench.deciding.decide_batch([attempt, attempt], asker=PEP)


def test_a_receipt_for_less_is_no_receipt(bench: Bench) -> None:
    """What the record did not take did not happen."""
    bench.record.shortfall = 1

    with pytest.raises(Unavailable, match="did not take"):
        bench.deciding.decide(READS, asker=PEP)


def test_a_policy_that_narrows_while_the_permit_is_recorded_wins(bench: Bench) -> None:
    """It is decided again, and the second event says what it stands instead of."""

    def narrow() -> None:
        if bench.live.number == 1:
            bench.live.change(policy("user:bob"))

    bench.record.before = narrow
    made = bench.deciding.decide(READS, asker=PEP)

    first, second = bench.record.events
    assert not made.permit
    assert (first.decision_permit, second.decision_permit) == (True, False)
    assert second.attributes is not None
    assert second.attributes["instead_of"] == first.decision_id


def test_a_policy_that_widens_meanwhile_waits_for_the_next_question(bench: Bench) -> None:
    """A denial is told at once: the narrower answer wins."""
    bench.live.change(policy("user:bob"))
    bench.record.before = lambda: bench.live.change(policy("user:alice"))

    assert not bench.deciding.decide(READS, asker=PEP).permit
    assert len(bench.record.events) == 1


def test_a_policy_that_does_not_rest_permits_nothing(bench: Bench) -> None:
    """After some turns it is refused."""
    bench.record.before = lambda: bench.live.change(policy("user:alice"))

    with pytest.raises(Unavailable, match="keeps changing"):
        bench.deciding.decide(READS, asker=PEP)
    assert len(bench.record.events) == TURNS_MAX


def test_a_batch_is_one_event(bench: Bench) -> None:
    """Malformed attempts are told as such, beside the decisions on the others."""
    made = bench.deciding.decide_batch([READS, InputError("odd"), ELSE], asker=PEP)

    (event,) = bench.record.events
    assert permits(made) == [True, False, False]
    assert isinstance(made[1], InputError)
    assert [one.permit for one in decisions_of(event)] == [True, False]
    assert [one.id for one in decisions_of(event)] == [
        one.decision_id for one in made if isinstance(one, Decision)
    ]


def test_a_batch_of_nothing_but_faults_leaves_no_event(bench: Bench) -> None:
    """Nothing was decided."""
    made = bench.deciding.decide_batch([InputError("odd")], asker=PEP)

    assert permits(made) == [False]
    assert bench.record.events == []


@pytest.mark.parametrize(
    ("semantic", "expected"),
    [
        (Semantic.EXECUTE_ALL, [True, False, True]),
        (Semantic.DENY_ON_FIRST_DENY, [True, False]),
        (Semantic.PERMIT_ON_FIRST_PERMIT, [True]),
    ],
)
def test_semantics(bench: Bench, semantic: Semantic, expected: list[bool]) -> None:
    """What is not decided is not recorded either."""
    made = bench.deciding.decide_batch([READS, ELSE, READS], asker=PEP, semantic=semantic)

    assert permits(made) == expected
    assert len(list(decisions_of(bench.record.events[0]))) == len(expected)


def test_trying_out_leaves_no_trace_and_has_no_id(bench: Bench) -> None:
    """There is nothing that could be shown as a permit later."""
    made = bench.deciding.try_out(READS, asker=TRIES)

    assert (made.permit, made.decision_id, bench.record.events) == (True, "", [])


def test_scopes(bench: Bench) -> None:
    """Who may decide may not simulate, and the other way round."""
    with pytest.raises(Forbidden):
        bench.deciding.decide(READS, asker=TRIES)
    with pytest.raises(Forbidden):
        bench.deciding.decide_batch([READS], asker=TRIES)
    with pytest.raises(Forbidden):
        bench.deciding.try_out(READS, asker=PEP)
    assert bench.record.events == []


@pytest.mark.parametrize(
    ("given", "permit"), [("f1", True), (["f1", "f2"], True), ("f2", False), ([], False)]
)
def test_what_was_met_is_looked_up(given: object, permit: bool) -> None:
    """By its id, for the actor of the attempt: the word of who asks is not taken."""
    bench = Bench(policy("user:alice", checkpoint=True))
    told = Attempt("user", "alice", "read", "record", "r1", context={"justification_id": given})
    lied = Attempt(
        "user",
        "alice",
        "read",
        "record",
        "r1",
        context={"fulfilments": [{"id": "f1", "checkpoint": "why"}]},
    )

    assert bench.deciding.decide(told, asker=PEP).permit is permit
    assert not bench.deciding.decide(lied, asker=PEP).permit


def test_what_was_met_for_one_act_counts_once() -> None:
    """Also for two acts of one batch; the event of the permit says what it stands on."""
    bench = Bench(policy("user:alice", checkpoint=True))
    told = Attempt("user", "alice", "read", "record", "r1", context={"justification_id": "f1"})
    made = bench.deciding.decide_batch([told, told], asker=PEP)

    assert permits(made) == [True, False]
    assert isinstance(made[1], Decision)
    assert made[1].reasons == ("checkpoint:why",)
    (event,) = bench.record.events
    assert event.justification_verdict == "verified"
    assert event.attributes is not None
    assert event.attributes["decisions"][0]["justifications"] == ["f1"]


@pytest.mark.parametrize("given", [7, {"id": "f1"}, [7], ["f"] * 17])
def test_ids_that_are_none_are_refused(bench: Bench, given: object) -> None:
    """Before anything is decided."""
    told = Attempt("user", "alice", "read", "record", "r1", context={"justification_id": given})

    with pytest.raises(InputError, match="justification_id"):
        bench.deciding.decide(told, asker=PEP)
    assert bench.record.events == []
