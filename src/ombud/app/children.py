"""Children: the processes of a home, started, watched and ended together.

A child holds the reading end of a pipe whose writing end is only here; when
this process ends, however it ends, the pipe closes and the child stops.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ombud.core.errors import Unavailable

STOP_SECONDS = 30.0  # A recorder may be writing tiles; nothing durable depends on this.
RESTARTS_MAX = 5  # A sealer that keeps dying is reported instead of restarted for ever.


class Child:
    """One process, `python -m MODULE HOME`, and what people call it."""

    def __init__(self, module: str, home: Path, *arguments: str, name: str = "") -> None:
        self.name = name or module
        self._command = [sys.executable, "-m", module, str(home), *arguments]
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        # Its own session: a Ctrl-C at the terminal reaches us alone, and we stop in order.
        return subprocess.Popen(  # noqa: S603 - fixed words, no shell.
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.process.poll()

    def restart(self) -> None:
        """Start it again after it ended."""
        self.process = self._start()

    def stop(self) -> int | None:
        """Ask it to stop, wait, and return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            return self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when `ready` is true; raises `Unavailable` if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.status is not None:
                raise Unavailable(
                    f"the {self.name} of `{self._command[3]}` ended with status {self.status}",
                    hint="the line above says why",
                )
            if time.monotonic() > deadline:
                raise Unavailable(f"the {self.name} was not ready after {seconds:.0f} s")
            time.sleep(0.02)


class Supervisor:
    """Watches children: a lost recorder ends everything, a lost sealer is started again."""

    def __init__(self, recorder: Child, sealer: Child, *, on_loss: Callable[[str], None]) -> None:
        self.recorder = recorder
        self.sealer = sealer
        self._on_loss = on_loss
        self._restarts = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopping.wait(0.25):
            if self.recorder.status is not None:
                self._on_loss(f"the recorder ended with status {self.recorder.status}")
                return
            if self.sealer.status is not None:
                self._restarts += 1
                if self._restarts > RESTARTS_MAX:
                    self._on_loss(f"the sealer ended {self._restarts} times")
                    return
                self.sealer.restart()

    def stop(self) -> None:
        """Stop the sealer, then the recorder."""
        self._stopping.set()
        self._thread.join()
        self.sealer.stop()
        self.recorder.stop()
