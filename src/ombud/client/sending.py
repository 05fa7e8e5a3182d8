"""Sending: what is spooled goes to the server, in order, until it is recorded.

A server that is away is asked again, later and later.  What it will never take is
put aside in the spool's folder and said, once and at `flush`.
"""

from __future__ import annotations

import logging
import threading
import time
from http import HTTPStatus

import msgspec

from ombud.client.spool import Spool
from ombud.client.transport import Answer, Transport
from ombud.core.errors import InputError, OmbudError, Unavailable

EVENTS = "/v1/events"
NDJSON = "application/x-ndjson"
COUNT_MAX = 500  # Events of one delivery.
DELIVERY_MAX = 1 << 20  # Bytes of one delivery, or one event.
RETRY_SECONDS = 1.0
RETRY_SECONDS_MAX = 60.0
# What says that these very bytes will never be taken.
_HOPELESS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)

log = logging.getLogger("ombud.client")


class _Taken(msgspec.Struct, frozen=True):
    """What became of a delivery: read = recorded + duplicate + quarantined."""

    read: int
    recorded: int
    duplicate: int
    quarantined: int


class RefusedError(InputError):
    """The server will never take an event."""

    code = "refused"


def deliver(transport: Transport, documents: list[bytes]) -> None:
    """Return when the server has these events durably.

    Raises `RefusedError` for what it will never take, `Unavailable` for what it may take later.
    """
    answer = transport.post(EVENTS, b"\n".join(documents) + b"\n", kind=NDJSON)
    if answer.status in _HOPELESS:
        raise RefusedError(f"the server refuses an event: {_said(answer)}")
    if answer.status != HTTPStatus.OK:
        raise Unavailable(
            f"the server takes no events now ({answer.status}): {_said(answer)}",
            retry_seconds=answer.retry_seconds or RETRY_SECONDS,
        )
    try:
        taken = msgspec.json.decode(answer.body, type=_Taken)
    except msgspec.DecodeError as error:
        raise Unavailable(f"the server does not say what it recorded: {error}") from error
    if taken.recorded + taken.duplicate + taken.quarantined != len(documents):
        raise Unavailable("the server recorded another number of events than it was sent")
    if taken.quarantined:
        log.error("%d events are in the server's quarantine", taken.quarantined)


def _said(answer: Answer) -> str:
    return answer.body[:200].decode(errors="replace")


class Sender:
    """A thread that empties a spool."""

    def __init__(self, spool: Spool, transport: Transport) -> None:
        self._spool = spool
        self._transport = transport
        self._stopping = threading.Event()
        self._turning = threading.Lock()
        self._trouble: OmbudError | None = None
        self._thread = threading.Thread(target=self._run, name="ombud-sender", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop sending; a delivery under way is waited for."""
        self._stopping.set()
        with self._spool.arrived:
            self._spool.arrived.notify_all()
        self._thread.join()

    def flush(self, seconds: float) -> None:
        """Return when everything is recorded.

        Raises what stood in the way: `Unavailable` after so many seconds, `RefusedError` when
        events were put aside.
        """
        deadline = time.monotonic() + seconds
        while self._spool.pending:
            try:
                self._turn()
            except Unavailable as error:
                if time.monotonic() + RETRY_SECONDS > deadline:
                    raise
                self._stopping.wait(min(RETRY_SECONDS, error.retry_seconds))
        if aside := self._spool.aside():
            said = ", ".join(f"{count} in `{name}`" for name, count in aside.items())
            raise RefusedError(f"events were put aside and not recorded: {said}")

    def _run(self) -> None:
        delay = RETRY_SECONDS
        while not self._stopping.is_set():
            try:
                self._turn()
                delay = RETRY_SECONDS
            except OmbudError as error:
                log.warning("events wait in the spool: %s", error)
                self._stopping.wait(delay)
                delay = min(2 * delay, RETRY_SECONDS_MAX)
                continue
            except OSError as error:
                log.warning("events wait in the spool: %s", error.strerror)
                self._stopping.wait(RETRY_SECONDS_MAX)
                continue
            with self._spool.arrived:
                if not self._spool.pending and not self._stopping.is_set():
                    self._spool.arrived.wait()

    def _turn(self) -> None:
        """Send one delivery; what is refused is found one by one and put aside."""
        with self._turning:
            documents, mark = self._spool.take(count_max=COUNT_MAX, size_max=DELIVERY_MAX)
            if documents:
                self._deliver(documents)
            self._spool.done(mark)

    def _deliver(self, documents: list[bytes]) -> None:
        try:
            deliver(self._transport, documents)
        except RefusedError as error:
            if len(documents) == 1:
                log.error("%s; it is in `refused.lines` of the spool", error)  # noqa: TRY400
                self._spool.refuse(documents)
                return
            half = len(documents) // 2
            self._deliver(documents[:half])
            self._deliver(documents[half:])
