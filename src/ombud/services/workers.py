"""Workers: processes that do parts of some work for this one, each made ready once.

A fault in a worker is raised here, and no worker outlives who started it.
"""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from ombud.core.errors import Unavailable

COLLECT_EVERY = 100_000  # Objects more than before; each look at them costs.
STOP_SECONDS = 5.0  # A worker that has not ended by then is killed: nothing of it is needed.

# What a worker makes once, and then asks for the answers to each part it is given.
Make = Callable[[], Callable[[Any], Iterator[Any]]]


class Worker:
    """One process and our end of the pipe to it."""

    def __init__(self, make: Make) -> None:
        """Start it; `make` must be something that can be pickled."""
        # No fork: a copy of this process would hold its locks, as threads left them.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, make), daemon=True)
        self.waiting = 1  # Answers due: that it is ready is the first.
        try:
            self.process.start()
        finally:
            theirs.close()

    def send(self, part: Any) -> None:
        """Give it a part of the work."""
        self.waiting += 1
        try:
            self.connection.send(part)
        except OSError:
            self._died()

    def receive(self) -> Any:
        """Return its next answer; raises what it raised."""
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            answer = self._died()
        self.waiting -= 1
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _died(self) -> NoReturn:
        self.process.join(STOP_SECONDS)
        raise Unavailable(
            f"a process that worked for this one ended with status {self.process.exitcode}",
            hint="is there memory enough for so many jobs?",
        )

    def close(self) -> None:
        """Wait until it has ended, and free what it held."""
        self.connection.close()
        self.process.join(STOP_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        self.process.close()


def _work(connection: Connection, make: Make) -> None:
    """Answer tasks until told to stop, or nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C reaches all; who started us ends us.
    try:
        answers = make()
        gc.freeze()  # The rules live as long as the process: no collection need look at them.
        gc.set_threshold(COLLECT_EVERY)  # Events are decoded by the thousand, and none is a cycle.
        connection.send(None)
        while True:
            for answer in answers(connection.recv()):
                connection.send(answer)
    except (EOFError, BrokenPipeError):
        return
    except BaseException as error:  # noqa: BLE001 - raised by the process that waits.
        connection.send(_to_send(error))


def _to_send(error: BaseException) -> BaseException:
    """Return the error with where it arose, or its words if it does not survive the way."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes.
    except Exception:  # noqa: BLE001 - whatever its class raises when it is made anew.
        return Unavailable(f"a process that worked for this one failed: {error!r}")
    return error
