"""The ledger of a day: whatever happens in whatever order, it holds what the record says."""

from __future__ import annotations

from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.access.attempt import Spent
from ombud.store import budgets as module
from ombud.store.budgets import DayLedger, Truth, Use, budget_rows, read_budget_rows

PEOPLE = [("person", name) for name in ("dee", "eve", "fay", "gil")]
KEY = ("user", "ana", "fraud")

subjects = st.lists(st.sampled_from(PEOPLE), max_size=4, unique=True).map(tuple)
uses = st.builds(
    Use,
    decision_id=st.sampled_from("abcdef"),
    actor_type=st.just("user"),
    actor_id=st.sampled_from(["ana", "ben"]),
    purpose=st.just("fraud"),
    rows=st.integers(0, 9),
    bytes=st.integers(0, 9),
    subjects=subjects,
    unnamed=st.integers(0, 2),
)
truths = st.builds(
    Truth,
    decision_id=st.sampled_from("abcdef"),
    query_id=st.none(),
    actors=st.just(frozenset[str]()),
    rows=st.none() | st.integers(0, 9),
    bytes=st.none(),
    subjects=st.none() | subjects,
)


@settings(max_examples=200, deadline=None)
@given(
    steps=st.lists(
        st.tuples(uses, st.sampled_from(["keep", "late", "drop"]), st.lists(truths, max_size=2)),
        max_size=6,
        unique_by=lambda step: step[0].decision_id,
    )
)
def test_living_and_rebuilt_ledgers_agree(
    steps: list[tuple[Use, str, list[Truth]]],
) -> None:
    """Holding, keeping, dropping and correcting ends where reading the record from 0 does."""
    living = DayLedger()
    record: list[Use | Truth] = []
    for use, fate, said in steps:
        living.hold(use)
        if fate == "drop":
            living.release(use.decision_id)
        elif fate == "keep":
            living.commit(use.decision_id)
        notes: list[Use | Truth] = [*([use] if fate != "drop" else []), *said]
        living.apply(notes, living.watermark + 1)
        record += notes
        living.commit(use.decision_id)
    rebuilt = DayLedger()
    rebuilt.apply(record, len(steps))

    nothing = Spent()
    assert {key: one for key, one in living.spent.items() if one != nothing} == {
        key: one for key, one in rebuilt.spent.items() if one != nothing
    }
    named = {one for use, fate, _ in steps if fate != "drop" for one in use.subjects
             if use.actor_id == "ana"}  # fmt: skip
    assert living.new_subjects(KEY, PEOPLE) <= len(PEOPLE) - len(named)


@given(given_uses=st.lists(uses, max_size=5))
def test_what_is_written_is_read(given_uses: list[Use]) -> None:
    """The rows of an event give back the uses, through JSON, and hold no data subject."""
    rows, named = budget_rows(given_uses)
    text = msgspec.json.encode(rows)

    assert read_budget_rows(msgspec.json.decode(text), named) == given_uses
    assert not any(key.encode() in text for _, key in PEOPLE)


def test_without_room_subjects_count_too_often_never_too_little() -> None:
    """Beyond the room each mention counts; who was known before still counts once."""
    ledger = DayLedger()
    with patch.object(module, "SUBJECTS_MAX", 2):
        for number in range(3):
            ledger.hold(Use(str(number), *KEY, subjects=tuple(PEOPLE)))
            ledger.commit(str(number))

    assert ledger.spent[KEY].subjects == 2 + 3 * 2
    ledger.release("0")  # It is kept: nothing is given back.
    assert ledger.spent[KEY].subjects == 8


def test_the_oldest_estimates_stand() -> None:
    """Of more permits than are remembered the first keep what they were counted for."""
    ledger = DayLedger()
    with patch.object(module, "USES_MAX", 2):
        for number in range(3):
            ledger.hold(Use(str(number), *KEY, rows=10, query_id=f"q{number}"))
            ledger.commit(str(number))
    for number in range(3):
        ledger.apply([Truth(None, f"q{number}", frozenset({"ana"}), rows=1)], 0)

    assert ledger.spent[KEY].rows == 10 + 1 + 1


@pytest.mark.parametrize(
    "row", [{}, {"decision": "d"}, {"decision": "d", "actor": ["a"], "purpose": "p"}, 7]
)
def test_rows_of_another_shape_are_refused(row: object) -> None:
    """What is no row raises, for the caller to leave out."""
    with pytest.raises(msgspec.ValidationError):
        read_budget_rows([row], ())
