"""Served: a home as `ombud serve` runs it: recorder, sealer and server with rules and API."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

from ombud.app.opening import open_door
from ombud.bench.meter import cpu_seconds, pss_bytes
from ombud.core.errors import Unavailable
from ombud.record.client import RecorderClient
from ombud.record.paths import Home

STOP_SECONDS = 60.0
SETTLE_SECONDS = 3_600.0
POST_SECONDS = 60.0
_POLL_SECONDS = 0.1
_TOKEN = {
    "name": "bench",
    "person": "bench",
    "scopes": ["ingest", "search"],
    "units": [],
    "systems": [],
    "days": 1,
}
_FIGURE = re.compile(r"^(ombud_\w+) (\S+)$", re.MULTILINE)


class ServedHome:
    """A served home; a context manager whose end is the graceful stop."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __enter__(self) -> Self:
        """Start everything; returns when the API answers and a token is there."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process = subprocess.Popen(  # noqa: S603 - fixed words, no shell.
            [sys.executable, "-m", "ombud", "serve", "--json", "--port", "0", *self._home],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            raise Unavailable(f"the server ended with status {self._process.wait()}")
        self.address = urlsplit(orjson.loads(line)["address"])
        self.client = RecorderClient(Home(self.root.resolve()).recorder_socket)
        with open_door(self.root) as door:
            self._token = door.token_create(_TOKEN)["token"]
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything in order."""
        self.client.close()
        with self._process:
            self._process.terminate()
            try:
                self._process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    @property
    def _home(self) -> tuple[str, str]:
        return "--home", str(self.root)

    @property
    def pids(self) -> dict[str, int]:
        """The processes by what they are."""
        pids = {"server": self._process.pid}
        children = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        for pid in {int(word) for path in children for word in path.read_text().split()}:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            for name, module in (("recorder", b".process"), ("sealer", b".sealer")):
                if any(word.endswith(module) for word in words):
                    pids[name] = pid
        return pids

    def cpu_seconds(self) -> float:
        """Return the CPU that all processes have used."""
        return sum(cpu_seconds(pid) for pid in self.pids.values())

    def pss_bytes(self) -> dict[str, int]:
        """Return the memory of each process."""
        return {name: pss_bytes(pid) for name, pid in self.pids.items()}

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection to the API."""
        host, port = self.address.hostname or "", self.address.port
        return http.client.HTTPConnection(host, port, timeout=POST_SECONDS)

    def deliver(self, connection: http.client.HTTPConnection, kind: str, body: bytes) -> int:
        """Deliver NDJSON of a source and return how many events were recorded."""
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/x-ndjson",
        }
        connection.request("POST", f"/v1/sources/{kind}/events", body=body, headers=headers)
        answer = connection.getresponse()
        told = orjson.loads(answer.read())
        if answer.status != http.client.OK:
            raise Unavailable(f"delivery was answered {answer.status}: {told}")
        return int(told["recorded"])

    def alerts(self, connection: http.client.HTTPConnection, *, limit: int) -> list[dict[str, Any]]:
        """Return the alerts with the latest events, as the API tells them."""
        headers = {"Authorization": f"Bearer {self._token}"}
        connection.request("GET", f"/v1/alerts?limit={limit}", headers=headers)
        answer = connection.getresponse()
        told = orjson.loads(answer.read())
        if answer.status != http.client.OK:
            raise Unavailable(f"alerts were answered {answer.status}: {told}")
        alerts: list[dict[str, Any]] = told["alerts"]
        return alerts

    def figures(self) -> dict[str, float]:
        """Return the server's figures without labels."""
        connection = self.connect()
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {self._token}"})
        text = connection.getresponse().read().decode()
        connection.close()
        return {name: float(value) for name, value in _FIGURE.findall(text)}

    def wait_until_caught_up(self) -> None:
        """Return when index and rules have everything and all but the youngest file is sealed."""
        deadline = time.monotonic() + SETTLE_SECONDS
        home = Home(self.root)
        while True:
            figures = self.figures()
            lag = figures["ombud_index_lag_events"] + figures["ombud_rules_lag_events"]
            if not lag and len(home.wal_files()) <= 1:
                return
            if time.monotonic() > deadline:
                raise Unavailable(f"the server lags by {lag:.0f} events")
            time.sleep(_POLL_SECONDS)
