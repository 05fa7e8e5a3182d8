"""AuthZEN search: who may, to what, and what, a page at a time."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from ombud.access.attempt import Attempt
from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.searching import Found, Searching
from ombud.web.authzen_door import JSON_HEADER, Question, Reply, check_json, is_what_if
from ombud.web.authzen_page import Pages, Place, question_of
from ombud.web.authzen_paths import SEARCH_ACTION, SEARCH_RESOURCE, SEARCH_SUBJECT
from ombud.web.authzen_wire import (
    ActionSearch,
    ResourceSearch,
    SubjectSearch,
    read_search,
    search_attempt,
)

Search = SubjectSearch | ResourceSearch | ActionSearch
SHAPES: dict[str, type[Search]] = {
    SEARCH_SUBJECT: SubjectSearch,
    SEARCH_RESOURCE: ResourceSearch,
    SEARCH_ACTION: ActionSearch,
}


class AuthzenSearch:
    """Answers searches."""

    def __init__(self, searching: Searching, pages: Pages) -> None:
        self._searching = searching
        self._pages = pages

    def answer(self, question: Question, asker: Asker) -> Reply:
        """Return a page of results; raises `InputError`, `Forbidden` and `Unavailable`."""
        what_if = is_what_if(asker, question.headers)
        check_json(question.headers)
        search: Search = read_search(SHAPES[question.path], question.body)
        limit = search.page.limit
        attempt = search_attempt(search)
        asked = question_of(
            question.path, asker.token_id or asker.person, _sense(search), self._searching.version()
        )
        # Before anything is looked for: a token of another question costs nothing.
        place = self._pages.place(
            search.page.token, limit if isinstance(limit, int) else None, asked
        )
        found = self._find(search, attempt, asker, is_recorded=not what_if)
        return _reply(self._page(found, place, asked), found, place, what_if=what_if)

    def _find(self, search: Search, attempt: Attempt, asker: Asker, *, is_recorded: bool) -> Found:
        if isinstance(search, SubjectSearch):
            find = self._searching.subjects
        elif isinstance(search, ResourceSearch):
            find = self._searching.resources
        else:
            find = self._searching.actions
        return find(attempt, asker=asker, is_recorded=is_recorded)

    def _page(self, found: Found, place: Place, asked: bytes) -> dict[str, Any]:
        end = place.start + place.limit
        is_over = end >= len(found.results)
        count = len(found.results[place.start : end])
        token = "" if is_over else self._pages.token(Place(end, place.limit), asked)
        return {"next_token": token, "count": count, "total": len(found.results)}


def _sense(search: Search) -> bytes:
    """Return what a token is bound to: what was understood, without its token and limit.

    Raises `InputError` for a question that has no canonical form.
    """
    try:
        said = msgspec.to_builtins(search)
        said["page"] = search.page.properties
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError, RecursionError) as error:  # Beyond 64 bits, or too deep.
        raise InputError(f"what was said has no canonical form: {error}", origin="body") from error


def _reply(page: dict[str, Any], found: Found, place: Place, *, what_if: bool) -> Reply:
    context: dict[str, Any] = {"policy_version": found.version}
    if what_if:
        context["what_if"] = True
    document = {
        "page": page,  # First, so that who reads a long answer can tell how far it is.
        "context": context,
        "results": found.results[place.start : place.start + place.limit],
    }
    return Reply(200, JSON_HEADER, orjson.dumps(document))
