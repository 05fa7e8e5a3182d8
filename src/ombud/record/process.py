"""Recorder process: takes batches over a Unix socket and commits what waits, together.

Run as `python -m ombud.record.process HOME`.  One thread: while one fsync runs,
requests gather in the sockets, and the next commit takes all of them.  What it
holds is bounded; beyond that it stops reading, and clients wait.  It ends on
SIGTERM, on SIGINT, or when its standard input is a pipe that closes.
"""

from __future__ import annotations

import argparse
import logging
import os
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from ombud.core.batch import Batch
from ombud.core.errors import InputError, OmbudError, TamperError
from ombud.record.connection import Connection, is_own_peer
from ombud.record.merging import batch_size
from ombud.record.paths import SegmentFile
from ombud.record.protocol import (
    REQUEST_SIZE_MAX,
    Operation,
    SocketAddress,
    encode_receipts,
    parse_batches,
)
from ombud.record.recorder import FRAME_EVENTS, FRAME_SIZE, Recorder
from ombud.record.stopping import StopSignal
from ombud.record.wal import no_room

PUBLISH_SECONDS = 0.2  # After a commit; the promise is 250 ms.
RETRY_SECONDS = 1.0  # Before publishing is tried again.
PENDING_SIZE_MAX = 2 * REQUEST_SIZE_MAX  # Requests in progress, of all clients.
STALLED_SECONDS = 30.0  # A client that stops in mid-request holds memory of others.
CONNECTIONS_MAX = 256
PATIENCE_SECONDS = 10.0  # A recorder whose server was killed still writes its tiles.
EXIT_OK, EXIT_PROBLEM, EXIT_COULD_NOT = 0, 1, 3

log = logging.getLogger("ombud.record")

_Append = tuple[Connection, list[Batch]]


