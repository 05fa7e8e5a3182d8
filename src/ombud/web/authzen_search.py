"""AuthZEN search: who may, to what, and what, a page at a time."""

from __future__ import annotations

from typing import Any

import orjson

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
        asked = question_of(
            question.path, asker.token_id or asker.person, _sense(question.body),
            self._searching.version(),
        )  # fmt: skip
        # Before anything is looked for: a token of another question costs nothing.
        place = self._pages.place(
            search.page.token, limit if isinstance(limit, int) else None, asked
        )
        found = self._find(search, asker, is_recorded=not what_if)
        return _reply(self._page(found, place, asked), found, place, what_if=what_if)

    def _find(self, search: Search, asker: Asker, *, is_recorded: bool) -> Found:
        attempt = search_attempt(search)
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


def _sense(body: bytes) -> bytes:
    """Return what a token is bound to: the question without its token, limit and white space."""
    said = orjson.loads(body)
    page = said.get("page")
    if isinstance(page, dict):
        said["page"] = {name: page[name] for name in page if name not in {"token", "limit"}}
    return orjson.dumps({"page": {}, **said}, option=orjson.OPT_SORT_KEYS)


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
