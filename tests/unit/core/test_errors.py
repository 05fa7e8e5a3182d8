"""Errors: one line for a person, a stable code for a program."""

from __future__ import annotations

import pytest

from ombud.core import errors
from ombud.core.errors import InputError, NotFound, OmbudError, QueryError, Unavailable

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, OmbudError) and kind is not OmbudError
]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        pytest.param(NotFound("no session `s1`"), "no session `s1`", id="without a place"),
        pytest.param(
            InputError("not JSON", origin="a.json:3"), "a.json:3: not JSON", id="with a place"
        ),
        pytest.param(
            QueryError("unknown field `user`", column=5, hint="did you mean `actor`?"),
            "column 5: unknown field `user`",
            id="query",
        ),
    ],
)
def test_error_is_one_line(error: OmbudError, line: str) -> None:
    """The line says where and what; the hint is apart."""
    assert str(error) == line


def test_codes_tell_kinds_apart() -> None:
    """Each kind has a code of its own."""
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_a_code_may_be_narrower() -> None:
    """One error can carry a narrower code; its kind keeps its own."""
    assert InputError("x", code="mapping").code == "mapping"
    assert InputError("x").code == "input"


def test_unavailable_says_when_to_come_back() -> None:
    """Who is pushed back is told how long to wait."""
    assert Unavailable("busy", retry_seconds=2.5).retry_seconds == 2.5