class RecorderProcess:
    """The loop around one recorder."""

    def __init__(self, recorder: Recorder, stop_fds: Sequence[int]) -> None:
        """Listen on the socket of the recorder's home; stop when a given one is readable."""
        self._recorder = recorder
        self._path = recorder.home.recorder_socket
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._appends: list[_Append] = []
        self._publish_at: float | None = None
        self._stopping = False
        self._listener = self._listen()
        for fd in stop_fds:
            self._selector.register(fd, selectors.EVENT_READ, self._stop)

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # We hold the lock of the home, so an old socket is nobody's.
        self._path.unlink(missing_ok=True)
        umask = os.umask(0o177)
        try:
            with SocketAddress(self._path) as address:
                listener.bind(address)
        finally:
            os.umask(umask)
        listener.listen(CONNECTIONS_MAX)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        return listener

    def run(self) -> None:
        """Serve until told to stop; what is complete by then is committed and published."""
        while not self._stopping:
            for key, _ in self._selector.select(self._timeout()):
                if isinstance(key.data, Connection):
                    self._serve(key.data)
                else:
                    key.data()
            self._commit()
            self._publish()
            self._watch()
        for connection in list(self._connections):
            self._close(connection)
        self._selector.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _timeout(self) -> float | None:
        if self._publish_at is not None:
            return max(0.0, self._publish_at - time.monotonic())
        return STALLED_SECONDS if self._connections else None

    def _stop(self) -> None:
        self._stopping = True

    def _accept(self) -> None:
        try:
            peer, _ = self._listener.accept()
        except OSError as error:  # The client is gone already, or we are out of descriptors.
            log.warning("cannot accept a connection: %s", error)
            return
        if len(self._connections) >= CONNECTIONS_MAX or not is_own_peer(peer):
            log.warning("refused a connection: too many, or of another user")
            peer.close()
            return
        connection = Connection(peer, time.monotonic())
        self._connections.add(connection)
        self._selector.register(peer, selectors.EVENT_READ, connection)

    def _close(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._watch_for(connection, 0)
        connection.socket.close()

    def _serve(self, connection: Connection) -> None:
        pending = sum(other.pending_size for other in self._connections)
        # The first in progress always finds room, so that the bound never blocks all.
        room = PENDING_SIZE_MAX - pending if pending else REQUEST_SIZE_MAX
        try:
            connection.flush()
            body = connection.receive(time.monotonic(), room=room)
        except OSError:
            self._close(connection)
            return
        if body is None:
            return
        try:
            self._handle(connection, body)
        except OmbudError as error:
            connection.refuse(error)
        except (ValueError, TypeError) as error:
            connection.refuse(InputError(f"request is malformed: {error}"))
        except OSError as error:
            connection.refuse(no_room(error, self._recorder.home.root))

    def _handle(self, connection: Connection, body: memoryview) -> None:
        operation = connection.operation
        if operation == Operation.APPEND:
            self._appends.append((connection, parse_batches(body)))
        elif operation == Operation.HEAD:
            size, note = self._recorder.head()
            connection.answer(b"%d\n" % size + note)
        elif operation == Operation.PING:
            connection.answer(orjson.dumps(self._recorder.ping()))
        elif operation == Operation.ROTATE:
            connection.answer(orjson.dumps(self._recorder.rotate()))
        elif operation == Operation.SEALED:
            first_index, count, sha256 = orjson.loads(body)
            path = self._recorder.home.segment_path(first_index, count)
            receipt = self._recorder.sealed(SegmentFile(path, first_index, count), sha256)
            connection.answer(encode_receipts([receipt]))
        else:
            raise InputError(f"the recorder knows no operation {operation}")

    def _commit(self) -> None:
        """Commit all complete appends, as many together as one frame holds."""
        while self._appends:
            taken = [self._appends.pop(0)]
            count, size = _measure(taken[0][1])
            while self._appends:
                added_count, added_size = _measure(self._appends[0][1])
                count, size = count + added_count, size + added_size
                if count > FRAME_EVENTS or size > FRAME_SIZE:
                    break
                taken.append(self._appends.pop(0))
            self._append(taken)

    def _append(self, taken: list[_Append]) -> None:
        try:
            receipts = self._recorder.append([batch for _, batches in taken for batch in batches])
        except (OmbudError, OSError) as error:
            told = no_room(error, self._path.parent) if isinstance(error, OSError) else error
            log.warning("an append was refused: %s", told)
            for connection, _ in taken:
                connection.refuse(told)
            return
        start = 0
        for connection, batches in taken:
            connection.answer(encode_receipts(receipts[start : start + len(batches)]))
            start += len(batches)

    def _publish(self) -> None:
        now = time.monotonic()
        if self._recorder.is_published:
            self._publish_at = None
        elif self._publish_at is None:
            self._publish_at = now + PUBLISH_SECONDS
        elif now >= self._publish_at:
            try:
                self._recorder.publish()
                self._publish_at = None
            except OSError as error:  # A full disk: the events are durable all the same.
                log.warning("tiles cannot be written: %s", error)
                self._publish_at = now + RETRY_SECONDS

    def _watch(self) -> None:
        """Answer, and watch each client for what it may do next; drop those that stall."""
        now = time.monotonic()
        has_pending = any(connection.pending_size for connection in self._connections)
        for connection in list(self._connections):
            try:
                connection.flush()
            except OSError:
                self._close(connection)
                continue
            if connection.is_stalled(now, seconds=STALLED_SECONDS):
                self._close(connection)
                continue
            waits = connection.is_full or (connection.waits_for_room and has_pending)
            events = 0 if waits else selectors.EVENT_READ
            if connection.has_replies:
                events |= selectors.EVENT_WRITE
            self._watch_for(connection, events)

    def _watch_for(self, connection: Connection, events: int) -> None:
        watched = self._selector.get_map().get(connection.socket)
        if watched is not None and watched.events != events:
            self._selector.unregister(connection.socket)
            watched = None
        if watched is None and events:
            self._selector.register(connection.socket, events, connection)


def _measure(batches: list[Batch]) -> tuple[int, int]:
    return sum(batch.count for batch in batches), sum(map(batch_size, batches))


def serve(home: Path, *, origin: str | None = None) -> int:
    """Run the recorder of a home until it is told to stop; return the exit status."""
    stop = StopSignal()
    try:
        recorder = Recorder.open(home, origin=origin, patience_seconds=PATIENCE_SECONDS)
    except TamperError as error:
        log.critical("refused to start: %s", error)
        return EXIT_PROBLEM
    except (OmbudError, OSError) as error:
        log.critical("could not start: %s", error)
        return EXIT_COULD_NOT
    try:
        RecorderProcess(recorder, stop.fds).run()
        recorder.close()
    except (OmbudError, OSError) as error:
        log.critical("stopped: %s", error)
        return EXIT_PROBLEM if isinstance(error, TamperError) else EXIT_COULD_NOT
    return EXIT_OK


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m ombud.record.process")
    parser.add_argument("home", type=Path)
    parser.add_argument("--origin", help="name of the log, for a new record")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="recorder: %(message)s")
    return serve(arguments.home, origin=arguments.origin)


if __name__ == "__main__":
    sys.exit(main())
