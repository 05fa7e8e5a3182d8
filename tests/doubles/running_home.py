"""A running home: `ombud serve` as a real process, asked over HTTP and by real commands."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import orjson

from ombud.app.remote import RemoteDoor

READY_SECONDS = 60.0
COMMAND_SECONDS = 90.0
LOOK: dict[str, Any] = {"why": "a test", "case": "T-1"}
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Answer:
    """What an HTTP request or a command came back with."""

    status: int
    body: Any
    headers: dict[str, str]


def wait_until(is_so: Callable[[], bool], what: str, *, seconds: float = 30.0) -> None:
    """Return when something is so; fails when it takes too long."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            message = f"after {seconds:.0f} s still not: {what}"
            raise AssertionError(message)
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def ombud(home: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run one command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ombud", *words],
        input=stdin,
        capture_output=True,
        timeout=COMMAND_SECONDS,
        check=False,
        # A runner of tests may say 80 columns, and tables would fold.
        env=os.environ | {"OMBUD_HOME": str(home), "COLUMNS": "200"},
    )


def rows_of(output: bytes | str) -> list[dict[str, Any]]:
    """Return the values of JSON lines."""
    return [orjson.loads(line) for line in output.splitlines()]


class RunningHome:
    """One `ombud serve` and the ways to ask it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.token = ""
        self.told: dict[str, Any] = {}  # What it said when it was ready.
        self.process: subprocess.Popen[bytes] | None = None
        self._place = ""
        self._log = home.with_name(f"{home.name}.log")

    def start(self) -> Self:
        """Start it and return when it answers."""
        self.launch()
        return self.await_ready()

    def launch(self) -> None:
        """Start it without waiting."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "ombud",
                    "serve",
                    "--port",
                    "0",
                    "--json",
                    "--home",
                    self.home,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def await_ready(self) -> Self:
        """Return when it says that it answers."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"serve did not start: {self.said()}"
        self.told = orjson.loads(line)
        self._place = urlsplit(self.told["address"]).netloc
        return self

    def said(self) -> str:
        """Return what the processes wrote to standard error so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        """Whether the server runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the server."""
        assert self.process is not None
        return self.process.pid

    def child(self, module: str) -> int:
        """Return the process id of a child of the server, by the module it runs."""
        wanted = re.compile(rf"\0{re.escape(module)}\0".encode())
        for children in Path(f"/proc/{self.pid}/task").glob("*/children"):
            for pid in children.read_text(encoding="ascii").split():
                with contextlib.suppress(FileNotFoundError):
                    if wanted.search(Path(f"/proc/{pid}/cmdline").read_bytes()):
                        return int(pid)
        message = f"no child runs {module}"
        raise LookupError(message)

    @property
    def recorder(self) -> int:
        """The process id of the recorder."""
        return self.child("ombud.record.process")

    @property
    def sealer(self) -> int:
        """The process id of the sealer."""
        return self.child("ombud.record.sealer")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait, and return the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return the exit status."""
        assert self.process is not None
        try:
            return self.process.wait(timeout=READY_SECONDS)
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()

    def close(self) -> None:
        """End whatever still runs."""
        if self.process is not None and self.process.poll() is None:
            self.end()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: str | None = None,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Return the answer to one HTTP request."""
        connection = http.client.HTTPConnection(self._place, timeout=READY_SECONDS)
        sent = {"Content-Type": kind} if body is not None else {}
        held = self.token if token is None else token
        if held:
            sent["Authorization"] = f"Bearer {held}"
        target = path + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(method, target, body=body, headers=sent | (headers or {}))
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        is_json = "json" in (response.headers.get("content-type") or "")
        return Answer(
            response.status,
            orjson.loads(text) if is_json else text.decode(),
            {name.lower(): value for name, value in response.headers.items()},
        )

    def deliver(self, kind: str, raws: Iterable[bytes], **how: Any) -> Answer:
        """Post originals of a source as lines."""
        path = "/v1/events" if kind == "ocsf" else f"/v1/sources/{quote(kind)}/events"
        return self.ask("POST", path, b"".join(raw + b"\n" for raw in raws), kind=NDJSON, **how)

    def look(self, path: str, *, token: str | None = None, **query: Any) -> Any:
        """Return what a look is answered with; the look states a reason and a case."""
        answer = self.ask("GET", path, token=token, **(LOOK | query))
        assert answer.status == 200, answer.body
        return answer.body

    def search(self, text: str, *, token: str | None = None) -> list[dict[str, Any]]:
        """Return all events of a search, newest first."""
        events: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.look("/v1/search", token=token, q=text, limit=1000, **cursor)
            events += page["events"]
            if page["next_cursor"] is None:
                return events
            cursor = {"cursor": page["next_cursor"]}

    def own_token(self) -> str:
        """Create a token for everything as the owner of the home, and use it from now on."""
        door = RemoteDoor(self.home / "server.sock")
        wanted = {"name": f"own-{time.monotonic_ns()}", "scopes": ["admin", "search", "ingest"]}
        try:
            self.token = str(door.token_create(wanted)["token"])
        finally:
            door.close()
        return self.token

    def make_token(self, name: str, *scopes: str, **limits: list[str]) -> str:
        """Create a token by the API, as the administrator."""
        wanted = {"name": name, "person": f"{name}@example", "scopes": scopes, **limits}
        answer = self.ask("POST", "/v1/tokens", orjson.dumps(wanted))
        assert answer.status == 201, answer.body
        return str(answer.body["token"])
