"""Asking: the client of a program: may this be done, and this was done.

Without an answer there is no permit, and no permit is kept for later.  Everything
else that this promises is in the modules it is made of.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import orjson

from ombud.client.decision import CUSTOM, NOTIFICATION, NOTIFY, Decision, Denied, read_decision
from ombud.client.guarded import Guarded
from ombud.client.obligations import DONE_HERE, Row, apply_obligations, refuse_unknown
from ombud.client.purposes import current_purpose
from ombud.client.resource import Resource
from ombud.client.sending import Sender, deliver
from ombud.client.spool import SIZE_MAX, Spool
from ombud.client.telling import event_document, split_name
from ombud.client.transport import Answer, Transport
from ombud.core.errors import Forbidden, InputError, Unauthenticated, Unavailable

EVALUATION = "/access/v1/evaluation"
TIMEOUT_SECONDS = 5.0
REQUEST_MAX = 60_000  # Bytes; the server takes 64 KiB.


class Client:
    """One program's way to Ombud, for any number of threads; close it at the end.

    `source` names the program in the events that it tells; `actor` (`type:id`) is who
    acts when a call does not say.  `handles` are the obligations that the program
    discharges itself.  With `spool` events are kept on disk until the server has them,
    without it `record` returns when the server has them, and raises when it is away.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        source: str = "",
        actor: str | None = None,
        handles: Collection[str] = (),
        spool: Path | None = None,
        spool_bytes_max: int = SIZE_MAX,
        timeout_seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
        allow_plain: bool = False,
    ) -> None:
        self._transport = Transport(
            url, token, timeout_seconds=timeout_seconds, tls=tls, allow_plain=allow_plain
        )
        self._source = source
        self._actor = actor
        self._handles = frozenset(handles)
        self._spool = Spool(spool, size_max=spool_bytes_max) if spool is not None else None
        self._sender = Sender(self._spool, self._transport) if self._spool is not None else None

    def __enter__(self) -> Self:
        """Return the client; the end of the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Stop; what was not sent stays in the spool and is sent at the next start."""
        if self._sender is not None:
            self._sender.stop()
        if self._spool is not None:
            self._spool.close()
        self._transport.close()

    def check(
        self,
        action: str,
        resource: Resource,
        *,
        actor: str | None = None,
        context: Mapping[str, Any] | None = None,
        handles: Collection[str] = (),
    ) -> Decision:
        """Return whether this may be done for the purpose that holds.

        A permit with an obligation that neither call nor client handles is a denial.
        Raises `Unavailable` without an answer, and `Forbidden` or `Unauthenticated` when
        the program itself may not ask.
        """
        decision = self._ask(action, resource, actor, context, (*self._handles, *handles))
        return refuse_unknown(decision, handles={*self._handles, *handles})

    def require(
        self,
        action: str,
        resource: Resource,
        *,
        actor: str | None = None,
        context: Mapping[str, Any] | None = None,
        handles: Collection[str] = (),
    ) -> Decision:
        """Return the permit, or raise `Denied` with the decision."""
        decision = self.check(action, resource, actor=actor, context=context, handles=handles)
        if not decision.permit:
            raise Denied(decision)
        return decision

    def fetch(
        self,
        action: str,
        resource: Resource,
        load: Callable[[Decision], Sequence[Row]],
        *,
        actor: str | None = None,
        context: Mapping[str, Any] | None = None,
        handles: Collection[str] = (),
    ) -> Guarded[list[dict[str, Any]]]:
        """Load rows once they are permitted, mask them, and return them guarded.

        `load` is given the permit and does what the program said that it handles, such as
        a row filter in its own query.  Raises `Denied`, also for more rows than allowed.
        """
        own = {*self._handles, *handles}
        stated = current_purpose()
        decision = self._ask(action, resource, actor, context, (*own, *DONE_HERE))
        decision = refuse_unknown(decision, handles=own, applies=True)
        if not decision.permit:
            raise Denied(decision)
        if stated is None:
            raise InputError(
                "rows are loaded inside a purpose", hint="with purpose('…'): client.fetch(…)"
            )
        rows = apply_obligations(decision, load(decision), handles=own)
        return Guarded(rows, stated, decision_id=decision.decision_id)

    def record(
        self,
        action: str,
        resource: Resource | None = None,
        *,
        actor: str | None = None,
        subjects: Sequence[str] = (),
        decision: Decision | None = None,
        **fields: Any,
    ) -> None:
        """Tell what was done; it is not lost once this returns.

        `fields` are those of the event model (`rows_returned=12`).  Raises `SpoolFull` or
        `Unavailable` when it can be neither recorded nor kept.
        """
        if not self._source:
            raise InputError("events need the name of the program: `Client(…, source='shop')`")
        if decision is not None:
            fields = {"decision_id": decision.decision_id, **fields}
        document = event_document(
            action,
            resource,
            source=self._source,
            actor=self._who(actor),
            subjects=subjects,
            fields=fields,
        )
        if self._spool is not None:
            self._spool.append(document)
        else:
            deliver(self._transport, [document])

    def flush(self, seconds: float = 30.0) -> None:
        """Return when every event told so far is recorded; raises when that is not so."""
        if self._sender is not None:
            self._sender.flush(seconds)

    def _who(self, actor: str | None) -> str:
        who = actor or self._actor
        if who is None:
            raise InputError("nobody acts: name the actor of the call or of the client")
        return who

    def _ask(
        self,
        action: str,
        resource: Resource,
        actor: str | None,
        context: Mapping[str, Any] | None,
        supported: Collection[str],
    ) -> Decision:
        kind, id_ = split_name(self._who(actor), "actor")
        said = dict(context or {})
        if "purpose" in said:
            raise InputError("a purpose is stated around the code: with purpose('…')")
        stated = current_purpose()
        if stated is not None:
            said["purpose"] = stated.name
            if stated.case is not None:
                said["case"] = stated.case
            if stated.justifications:
                said["justification_id"] = list(stated.justifications)
        # Stated, so that the record holds a denial where there would be one here.
        types = [CUSTOM, *([NOTIFICATION] if NOTIFY in supported else [])]
        said["supported_obligations"] = types
        said["ombud_obligations"] = sorted({*supported} - {NOTIFY})
        question = {
            "subject": {"type": kind, "id": id_},
            "action": {"name": action},
            "resource": resource.to_dict(),
            "context": said,
        }
        try:
            body = orjson.dumps(question)
        except TypeError as error:
            raise InputError(f"what is asked has no JSON: {error}") from error
        if len(body) > REQUEST_MAX:
            raise InputError(f"a question has at most {REQUEST_MAX} bytes")
        return read_decision(_checked(self._transport.post(EVALUATION, body)).body)


def _checked(answer: Answer) -> Answer:
    """Return an answer that decides; raises the error that any other one is."""
    if answer.status == HTTPStatus.OK:
        return answer
    said = answer.body[:200].decode(errors="replace")
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise Unauthenticated(f"the token of the program is not in force: {said}")
    if answer.status == HTTPStatus.FORBIDDEN:
        raise Forbidden(f"the program may not ask: {said}", hint="its token needs `decide`")
    if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}:
        raise InputError(f"the server does not understand the question: {said}")
    raise Unavailable(
        f"the server does not decide ({answer.status}): {said}",
        retry_seconds=answer.retry_seconds or 1.0,
    )
