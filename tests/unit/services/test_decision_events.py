"""Decision events: the bytes written in a hurry are those of the event that they say."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.access.attempt import Attempt, Fulfilment
from ombud.access.decision import Decision, Obligation
from ombud.core.batch import BatchBuilder
from ombud.core.canonical import decode_groups, encode_groups
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.decision_events import (
    DECISIONS_MAX,
    Recordable,
    add_rows,
    batch_row,
    decision_row,
    decisions_of,
)

NOW = 1_795_305_600_000
ASKER = Asker(person="gate", scopes=frozenset({"decide"}), token_id="t1")
LIMIT = Obligation("max_rows", {})
MET = Fulfilment("f1", "user", "alice", "care", "why", NOW + 1)
CONTEXT = {"case": "C-1", "query_id": "q7", "rows": 9, "bytes": 70, "justification": "asked to"}

texts = st.text(max_size=8)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
maps = st.dictionaries(texts, values | st.lists(values, max_size=3), max_size=4)


def attempt(**given_: Any) -> Attempt:
    """Return alice's attempt to read a record."""
    known: dict[str, Any] = {
        "actor_type": "user",
        "actor_id": "alice",
        "action": "read",
        "resource_type": "record",
        "resource_id": "record-1",
        "id": "d1",
    }
    return Attempt(**{**known, **given_})


def decision(permit: bool = True, **given_: Any) -> Decision:
    """Return a decision."""
    known: dict[str, Any] = {
        "reasons": ("standing",) if permit else ("no_grant",),
        "policy_version": "v1",
        "decision_id": "d1",
        "purpose": "care",
    }
    return Decision(permit, **{**known, **given_})


def event_of(recordable: Recordable) -> Event:
    """Return the event that canonical bytes hold."""
    (_, *groups, _), raw = recordable
    return Event(**decode_groups(*groups), raw=raw)


def check_canonical(recordable: Recordable) -> Event:
    """Check that bytes are those of their event, and the original what it says."""
    (class_uid, *groups, native_id), raw = recordable
    event = event_of(recordable)
    assert tuple(groups) == encode_groups(event)
    assert (class_uid, native_id) == (event.class_uid, event.native_id)
    said = orjson.loads(raw)
    assert raw == orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    fields = {name: orjson.loads(orjson.dumps(getattr(event, name))) for name in said}
    assert said == fields
    return event


def test_a_permit_is_an_event_with_everything_that_led_to_it() -> None:
    """Actor, resource, purpose, grant, reasons and what was stated are in their fields."""
    told = attempt(
        actor_type="person",
        actor={"role": "nurse"},
        context=CONTEXT,
        columns=("name",),
        fulfilments=(MET,),
        action_properties={"soft": True},
        resource={"status": "open"},
    )
    made = decision(grant="g1", line="look-up", obligations=(Obligation("max_rows", {"count": 5}),))
    event = check_canonical(decision_row(told, made, asker=ASKER, now=NOW))

    assert (event.source, event.action, event.operation) == ("ombud.decision", "read", "read")
    assert (event.actor_type, event.actor_id, event.observed_by) == ("person", "alice", "gate")
    assert (event.resource_type, event.resource_id) == ("record", "record-1")
    assert (event.purpose, event.grant, event.case) == ("care", "g1", "C-1")
    assert (event.rows_requested, event.bytes_requested, event.query_id) == (9, 70, "q7")
    assert (event.decision_id, event.decision_permit, event.outcome) == ("d1", True, "success")
    assert event.decision_obligations == ("max_rows",)
    assert (event.justification_text, event.justification_checkpoint) == ("asked to", "why")
    assert event.attributes == {
        "via": "api",
        "token": "t1",
        "line": "look-up",
        "justifications": ["f1"],
    }
    assert next(decisions_of(event)).stated == {
        "actor": {"role": "nurse"},
        "action": {"soft": True},
        "resource": {"status": "open"},
        "context": CONTEXT,
        "columns": ["name"],
        "fulfilments": ["f1"],
    }


