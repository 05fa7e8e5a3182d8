"""AuthZEN page: a token is of one question, of one policy and of one asker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.errors import InputError
from ombud.web.authzen_page import PAGE_MAX, TOKEN_SIZE, Pages, Place, question_of

PAGES = Pages(b"k" * 32)
ASKED = question_of("/search", "t1", b"{}", "v1")


@given(st.integers(0, 2**32 - 1), st.integers(0, PAGE_MAX))
def test_a_token_leads_to_its_place(start: int, limit: int) -> None:
    """With or without the limit said again."""
    token = PAGES.token(Place(start, limit), ASKED)

    assert len(token) == TOKEN_SIZE
    assert PAGES.place(token, None, ASKED) == Place(start, limit)
    assert PAGES.place(token, limit, ASKED) == Place(start, limit)


@pytest.mark.parametrize(
    ("limit", "place"),
    [(None, Place(0, PAGE_MAX)), (0, Place(0, 0)), (3, Place(0, 3)), (10**9, Place(0, PAGE_MAX))],
)
def test_without_a_token_it_begins(limit: int | None, place: Place) -> None:
    """At the start, with a limit that has a bound."""
    assert PAGES.place("", limit, ASKED) == place


@given(st.text(max_size=40))
def test_any_other_text_is_refused(token: str) -> None:
    """Nobody makes a token but us."""
    if token:
        with pytest.raises(InputError, match="token"):
            PAGES.place(token, None, ASKED)


def test_a_token_of_something_else_is_refused() -> None:
    """Another question, policy, asker, key or limit."""
    token = PAGES.token(Place(1, 2), ASKED)
    others = [
        question_of("/search", "t1", b"{}", "v2"),
        question_of("/search", "t2", b"{}", "v1"),
        question_of("/searc", "ht1", b"{}", "v1"),
    ]

    for other in others:
        with pytest.raises(InputError, match="policy has changed"):
            PAGES.place(token, None, other)
    with pytest.raises(InputError, match="policy has changed"):
        PAGES.place(token, 3, ASKED)
    with pytest.raises(InputError, match="policy has changed"):
        Pages(b"l" * 32).place(token, None, ASKED)
    with pytest.raises(InputError, match="negative"):
        PAGES.place("", -1, ASKED)
