"""Stopping: how a process of a home learns that it should end, without being cut short.

By SIGTERM, by SIGINT, or because its standard input is a pipe and closed: then
whoever started it is gone.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
from contextlib import suppress
from types import FrameType


class StopSignal:
    """File descriptors that become readable when the process should end."""

    def __init__(self) -> None:
        """Take over the signals; must be made in the main thread."""
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self.fds = [self._reader.fileno()]
        if _is_pipe(sys.stdin.fileno()):
            self.fds.append(sys.stdin.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._handle)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        with suppress(BlockingIOError):  # Told often enough already.
            self._writer.send(b"\0")


def _is_pipe(fd: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False
