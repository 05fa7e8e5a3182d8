"""AuthZEN search: what is no question is refused, whatever it hides and wherever."""

from __future__ import annotations

from typing import Any, cast

import orjson
import pytest

from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.searching import Found, Searching
from ombud.web.authzen_door import Question
from ombud.web.authzen_page import Pages
from ombud.web.authzen_paths import SEARCH_ACTION
from ombud.web.authzen_search import AuthzenSearch

ASKER = Asker("gate", frozenset({"decide"}))
HEADERS = {b"content-type": b"application/json"}
DEEP = b"[" * 500 + b"]" * 500


class Five:
    """Finds five actions, whatever is asked."""

    def version(self) -> str:
        """Return a version."""
        return "v1"

    def actions(self, *_: object, **__: object) -> Found:
        """Return them."""
        return Found([{"name": str(number)} for number in range(5)], "v1")


@pytest.fixture
def door() -> AuthzenSearch:
    """Return what answers searches."""
    return AuthzenSearch(cast("Searching", Five()), Pages(bytes(32)))


def ask(door: AuthzenSearch, **more: Any) -> dict[str, Any]:
    """Ask which actions there are."""
    entity = {"type": "user", "id": "alice"}
    body = orjson.dumps({"subject": entity, "resource": entity, **more})
    answer: dict[str, Any] = orjson.loads(
        door.answer(Question(SEARCH_ACTION, HEADERS, body), ASKER).body
    )
    return answer


def test_a_token_is_of_what_was_understood(door: AuthzenSearch) -> None:
    """What is not known changes nothing; anything that is makes another question of it."""
    token = ask(door, page={"limit": 2})["page"]["next_token"]

    page = ask(door, page={"token": token}, context={}, unknown=1)
    assert [one["name"] for one in page["results"]] == ["2", "3"]
    with pytest.raises(InputError, match="not of this question"):
        ask(door, page={"token": token}, context={"case": "1"})


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("depth of context", {"context": {"a": orjson.Fragment(DEEP)}}),
        ("depth of page", {"page": {"properties": {"a": orjson.Fragment(DEEP)}}}),
        ("number", {"context": {"a": orjson.Fragment(b"9" * 40)}}),
    ],
)
def test_what_has_no_canonical_form_is_refused(
    door: AuthzenSearch, name: str, more: dict[str, Any]
) -> None:
    """As an error of who asks, never as a fault."""
    with pytest.raises(InputError):
        ask(door, **more)
    assert name


@pytest.mark.parametrize("unread", [b"9" * 400, b"1e400", b'"\xff"'])
def test_what_is_not_known_is_not_read(door: AuthzenSearch, unread: bytes) -> None:
    """Numbers beyond any bound and what is no Unicode, in a field that nobody asks for."""
    assert len(ask(door, unknown=orjson.Fragment(unread))["results"]) == 5
