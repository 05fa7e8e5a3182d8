"""Background: the standing work of a server, one named thread each.

A turn that fails is reported and tried again after a pause; it never ends the
server and is never silent: `failures` is part of the health of the home.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ombud.core.errors import OmbudError

log = logging.getLogger("ombud")
FAILURE_PAUSE_SECONDS = 2.0


class Background:
    """Threads that each repeat one turn until stopped."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.failures: dict[str, str] = {}
        self._threads: list[threading.Thread] = []

    def repeat(
        self,
        name: str,
        turn: Callable[[], object],
        *,
        every_seconds: float,
        is_paced: bool = False,
    ) -> None:
        """Run `turn` again and again, with a pause between turns.

        If it `is_paced`, the time of a turn is part of the pause after it: a turn that took
        longer is followed by the next at once.
        """

        def loop() -> None:
            pause = every_seconds
            while not self.stopping.wait(pause):
                start = time.monotonic()
                pause = self._turn(name, turn, every_seconds)
                if is_paced and name not in self.failures:
                    pause = rest_of(pause, time.monotonic() - start)

        thread = threading.Thread(target=loop, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _turn(self, name: str, turn: Callable[[], object], pause: float) -> float:
        try:
            turn()
        except OmbudError as error:
            self.failures[name] = str(error)
            log.warning("%s: %s", name, error)
            return FAILURE_PAUSE_SECONDS
        except Exception as error:
            self.failures[name] = f"{type(error).__name__}: {error}"
            log.exception("%s failed", name)
            return FAILURE_PAUSE_SECONDS
        self.failures.pop(name, None)
        return pause

    def stop(self, *, seconds: float = 10.0) -> None:
        """Ask every thread to stop and wait for it."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(timeout=seconds)


def rest_of(pause: float, spent: float) -> float:
    """Return what is left of a pause when so many seconds of it are spent."""
    return max(0.0, pause - spent)