def test_a_denial_names_the_checkpoint_and_what_it_stands_instead_of() -> None:
    """An actor type and an action outside of our words are kept as they were said."""
    refused = decision(False, checkpoint=Obligation("checkpoint", {"name": "why"}), purpose=None)
    told = attempt(action="extend-loan", resource_type="dataset", purpose="unknown")
    event = check_canonical(decision_row(told, refused, asker=ASKER, now=NOW, instead_of="d0"))

    assert (event.action, event.operation, event.outcome) == ("other", "extend-loan", "denied")
    assert (event.resource_dataset, event.resource_id) == ("record-1", None)
    assert (event.actor_type, event.purpose) == (None, "unknown")
    assert event.attributes == {
        "via": "api",
        "token": "t1",
        "actor_type": "user",
        "checkpoint": "why",
        "instead_of": "d0",
    }


@given(texts, texts, texts, maps, maps)
def test_bytes_are_canonical_whatever_is_said(
    actor: str, action: str, resource: str, context: dict[str, Any], properties: dict[str, Any]
) -> None:
    """Any text and any properties come out as the event model writes them."""
    told = attempt(
        actor_id=actor, action=action, resource_id=resource, context=context, resource=properties
    )
    check_canonical(decision_row(told, decision(), asker=ASKER, now=NOW))
    check_canonical(
        batch_row([told, told], [decision(), decision(False)], batch_id="b", asker=ASKER, now=NOW)
    )


def test_a_batch_is_one_event_that_tells_its_decisions_apart() -> None:
    """Each decision is read back with its own actor, action, resource, purpose and id."""
    told = [
        attempt(),
        attempt(actor_id="bob", action="write", resource_type="dataset", resource_id="plates"),
    ]
    made = [
        decision(
            decision_id="b.0", grant="g1", line="l", obligations=(Obligation("max_rows", {}),)
        ),
        decision(False, decision_id="b.1", purpose="fraud"),
    ]
    event = check_canonical(batch_row(told, made, batch_id="b", asker=ASKER, now=NOW))
    read = list(decisions_of(event))

    assert (event.operation, event.action, event.outcome) == ("evaluations", "other", "success")
    assert (event.actor_id, event.decision_permit, event.decision_id) == (None, None, "b")
    assert [(one.id, one.actor_id, one.action, one.resource_id) for one in read] == [
        ("b.0", "alice", "read", "record-1"),
        ("b.1", "bob", "write", "plates"),
    ]
    assert [(one.permit, one.purpose, one.grant) for one in read] == [
        (True, "care", "g1"),
        (False, "fraud", None),
    ]
    assert {one.actor_type for one in read} == {"user"}


def test_what_a_batch_has_in_common_stands_in_its_fields() -> None:
    """One actor, one action, one purpose, one outcome: said once."""
    told = [attempt(actor_type="service", resource_id=f"r{n}") for n in range(3)]
    event = event_of(
        batch_row(told, [decision(False)] * 3, batch_id="b", asker=ASKER, now=NOW, instead_of="a")
    )

    assert (event.actor_type, event.actor_id, event.action) == ("service", "alice", "read")
    assert (event.purpose, event.decision_permit, event.outcome) == ("care", False, "denied")
    assert event.attributes is not None
    assert event.attributes["instead_of"] == "a"
    assert [one.resource_id for one in decisions_of(event)] == ["r0", "r1", "r2"]
    assert {one.actor_type for one in decisions_of(event)} == {"service"}


def test_what_all_of_a_batch_state_is_held_once() -> None:
    """A context that was given for all attempts is not written for each; it is read for each."""
    context, role = {"rows": 3}, {"role": "nurse"}
    told = [
        attempt(context=context, actor=role, resource_id=f"r{n}", resource={"n": n})
        for n in range(2)
    ]
    event = check_canonical(batch_row(told, [decision()] * 2, batch_id="b", asker=ASKER, now=NOW))

    assert event.query_text is not None
    assert orjson.loads(event.query_text)["stated"] == {"context": context, "actor": role}
    assert [one.stated for one in decisions_of(event)] == [
        {"context": context, "actor": role, "resource": {"n": n}} for n in range(2)
    ]


