"""AuthZEN wire: bodies of the Authorization API read into attempts, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.access.attempt import Attempt
from ombud.core.errors import InputError
from ombud.services.drafting import Semantic
from ombud.web.authzen_wire import (
    DEPTH_MAX,
    EVALUATIONS_MAX,
    ActionSearch,
    ResourceSearch,
    SubjectSearch,
    read_batch,
    read_evaluation,
    read_search,
    search_attempt,
)

Json = dict[str, Any]
ALICE: Json = {"type": "user", "id": "alice"}
READ: Json = {"name": "read"}
RECORD: Json = {"type": "record", "id": "r1"}
ASKED: Json = {"subject": ALICE, "action": READ, "resource": RECORD}


def nested(depth: int) -> Any:
    """Return lists within lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def batch(said: Json) -> tuple[list[Attempt | InputError], Semantic]:
    """Read a batch that is one."""
    read = read_batch(orjson.dumps(said), "b")
    assert read is not None
    return read


def test_everything_that_is_said_is_in_the_attempt() -> None:
    """Properties, context, purpose and columns have their places; unknown fields none."""
    said = {
        "subject": {**ALICE, "properties": {"role": "nurse"}, "alias": "al"},
        "action": {**READ, "properties": {"soft": True}},
        "resource": {**RECORD, "properties": {"columns": ["name"], "status": "open"}},
        "context": {"purpose": "care", "time": "1985-10-26T01:22-07:00"},
        "future": {"nested": True},
    }

    assert read_evaluation(orjson.dumps(said), "d1") == Attempt(
        actor_type="user",
        actor_id="alice",
        action="read",
        resource_type="record",
        resource_id="r1",
        purpose="care",
        actor={"role": "nurse"},
        resource={"columns": ["name"], "status": "open"},
        action_properties={"soft": True},
        context={"purpose": "care", "time": "1985-10-26T01:22-07:00"},
        columns=("name",),
        id="d1",
    )


def test_an_empty_list_of_columns_names_none() -> None:
    """Whoever asks for no column is told which there are, and escapes no prohibition of some."""
    said = {**ASKED, "resource": {**RECORD, "properties": {"columns": []}}}

    assert read_evaluation(orjson.dumps(said), "d1").columns is None


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("empty", b"", "the body is empty"),
        ("white space", b" \n", "the body is empty"),
        ("not JSON", b"{", "the body is not JSON"),
        ("not UTF-8", b'{"subject": "\xff"}', ""),
        ("no object", b"[]", "expected `object`"),
        ("no subject", orjson.dumps({"action": READ, "resource": RECORD}), "`subject`"),
        ("no id", orjson.dumps({**ASKED, "subject": {"type": "user"}}), "`id`"),
        ("a number", orjson.dumps({**ASKED, "action": {"name": 1}}), "$.action.name"),
        ("null", orjson.dumps({**ASKED, "context": None}), "$.context"),
        ("no text", orjson.dumps({**ASKED, "context": {"purpose": 1}}), "`purpose` is no text"),
        (
            "columns",
            orjson.dumps({**ASKED, "resource": {**RECORD, "properties": {"columns": "name"}}}),
            "`columns` is no list",
        ),
        (
            "deep",
            orjson.dumps({**ASKED, "context": {"a": nested(DEPTH_MAX + 1)}}),
            "nested more than",
        ),
        ("deeper", b'{"subject":' + b"[" * 90_000 + b"]" * 90_000 + b"}", ""),
    ],
)
def test_what_is_no_request_is_refused(name: str, body: bytes, message: str) -> None:
    """Each with a message that says what is wrong."""
    with pytest.raises(InputError) as caught:
        read_evaluation(body, "d1")

    assert message in str(caught.value), name


def test_properties_may_be_nested_as_deep_as_is_said() -> None:
    """The bound itself is in."""
    said = {**ASKED, "context": {"a": nested(DEPTH_MAX - 1)}}

    assert read_evaluation(orjson.dumps(said), "d").context["a"] == nested(DEPTH_MAX - 1)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes are a fault of ours."""
    for read in (read_evaluation, read_batch):
        with suppress(InputError):
            assert read(data, "d") is None  # What chance makes is no evaluation.


@pytest.mark.parametrize("said", [ASKED, {**ASKED, "evaluations": []}])
def test_a_batch_of_nothing_is_a_single_evaluation(said: Json) -> None:
    """Missing or empty `evaluations`: the request is one for the single API."""
    assert read_batch(orjson.dumps(said), "b") is None


def test_an_item_overrides_whole_entities() -> None:
    """Properties of the top are not mixed into an entity that an item brings along."""
    said = {
        **ASKED,
        "resource": {**RECORD, "properties": {"status": "open"}},
        "context": {"purpose": "care"},
        "evaluations": [{}, {"resource": {"type": "record", "id": "r2"}, "context": {}}],
    }
    (first, second), semantic = batch(said)

    assert semantic is Semantic.EXECUTE_ALL
    assert isinstance(first, Attempt)
    assert isinstance(second, Attempt)
    assert (first.id, first.resource, first.purpose) == ("b.0", {"status": "open"}, "care")
    assert (second.id, second.resource_id, second.resource) == ("b.1", "r2", {})
    assert second.purpose is None


def test_a_malformed_item_spoils_no_other() -> None:
    """It comes as its error, in its place."""
    said = {
        "subject": ALICE,
        "action": READ,
        "evaluations": [{"resource": RECORD}, {}, {"resource": "r1"}, 7, {"resource": RECORD}],
    }
    attempts, _ = batch(said)

    assert [isinstance(one, Attempt) for one in attempts] == [True, False, False, False, True]
    assert "`resource`" in str(attempts[1])
    assert "evaluations[2]" in str(attempts[2])


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("no list", {"evaluations": {}}),
        ("semantic", {"evaluations": [{}], "options": {"evaluations_semantic": "some"}}),
        ("options", {"evaluations": [{}], "options": []}),
        ("default", {"evaluations": [ASKED], "subject": "alice"}),
        ("too many", {"evaluations": [{}] * (EVALUATIONS_MAX + 1)}),
    ],
)
def test_a_malformed_batch_is_refused_as_a_whole(name: str, changed: Json) -> None:
    """What is wrong with the request itself is not told item by item."""
    with pytest.raises(InputError):
        batch({**ASKED, **changed})


def test_searches_leave_out_what_they_seek() -> None:
    """The id of what is sought is ignored, those of what is given are needed."""
    subjects = read_search(SubjectSearch, orjson.dumps(ASKED))
    resources = read_search(ResourceSearch, orjson.dumps(ASKED))
    actions = read_search(ActionSearch, orjson.dumps({**ASKED, "page": {"limit": 3}}))

    assert (search_attempt(subjects).actor_id, search_attempt(subjects).resource_id) == ("", "r1")
    assert (search_attempt(resources).actor_id, search_attempt(resources).resource_id) == (
        "alice",
        "",
    )
    assert search_attempt(actions).action == ""
    assert actions.page.limit == 3


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (SubjectSearch, {"subject": ALICE, "resource": RECORD}),
        (SubjectSearch, {**ASKED, "resource": {"type": "record"}}),
        (ResourceSearch, {**ASKED, "subject": {"type": "user"}}),
        (ActionSearch, {"subject": ALICE}),
        (ActionSearch, {**ASKED, "page": {"limit": "3"}}),
        (ActionSearch, {**ASKED, "page": {"token": 3}}),
    ],
)
def test_malformed_searches_are_refused(shape: type[Any], said: Json) -> None:
    """What is given must be given whole."""
    with pytest.raises(InputError):
        read_search(shape, orjson.dumps(said))
