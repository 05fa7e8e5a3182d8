"""AuthZEN door: from the bytes of an evaluation to the bytes of its answer, but for letting go.

One door stands behind the application and behind the workers of the decision port, so
both answer the same.  What it returns with a draft must not leave before that draft is
durable and still of the policy in force.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from ombud.access.attempt import Attempt
from ombud.core.errors import Forbidden, InputError, OmbudError, Unauthenticated
from ombud.services.asker import Asker
from ombud.services.deciding import DECIDE, SIMULATE
from ombud.services.drafting import Draft, Drafter, is_last, new_id
from ombud.web.authzen_context import (
    Requestable,
    decision_answer,
    error_answer,
    no_request,
    what_if_answer,
)
from ombud.web.authzen_paths import EVALUATION, EVALUATIONS
from ombud.web.authzen_wire import read_batch, read_evaluation
from ombud.web.errors import answer_to, answer_to_fault

BODY_MAX = {EVALUATION: 64 << 10, EVALUATIONS: 1 << 20}  # Bytes; a thousand short evaluations.
TOKEN_MAX = 256  # Characters; a token has 49.
JSON = b"application/json"
BEARER = b"bearer "
WHAT_IF = b"x-ombud-what-if"

Headers = Mapping[bytes, bytes]  # By name in lower case.


class Reply(NamedTuple):
    """An answer in bytes; its headers do not say its length."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Outcome(NamedTuple):
    """An answer, and the draft that must be durable before it leaves."""

    reply: Reply
    draft: Draft | None = None


class Question(NamedTuple):
    """One request: the path, headers by name in lower case, and the body."""

    path: str
    headers: Headers
    body: bytes


JSON_HEADER = ((b"content-type", JSON),)


def error_reply(error: Exception) -> Reply:
    """Return the answer to an error: the one shape of every refusal."""
    answer = answer_to(error) if isinstance(error, OmbudError) else answer_to_fault()
    headers = tuple(pair for pair in answer.raw_headers if pair[0] != b"content-length")
    return Reply(answer.status_code, headers, bytes(answer.body))


def token_of(headers: Headers) -> str:
    """Return the bearer token of a request; raises `Unauthenticated`."""
    given = headers.get(b"authorization", b"")
    if given[: len(BEARER)].lower() != BEARER:
        raise Unauthenticated(
            "this needs a token",
            hint="send `Authorization: Bearer TOKEN`; see `ombud token create`",
        )
    token = given[len(BEARER) :].strip()
    if len(token) > TOKEN_MAX:
        raise Unauthenticated("that is no token")
    return token.decode("latin-1")


def check_json(headers: Headers) -> None:
    """Raise `InputError` unless the body is said to be JSON (AuthZEN 1.0: 400, not 415)."""
    if headers.get(b"content-type") == JSON and b"content-encoding" not in headers:
        return  # As nearly everybody says it.
    kind, _, parameters = headers.get(b"content-type", b"").partition(b";")
    charset = parameters.strip().lower()
    if kind.strip().lower() != JSON or charset not in {
        b"",
        b"charset=utf-8",
        b'charset="utf-8"',
    }:
        raise InputError("the content type is not `application/json`", origin="content-type")
    if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"", b"identity"}:
        raise InputError("send the body as it is, without an encoding", origin="content-encoding")


def is_what_if(asker: Asker, headers: Headers) -> bool:
    """Whether nothing is to be permitted; raises `Forbidden` without any scope for asking."""
    if DECIDE in asker.scopes and WHAT_IF not in headers:
        return False
    if SIMULATE in asker.scopes:
        return True
    asker.require(SIMULATE if WHAT_IF in headers else DECIDE)
    raise Forbidden("this needs the scope `decide`")


class AuthzenDoor:
    """Answers access evaluations."""

    def __init__(self, drafter: Drafter, *, requestable: Requestable = no_request) -> None:
        self._drafter = drafter
        self._requestable = requestable

    def answer(self, question: Question, asker: Asker, *, instead_of: str | None = None) -> Outcome:
        """Return the answer, and what must be durable first.

        Raises `InputError`, `Forbidden` and `Unavailable`; a denial is an answer.
        """
        what_if = is_what_if(asker, question.headers)
        check_json(question.headers)
        if question.path == EVALUATIONS:
            batch_id = new_id()
            read = read_batch(question.body, batch_id)
            if read is not None:
                attempts, semantic = read
                if what_if:
                    return self._what_if_batch(attempts, semantic)
                draft = self._drafter.draft_batch(
                    attempts,
                    asker=asker,
                    batch_id=batch_id,
                    semantic=semantic,
                    instead_of=instead_of,
                )
                return Outcome(self._batch_reply(attempts, draft), draft)
        attempt = read_evaluation(question.body, "" if what_if else new_id())
        if what_if:
            return Outcome(_reply(what_if_answer(self._drafter.peek(attempt))))
        draft = self._drafter.draft(attempt, asker=asker, instead_of=instead_of)
        (decision,) = draft.decisions
        if isinstance(decision, InputError):
            raise decision
        return Outcome(_reply(decision_answer(attempt, decision, self._requestable)), draft)

    def _batch_reply(self, attempts: list[Attempt | InputError], draft: Draft) -> Reply:
        answers = []
        for attempt, decision in zip(attempts, draft.decisions, strict=False):
            if isinstance(decision, InputError):
                answers.append(error_answer(decision))
            elif isinstance(attempt, Attempt):
                answers.append(decision_answer(attempt, decision, self._requestable))
        return _reply({"evaluations": answers})

    def _what_if_batch(self, attempts: list[Attempt | InputError], semantic: Any) -> Outcome:
        answers = []
        for attempt in attempts:
            permit = False
            try:
                if isinstance(attempt, InputError):
                    raise attempt
                decision = self._drafter.peek(attempt)
                permit = decision.permit
                answers.append(what_if_answer(decision))
            except InputError as error:
                answers.append(error_answer(error))
            if is_last(semantic, permit):
                break
        return Outcome(_reply({"evaluations": answers}))


def _reply(document: dict[str, Any]) -> Reply:
    return Reply(200, JSON_HEADER, orjson.dumps(document))


Authenticate = Callable[[str], Asker]
