"""JSON records: values by name whatever the spelling of keys and the types of values."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.collect.json_record import ITEMS_MAX, JsonRecord, as_instant
from ombud.core.errors import EventError

AT_MS = 1_772_612_130_123


def record(**members: Any) -> JsonRecord:
    """Return a record of these members."""
    return JsonRecord(members, [])


@pytest.mark.parametrize("key", ["actionName", "action_name", "ACTION_NAME", "Action-Name"])
def test_keys_are_compared_by_letters_and_digits(key: str) -> None:
    """One name finds every spelling."""
    assert JsonRecord({key: "x"}, []).text("actionname") == "x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ("", None),
        (None, None),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    """Scalars become text; what is empty is absent and no fault."""
    given = record(a=value)
    assert given.text("a") == text
    assert given.flags == []


@pytest.mark.parametrize(
    ("value", "number"),
    [
        pytest.param(7, 7, id="integer"),
        pytest.param("-7", -7, id="text"),
        pytest.param(7.0, 7, id="whole real"),
        pytest.param(7.5, None, id="real"),
        pytest.param(1 << 63, None, id="beyond 64 bits"),
        pytest.param("9" * 400, None, id="long text"),
        pytest.param(True, None, id="truth"),
        pytest.param("٣", None, id="other digits"),
        pytest.param([1], None, id="list"),
    ],
)
def test_integer(value: Any, number: int | None) -> None:
    """Integers of 64 bits, and whatever else is flagged by the key as written."""
    given = JsonRecord({"Row_Count": value}, [])
    assert given.integer("rowcount") == number
    assert given.flags == ([] if number is not None else ["unmappable:Row_Count"])


def test_count_is_not_negative() -> None:
    """A number of things below nothing is no number of things."""
    assert (record(a=3).count("a"), record(a=-3).count("a")) == (3, None)


@pytest.mark.parametrize(
    ("value", "truth"), [(True, True), ("False", False), ("yes", None), (1, None)]
)
def test_truth(value: Any, truth: bool | None) -> None:
    """Truths, also as text."""
    assert record(a=value).truth("a") is truth


@pytest.mark.parametrize(
    ("value", "at_ms"),
    [
        pytest.param("2026-03-04T08:15:30.123Z", AT_MS, id="ISO 8601"),
        pytest.param("2026-03-04T08:15:30.123456789Z", AT_MS, id="nanoseconds"),
        pytest.param("2026-03-04 08:15:30.123 +0000", AT_MS, id="blanks and offset"),
        pytest.param("2026-03-04 00:15:30.123 -0800", AT_MS, id="west"),
        pytest.param("2026-03-04 08:15:30.123", AT_MS, id="no zone"),
        pytest.param("2026-03-04T08:15:30.123+00:00", AT_MS, id="offset with colon"),
        pytest.param(1772612130.123, AT_MS, id="seconds"),
        pytest.param(AT_MS, AT_MS, id="milliseconds"),
        pytest.param(str(AT_MS), AT_MS, id="milliseconds as text"),
        pytest.param(AT_MS * 1000, AT_MS, id="microseconds"),
        pytest.param(AT_MS * 1_000_000, AT_MS, id="nanoseconds as number"),
        pytest.param("soon", None, id="words"),
        pytest.param("", None, id="nothing"),
        pytest.param(True, None, id="truth"),
        pytest.param(float("nan"), None, id="not a number"),
        pytest.param(float("inf"), None, id="endless"),
        pytest.param(10**400, None, id="beyond every unit"),
        pytest.param([], None, id="list"),
    ],
)
def test_instant(value: Any, at_ms: int | None) -> None:
    """Times of every form that vendors deliver."""
    assert as_instant(value) == at_ms


def test_first_usable_member_wins() -> None:
    """A member that cannot be used is flagged, and the next one is taken."""
    given = record(a="soon", b=AT_MS)
    assert given.instant("none", "a", "b") == AT_MS
    assert given.flags == ["unmappable:a"]


def test_objects_inside() -> None:
    """Objects and lists are read also where they were delivered as their JSON text."""
    given = record(a='{"B_c":[1]}', d='[{"e":1},7]', f="{broken", g=[1, {"h": 2}], i="plain")
    assert given.object("a").text("bc") is None
    assert given.flags == ["unmappable:a.B_c"]
    assert [item.integer("e") for item in given.objects("d")] == [1]
    assert not given.object("f")
    assert [item.integer("h") for item in given.objects("g")] == [2]
    assert given.objects("i") == []
    assert given.texts("i") == ["plain"]
    assert given.texts("g") == ["1"]
    assert given.flags[1:] == ["unmappable:f", "unmappable:i"]


def test_what_is_declared() -> None:
    """Scalars are declared as they are, and other numbers as text."""
    given = record(a=1, b="x", c=None, d=[1], e=1 << 70, f=False, g="")
    found = given.declared(a="a", b="b", c="c", d="d", e="e", f="f", g="g", h="h")
    assert found == {"a": 1, "b": "x", "e": str(1 << 70), "f": False}
    assert given.flags == ["unmappable:d"]


def test_bounds() -> None:
    """Neither flags nor items grow with a hostile record."""
    given = JsonRecord({f"k{n}": [] for n in range(100)}, [])
    for n in range(100):
        given.text(f"k{n}")
    assert len(given.flags) == 8
    assert len(record(a=list(range(10_000))).texts("a")) == ITEMS_MAX


def test_what_is_no_record() -> None:
    """Bytes that are no object, and objects that are no record of the source, are refused."""
    with pytest.raises(EventError, match="not an object"):
        JsonRecord.read(b"[1]")
    with pytest.raises(EventError, match=r"no.* record of x\.y") as refused:
        record(a=1).require("x.y", "b")
    assert "b" in (refused.value.hint or "")
