"""Decider: a worker of the decision port.

Run as `python -m ombud.web.decider HOME --host HOST --port PORT`.  Several share the port
(SO_REUSEPORT).  It ends on SIGTERM, on SIGINT, or when its standard input is a pipe that
closes: then the server is gone, and with it the word on which policy stands.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import socket
import ssl
import sys
from contextlib import suppress
from email.utils import formatdate
from functools import partial
from pathlib import Path

from ombud.app.paths import HomePaths
from ombud.core.clock import Clock, now_ms
from ombud.core.errors import NotFound, OmbudError, Unavailable
from ombud.record.paths import Home
from ombud.record.stopping import StopSignal
from ombud.services.deciding import TURNS_MAX
from ombud.services.drafting import Drafter
from ombud.services.request_binding import Binding, read_key
from ombud.services.worker_state import NeedsHome, WorkerFacts, WorkerState
from ombud.web.authzen_door import (
    AuthzenDoor,
    Question,
    Reply,
    error_reply,
    token_of,
)
from ombud.web.authzen_paths import EVALUATION, EVALUATIONS, PUBLIC, is_forwarded
from ombud.web.authzen_requests import requestable
from ombud.web.decision_forward import DecisionForward
from ombud.web.decision_link import DecisionLink
from ombud.web.decision_protocol import DecisionProtocol, Settle
from ombud.web.tls import Tls, tls_of

log = logging.getLogger("ombud.web")

BACKLOG = 1_024
CONNECTIONS_MAX = 4_096  # Of one worker; an enforcement point keeps some dozens open.
TICK_SECONDS = 1.0
IDLE_TICKS = 75  # A connection on which nothing is asked.
SLOW_TICKS = 10  # A request that does not come to its end.
HANDSHAKE_SECONDS = 10.0
STOP_SECONDS = 10.0
EXIT_OK, EXIT_COULD_NOT = 0, 3
_ALIVE = Reply(200, ((b"content-type", b"application/json"),), b'{"status":"ok","checks":{}}')


class Decider:
    """One worker: its state, its way to the recorder, and its connections."""

    def __init__(self, state: WorkerState, home: Path, *, clock: Clock = now_ms) -> None:
        self._state = state
        binding = Binding(partial(read_key, HomePaths(home).index))
        self._door = AuthzenDoor(
            Drafter(live=state, facts=WorkerFacts(), clock=clock),
            requestable=requestable(binding, clock),
        )
        self._link = DecisionLink(Home(home.resolve()).recorder_socket)
        self._forward = DecisionForward(HomePaths(home).server_socket)
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: set[DecisionProtocol] = set()
        self.is_stopping = False
        self.tick = 0
        self.date = b""
        self._set_date()

    def handle(self, method: bytes, question: Question, settle: Settle) -> None:
        """Answer one request, now or when what it needs is there; never raises."""
        if question.path in {EVALUATION, EVALUATIONS} and method == b"POST":
            self._decide(question, settle, 1, None)
        elif question.path == "/healthz" and method == b"GET":
            settle(_ALIVE)
        elif is_forwarded(method, question.path):
            self._ask_home(method, question, settle)
        else:
            settle(
                error_reply(
                    NotFound(f"nothing at `{question.path[:200]}` for this method", hint="`/docs`")
                )
            )

    def _decide(
        self, question: Question, settle: Settle, turn: int, instead_of: str | None
    ) -> None:
        """Answer an evaluation, and again if the policy changed before its permit could leave."""
        epoch = self._state.epoch()  # Before anything is looked at, the token too.
        try:
            asker = self._state.authenticate(token_of(question.headers))
            reply, draft = self._door.answer(question, asker, instead_of=instead_of)
        except NeedsHome:
            self._ask_home(b"POST", question, settle)
            return
        except OmbudError as error:
            settle(error_reply(error))
            return
        except Exception as error:
            log.exception("a decision failed")
            settle(error_reply(error))
            return
        if draft is None or draft.recordable is None:
            settle(reply)
            return

        def done(error: OmbudError | None) -> None:
            if error is not None:
                settle(error_reply(error))
            elif not draft.permits or self._state.epoch() == epoch:
                settle(reply)
            elif turn < TURNS_MAX:
                self._decide(question, settle, turn + 1, draft.id)
            else:
                settle(error_reply(Unavailable("the policy keeps changing", hint="ask again")))

        self._link.submit(draft.recordable, done)

    def _ask_home(self, method: bytes, question: Question, settle: Settle) -> None:
        async def ask() -> None:
            try:
                if question.path not in PUBLIC:  # Nobody must not cost the server anything.
                    self._state.authenticate(token_of(question.headers))
                settle(await self._forward.ask(method, question))
            except OmbudError as error:
                settle(error_reply(error))
            except Exception as error:
                log.exception("asking the server failed")
                settle(error_reply(error))

        task = asyncio.get_running_loop().create_task(ask())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def turn(self) -> None:
        """Do what is due every second: tell the time, and end what is idle, slow or stuck."""
        self.tick += 1
        self._set_date()
        self._link.check()
        for connection in list(self.connections):
            if connection.is_answering:
                continue
            quiet = self.tick - connection.active
            if quiet > (SLOW_TICKS if connection.is_mid_request else IDLE_TICKS):
                connection.abort()

    def _set_date(self) -> None:
        self.date = b"date: " + formatdate(usegmt=True).encode() + b"\r\n"

    async def serve(
        self, listener: socket.socket, stop: StopSignal, secured: ssl.SSLContext | None = None
    ) -> None:
        """Answer until told to stop; then finish what was begun."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        for fd in stop.fds:
            loop.add_reader(fd, ended.set)
        server = await loop.create_server(
            lambda: DecisionProtocol(self, CONNECTIONS_MAX),
            sock=listener,
            backlog=BACKLOG,
            ssl=secured,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if secured is not None else None,
        )
        while not ended.is_set():
            self.turn()
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await ended.wait()
            except TimeoutError:
                continue
        for fd in stop.fds:
            loop.remove_reader(fd)
        server.close()
        await self._finish()

    async def _finish(self) -> None:
        self.is_stopping = True
        for _ in range(int(STOP_SECONDS / 0.05)):
            for connection in list(self.connections):
                connection.close()
            if not self.connections and not self._tasks and self._link.is_idle:
                break
            await asyncio.sleep(0.05)
        for connection in list(self.connections):
            connection.abort()
        self._link.abort()
        await asyncio.sleep(0)  # So that what was closed is gone when the loop ends.


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that shares its port; raises `Unavailable`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True)
    except (OSError, OverflowError) as error:
        raise Unavailable(f"cannot listen on {host} port {port}: {error}") from error


async def _serve(home: Path, place: tuple[str, int], tls: Tls | None, stop: StopSignal) -> None:
    secured = None if tls is None else tls.context()
    state = WorkerState(HomePaths(home).published, clock=now_ms)
    try:
        with suppress(NeedsHome):
            state.snapshot()  # Before the first request, which should not wait for it.
        decider = Decider(state, home)
        gc.collect()
        gc.freeze()  # The policy lives as long as the worker: no use in looking at it again.
        with listen(*place) as listener:
            await decider.serve(listener, stop, secured)
    finally:
        state.close()
        gc.unfreeze()  # Else what libraries keep would count as lost at the end.


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m ombud.web.decider")
    parser.add_argument("home", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", default="")
    parser.add_argument("--key", default="")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="decider: %(message)s")
    stop = StopSignal()
    try:
        tls = tls_of(certificate=arguments.certificate, key=arguments.key, client_ca="")
        asyncio.run(_serve(arguments.home, (arguments.host, arguments.port), tls, stop))
    except (OmbudError, OSError) as error:
        log.critical("could not serve: %s", error)
        return EXIT_COULD_NOT
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
