"""Connection: one client of the recorder, read and answered without ever waiting."""

from __future__ import annotations

import os
import socket
import struct

from ombud.core.errors import InputError, OmbudError
from ombud.record.protocol import HEAD_SIZE, Status, encode_error, encode_head, parse_head

REPLY_SIZE_MAX = 1 << 20  # Replies not taken: then nothing more is read from that client.
_PEER = struct.Struct("3i")  # pid, uid, gid (unix(7), SO_PEERCRED)


def is_own_peer(connection: socket.socket) -> bool:
    """Whether the other end runs as this process's user, or as root."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(data)
    return uid in (os.geteuid(), 0)


class Connection:
    """A client and its one request in progress."""

    def __init__(self, peer: socket.socket, now: float) -> None:
        """Take an accepted socket; `now` is in seconds of any steady clock."""
        peer.setblocking(False)
        self.socket = peer
        self.active_at = now
        self.operation = 0
        self.waits_for_room = False
        self._head = bytearray()
        self._body: bytearray | None = None
        self._filled = 0
        self._replies = bytearray()

    def is_stalled(self, now: float, *, seconds: float) -> bool:
        """Whether the client stopped in the middle of a request that we have room for."""
        is_mid_request = bool(self._head) and not self.waits_for_room
        return is_mid_request and now - self.active_at > seconds

    @property
    def pending_size(self) -> int:
        """Bytes held for a request that is not complete."""
        return len(self._body) if self._body is not None else 0

    @property
    def has_replies(self) -> bool:
        """Whether replies wait to be taken."""
        return bool(self._replies)

    @property
    def is_full(self) -> bool:
        """Whether too many replies wait to be taken."""
        return len(self._replies) >= REPLY_SIZE_MAX

    def receive(self, now: float, *, room: int) -> memoryview | None:
        """Return the body of a request that is complete now, or None.

        A body larger than `room` is not begun, but waits for room.  Raises
        `ConnectionError` when the client is gone or speaks another protocol.
        """
        try:
            if self._body is None and not self._receive_head(now, room):
                return None
            body = self._body
            if body is None:
                return None
            view = memoryview(body)
            while self._filled < len(body):
                self._filled += self._count(self.socket.recv_into(view[self._filled :]), now)
        except BlockingIOError:
            return None
        self._body = None
        self._head.clear()
        return view

    def _receive_head(self, now: float, room: int) -> bool:
        while len(self._head) < HEAD_SIZE:
            data = self.socket.recv(HEAD_SIZE - len(self._head))
            self._count(len(data), now)
            self._head += data
        try:
            self.operation, size = parse_head(self._head)
        except InputError as error:
            raise ConnectionError(str(error)) from error
        self.waits_for_room = size > room
        if self.waits_for_room:
            return False
        self._body, self._filled = bytearray(size), 0
        return True

    def _count(self, received: int, now: float) -> int:
        if not received:
            raise ConnectionError("the client closed the connection")
        self.active_at = now
        return received

    def answer(self, body: bytes) -> None:
        """Queue the answer to the request."""
        self._replies += encode_head(Status.DONE, len(body)) + body

    def refuse(self, error: OmbudError) -> None:
        """Queue an error as the answer."""
        body = encode_error(error)
        self._replies += encode_head(Status.ERROR, len(body)) + body

    def flush(self) -> None:
        """Send what the client takes; raises `ConnectionError` when it is gone."""
        try:
            while self._replies:
                del self._replies[: self.socket.send(self._replies)]
        except BlockingIOError:
            return
