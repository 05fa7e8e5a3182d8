"""Overlaps: what counts as nearly the same query, and what is ordinary work."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from ombud.access.attempt import Attempt
from ombud.services import overlaps as module
from ombud.services.overlaps import Overlaps

MANY = tuple(("person", f"p{n}") for n in range(50))


def note(
    overlaps: Overlaps,
    query: str | None = None,
    subjects: tuple[tuple[str, str], ...] = (),
    *,
    purpose: str = "fraud",
    dataset: str = "claims",
    **context: Any,
) -> tuple[str, ...]:
    """Note a query of Ana's."""
    context |= {"query": query} if query is not None else {}
    attempt = Attempt("user", "ana", "search", "dataset", dataset, purpose, context=context)
    return overlaps.note(attempt, purpose, subjects)


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("age < 40", "age < 41", True),
        ("age < 40", "AGE  <\n41", True),
        ("age < 40.5 and town = 'a'", "age < 40.6 and town = 'a'", True),
        ("name = 'O''Neil'", "name = 'Dee'", True),
        ("age < 40", "age < 40", False),  # Nothing is learnt from asking again.
        ("age < 40 and town = 'a'", "age < 41 and town = 'b'", False),
        ("age < 40", "size < 41", False),
        ("age < 40", "age < 40 and age < 41", False),
        ("t1 where x = 1", "t2 where x = 1", False),
    ],
)
def test_one_constant_changed(one: str, other: str, is_near: bool) -> None:
    """The same statement with exactly one other constant is near."""
    overlaps = Overlaps()
    note(overlaps, one)

    assert note(overlaps, other) == (("overlap:1",) if is_near else ())


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        (MANY, MANY[:-1], True),
        (MANY, (*MANY[4:],), True),
        (MANY, (*MANY[5:],), False),
        (MANY, MANY, False),
        (MANY[:1], MANY[1:2], False),
        (MANY[:1], MANY[:2], True),
    ],
)
def test_result_sets_that_differ_by_few(one: Any, other: Any, is_near: bool) -> None:
    """Sets that share people and differ by fewer than five single these out."""
    overlaps = Overlaps()
    note(overlaps, None, one)

    assert note(overlaps, None, other) == (("overlap:1",) if is_near else ())


def test_one_look_up_after_another_is_ordinary() -> None:
    """The same statement about other people, known to be others, is no overlap."""
    overlaps = Overlaps()
    note(overlaps, "name = 'Dee'", (("person", "dee"),))

    assert note(overlaps, "name = 'Eve'", (("person", "eve"),)) == ()
    assert note(overlaps, "name = 'Fay'") == ("overlap:2",)  # Of whom is not said.


def test_what_is_compared_is_of_one_actor_purpose_and_dataset() -> None:
    """The number says how many; elsewhere it begins anew, and the next day, too."""
    overlaps = Overlaps()
    flags = [note(overlaps, f"age < {n}") for n in range(4)]

    assert flags == [(), ("overlap:1",), ("overlap:2",), ("overlap:3",)]
    assert note(overlaps, "age < 9", purpose="care") == ()
    assert note(overlaps, "age < 9", dataset="people") == ()
    overlaps.clear()
    assert note(overlaps, "age < 9") == ()
    assert note(overlaps) == ()


def test_a_fingerprint_stands_for_the_shape() -> None:
    """Where the asking program knows the shape better than the text tells."""
    overlaps = Overlaps()
    note(overlaps, "a.x < 1", fingerprint="f1")

    assert note(overlaps, "b.x < 2", fingerprint="f1") == ("overlap:1",)
    assert note(overlaps, "b.x < 3", fingerprint="f2") == ()


def test_memory_is_bounded() -> None:
    """The oldest queries and the longest quiet places are forgotten; giants are not compared."""
    overlaps = Overlaps()
    flags = [note(overlaps, f"age < {number}") for number in range(100)]
    assert flags[-1] == (f"overlap:{module.REMEMBERED_MAX}",)

    with patch.object(module, "PLACES_MAX", 2):
        for purpose in ("a", "b", "c"):
            note(overlaps, "age < 1", purpose=purpose)
        assert note(overlaps, "age < 2", purpose="a") == ()
        assert note(overlaps, "age < 2", purpose="c") == ("overlap:1",)

    numbers = ", ".join(map(str, range(300)))
    note(overlaps, f"age in ({numbers})")
    assert note(overlaps, f"age in ({numbers}, 7)") == ()
