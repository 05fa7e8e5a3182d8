"""Load: many connections that ask the same again and again, in a process of their own.

`wrk` where it is installed; else a small client, run as `python -m ombud.bench.authzen_load`.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httptools
import orjson

from ombud.bench.meter import quantile
from ombud.core.errors import Unavailable

PATIENCE_SECONDS = 30.0
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
_COUNT = re.compile(r"(\d+) requests in ([\d.]+)(m?s)")


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked, and how: so many connections for so many seconds, from one core."""

    address: str
    path: str
    token: str
    body: bytes
    connections: int
    seconds: float
    core: int | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it: answers, the seconds they took, and latencies in milliseconds."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    client: str

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def run_load(load: Load, folder: Path) -> Loaded:
    """Ask; raises `Unavailable` when something is not answered with 200."""
    wrk = shutil.which("wrk")
    pin = ["taskset", "-c", str(load.core)] if load.core is not None else []
    return _wrk(wrk, pin, load, folder) if wrk else _own(pin, load, folder)


def _run(command: list[str], seconds: float) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words and what this process made.
        command, capture_output=True, check=False, text=True, timeout=seconds + PATIENCE_SECONDS
    )
    if done.returncode:
        raise Unavailable(
            f"`{command[0]}` ended with status {done.returncode}: {done.stderr[:300]}"
        )
    return done.stdout


def _wrk(wrk: str, pin: list[str], load: Load, folder: Path) -> Loaded:
    script = folder / "load.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = [==[{load.body.decode()}]==]\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {load.token}"\n'
    )
    words = ["-t1", f"-c{load.connections}", f"-d{load.seconds:.0f}s", "--latency", "-s"]
    said = _run([*pin, wrk, *words, str(script), load.address + load.path], load.seconds)
    if "Non-2xx" in said or "Socket errors" in said:
        raise Unavailable(f"not every request was answered: {said[-400:]}")
    found = _COUNT.search(said)
    if found is None:
        raise Unavailable(f"wrk says what is not understood: {said[-400:]}")
    times = {share: float(n) * _UNITS[unit] for share, n, unit in _LATENCY.findall(said)}
    seconds = float(found[2]) * _UNITS[found[3]] / 1e3
    return Loaded(int(found[1]), seconds, times["50"], times["99"], "wrk")


def _own(pin: list[str], load: Load, folder: Path) -> Loaded:
    asked = folder / "load.json"
    asked.write_bytes(
        orjson.dumps(
            {
                "address": load.address,
                "path": load.path,
                "token": load.token,
                "body": load.body.decode(),
                "connections": load.connections,
                "seconds": load.seconds,
                "core": None,
            }
        )
    )
    said = _run([*pin, sys.executable, "-m", "ombud.bench.authzen_load", str(asked)], load.seconds)
    return Loaded(**orjson.loads(said))


class _Asker(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, ends: float, times: list[float]) -> None:
        self._request = request
        self._ends = ends
        self._times = times
        self._parser = httptools.HttpResponseParser(self)
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._ask()

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._times.append((now - self._began) * 1e3)
        if self._parser.get_status_code() != HTTPStatus.OK:
            self.connection_lost(Unavailable("not every request was answered"))
        elif now < self._ends:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.over.done():
            return
        if exc is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(exc)


async def _ask_for(load: Load) -> list[float]:
    host, _, port = load.address.removeprefix("http://").rpartition(":")
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {load.token}\r\nContent-Length: {len(load.body)}\r\n\r\n"
    )
    request = head.encode() + load.body
    times: list[float] = []
    ends = time.perf_counter() + load.seconds
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Asker(request, ends, times), host, int(port))
        for _ in range(load.connections)
    ]
    await asyncio.gather(*(asker.over for _, asker in made))
    return times


def main() -> None:
    """Ask as the file says, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m ombud.bench.authzen_load")
    parser.add_argument("asked", type=Path)
    said = orjson.loads(parser.parse_args().asked.read_bytes())
    load = Load(**{**said, "body": said["body"].encode()})
    began = time.perf_counter()
    times = asyncio.run(_ask_for(load))
    told = Loaded(
        len(times),
        time.perf_counter() - began,
        quantile(times, 0.5),
        quantile(times, 0.99),
        "own client",
    )
    sys.stdout.write(orjson.dumps(told).decode())


if __name__ == "__main__":
    main()
