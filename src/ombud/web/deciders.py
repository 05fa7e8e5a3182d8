"""Deciders: the workers of the decision port, started, watched and ended with the server."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

from ombud.app.children import Child
from ombud.core.errors import Unavailable
from ombud.web.tls import Tls

log = logging.getLogger("ombud")

READY_SECONDS = 60.0  # A large policy is compiled first.
TRY_SECONDS = 0.2
RESTARTS_MAX = 20  # A worker that keeps dying is reported instead of started for ever.


class Deciders:
    """So many workers on one port."""

    def __init__(
        self, home: Path, *, host: str, port: int, count: int, tls: Tls | None = None
    ) -> None:
        """Take the port; raises `Unavailable` when it cannot be had."""
        # Nobody has a certificate here: a client of this port has a token.
        self._secured = (
            () if tls is None else ("--certificate", str(tls.certificate), "--key", str(tls.key))
        )
        self._host = host
        # Bound and never listened on: it keeps the port, also a free one, for the workers.
        self._keeper = _bind(host, port)
        self.port: int = self._keeper.getsockname()[1]
        self._home = home
        self._count = count
        self._children: list[Child] = []
        self._restarts = 0
        self._is_stopping = False

    def start(self) -> None:
        """Start the workers and return when the port answers."""
        try:
            for number in range(self._count):
                self._children.append(
                    Child(
                        "ombud.web.decider",
                        self._home,
                        "--host",
                        self._host,
                        "--port",
                        str(self.port),
                        *self._secured,
                        name=f"decider {number + 1}",
                    )
                )
            for child in self._children:
                child.wait_until(self._answers, seconds=READY_SECONDS)
        except BaseException:
            self.stop()
            raise

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self._host, self.port), timeout=TRY_SECONDS):
                return True
        except OSError:
            return False

    def turn(self) -> None:
        """Start a worker again that ended; raises `Unavailable` when they keep ending."""
        for child in self._children:
            if child.status is None or self._is_stopping:
                continue
            if self._restarts >= RESTARTS_MAX:
                raise Unavailable(f"the {child.name} ended with status {child.status}")
            self._restarts += 1
            log.warning(
                "the %s ended with status %s and is started again", child.name, child.status
            )
            child.restart()

    def stop(self) -> None:
        """End the workers: each answers what it has taken."""
        self._is_stopping = True
        for child in self._children:
            if child.status is None:
                child.process.terminate()
        for child in self._children:
            child.stop()
        self._keeper.close()


def _bind(host: str, port: int) -> socket.socket:
    keeper = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.bind((host, port))
    except (OSError, OverflowError) as error:
        keeper.close()
        raise Unavailable(f"cannot take {host} port {port}: {error}") from error
    return keeper