def test_what_was_asked_can_be_erased_and_what_was_decided_stays() -> None:
    """Resources and what was stated lie in the group of the data subject, ids and reasons not."""
    row, _ = batch_row([attempt()] * 2, [decision()] * 2, batch_id="b", asker=ASKER, now=NOW)
    _, actor, _, content, _ = row
    read = list(decisions_of(Event(**decode_groups(actor, b"", content))))

    assert b"record-1" not in content
    assert [(one.id, one.resource_id, one.permit) for one in read] == [("d1", "", True)] * 2


def test_what_budgets_count_goes_along() -> None:
    """The fields of budgets join those of the decision."""
    fields = {
        "attributes": {"budget": [{"decision": "d1"}]},
        "rows_requested": 5,
        "bytes_requested": None,
        "subjects": (("person", "dee"),),
        "flags": ("overlap:2",),
    }
    event = check_canonical(
        decision_row(attempt(), decision(), asker=ASKER, now=NOW, fields=fields)
    )

    assert (event.rows_requested, event.bytes_requested) == (5, None)
    assert (event.subjects, event.flags) == ((("person", "dee"),), ("overlap:2",))
    assert event.attributes is not None
    assert event.attributes["budget"] == [{"decision": "d1"}]


def test_data_subjects_that_are_named_are_in_their_field() -> None:
    """Also of a denial; those that budgets speak of stay in their places."""
    named = attempt(context={"subjects": ["person:dee", "plate:A:1", "odd", 7]})
    event = check_canonical(decision_row(named, decision(), asker=ASKER, now=NOW))
    assert event.subjects == (("person", "dee"), ("plate", "A:1"))

    fields = {"subjects": (("person", "eve"),)}
    batch = batch_row(
        [named, attempt()], [decision()] * 2, batch_id="b", asker=ASKER, now=NOW, fields=fields
    )
    assert event_of(batch).subjects == (("person", "eve"), ("person", "dee"), ("plate", "A:1"))


def test_a_single_decision_is_read_back() -> None:
    """`decisions_of` gives the same for an event of one decision."""
    told = attempt(context={"rows": 3})
    (read,) = decisions_of(event_of(decision_row(told, decision(), asker=ASKER, now=NOW)))

    assert (read.id, read.time, read.actor_type, read.actor_id) == ("d1", NOW, "user", "alice")
    assert (read.resource_type, read.resource_id, read.policy) == ("record", "record-1", "v1")
    assert read.stated == {"context": {"rows": 3}}


def test_other_events_hold_no_decision() -> None:
    """Only events of decisions are read as such."""
    assert list(decisions_of(Event(time=NOW, source="county", action="read"))) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beyond 64 bits", {"rows": 2**64}),
        ("no Unicode", {"area": "\ud800"}),
        ("too deep", {"deep": []}),
    ],
)
def test_what_has_no_canonical_form_is_refused(name: str, value: dict[str, Any]) -> None:
    """A value that the record cannot hold is the asker's fault, never a crash."""
    deep: Any = value
    for _ in range(300 if name == "too deep" else 0):
        deep = {"deep": deep}
    with pytest.raises(InputError, match="no canonical form"):
        decision_row(attempt(context=deep), decision(), asker=ASKER, now=NOW)


@pytest.mark.parametrize("count", [0, DECISIONS_MAX + 1])
def test_a_batch_has_a_bound(count: int) -> None:
    """Neither none nor more than one event may hold."""
    with pytest.raises(InputError, match="a batch has"):
        batch_row([attempt()] * count, [decision()] * count, batch_id="b", asker=ASKER, now=NOW)


def test_rows_go_into_a_batch_for_the_record() -> None:
    """What is written in a hurry is what the record takes."""
    builder = BatchBuilder()
    rows = [
        decision_row(attempt(), decision(decision_id=f"d{n}"), asker=ASKER, now=NOW)
        for n in range(3)
    ]
    add_rows(builder, rows)
    batch = builder.take()

    assert batch.count == 3
    assert [batch.group(4, row) for row in range(3)] == [raw for _, raw in rows]
