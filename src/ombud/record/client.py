"""Client: the running recorder of a home, asked over its socket.

Has the methods of `Recorder` that others need, and may be used from several
threads: each request takes a connection of its own from a small pool, so that
the recorder commits what they send together.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import orjson

from ombud.core.batch import Batch
from ombud.core.errors import OmbudError, Unavailable
from ombud.record.merging import split_frames
from ombud.record.paths import SegmentFile
from ombud.record.protocol import (
    HEAD_SIZE,
    Operation,
    SocketAddress,
    Status,
    encode_batches,
    encode_head,
    parse_error,
    parse_head,
    parse_receipts,
)
from ombud.record.receipt import Receipt

REPLY_SECONDS = 60.0  # A commit takes milliseconds; a disk that stalls longer is not there.
SOCKET_BUFFER = 1 << 20
IDLE_MAX = 8  # Connections kept open between requests.
NOTE_SEPARATOR = b"\n"


class RecorderClient:
    """A recorder in another process."""

    def __init__(self, path: Path, *, reply_seconds: float = REPLY_SECONDS) -> None:
        """Take the path of the socket; nothing is connected yet."""
        self._path = path
        self._reply_seconds = reply_seconds
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Return one receipt per batch, after every event in them is durable.

        After `Unavailable` some batches may have been recorded; appending all of
        them again is safe, because those are then duplicates.
        """
        receipts: list[Receipt] = []
        for group in split_frames(batches):
            receipts += parse_receipts(self._ask(Operation.APPEND, encode_batches(group)))
        return receipts

    def head(self) -> tuple[int, bytes]:
        """Return the durable size and the signed tree head of that size."""
        size, _, note = self._ask(Operation.HEAD, []).partition(NOTE_SEPARATOR)
        return int(size), note

    def rotate(self) -> bool:
        """Start a new write-ahead file; False when the current one is empty."""
        return bool(orjson.loads(self._ask(Operation.ROTATE, [])))

    def sealed(self, segment: SegmentFile, sha256: str) -> Receipt:
        """Record that a write-ahead file is sealed in a segment, and remove the file."""
        body = orjson.dumps((segment.first_index, segment.count, sha256))
        return parse_receipts(self._ask(Operation.SEALED, [body]))[0]

    def ping(self) -> bool:
        """Whether the recorder is there and takes events."""
        try:
            return bool(orjson.loads(self._ask(Operation.PING, [])))
        except OmbudError:
            return False

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, operation: Operation, parts: list[bytes]) -> bytes:
        message = [encode_head(operation, sum(map(len, parts))), *parts]
        connection = self._take()
        try:
            _send(connection, message)
            status, size = parse_head(_receive(connection, HEAD_SIZE))
            body = _receive(connection, size)
        except (OSError, OmbudError) as error:
            connection.close()
            raise Unavailable(
                f"the recorder at `{self._path}` did not answer: {error}",
                hint="asking again is safe",
            ) from error
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)
        if status == Status.ERROR:
            raise parse_error(body)
        return body

    def _take(self) -> socket.socket:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if _is_alive(connection):
                    return connection
                connection.close()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._reply_seconds)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
            with SocketAddress(self._path) as address:
                connection.connect(address)
        except OSError as error:
            connection.close()
            raise Unavailable(
                f"no recorder answers at `{self._path}`: {error.strerror or error}"
            ) from error
        return connection

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            if len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()


def _is_alive(connection: socket.socket) -> bool:
    """Whether an idle connection is still open: one that can be read has ended."""
    return not select.select([connection], [], [], 0)[0]


def _send(connection: socket.socket, parts: list[bytes]) -> None:
    sent = connection.sendmsg(parts)
    for part in parts:
        if sent >= len(part):
            sent -= len(part)
        else:
            connection.sendall(memoryview(part)[sent:])
            sent = 0


def _receive(connection: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if not count:
            raise ConnectionError("it closed the connection")
        view = view[count:]
    return bytes(data)
