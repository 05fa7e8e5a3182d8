"""Benchmark `authzen`: decisions over HTTP with keep-alive, one worker on one core.

The worker has a core of its own; the client, the recorder and the sealer share the
other.  `recorded` is durable before it is answered, in group commit; `simulate` leaves
no trace; `batch` are a hundred evaluations in one request, recorded as one event.  A
bare uvicorn application that decides nothing runs beside them, for the ratio.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from ombud.app.children import Child
from ombud.app.home import open_here
from ombud.app.paths import HomePaths
from ombud.bench.authzen_load import Load, Loaded, run_load
from ombud.bench.meter import cpu_seconds
from ombud.bench.processes import RunningHome
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.services.asker import local_owner
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.token_publishing import TokenPublisher

LIMITS = (
    Limit("recorded_per_second", 12_000.0, is_most=False),
    Limit("simulate_per_second", 20_000.0, is_most=False),
    Limit("batch_decisions_per_second", 100_000.0, is_most=False),
)
PER_SECOND = 10_000  # By which `events` are turned into the seconds of each load, at least one.
BATCH = 100
CONNECTIONS = {"recorded": 128, "simulate": 32, "batch": 24, "bare": 32}
READY_SECONDS = 30.0
EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
POLICY = """
when_no_purpose: records
entities: {user: {alice: {}}, record: {record-1: {}}}
purposes:
  records:
    title: Keep the records
    standing: true
    audience: {actors: [user:alice]}
    scope: [{name: read, type: record, actions: [read], resources: [record-1]}]
"""
_ASKED: dict[str, Any] = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "record-1"},
}


def run(options: Options) -> Report:
    """Ask a worker for decisions in each way, and a bare application for nothing."""
    report = Report("authzen", options, limits=LIMITS)
    seconds = float(max(1, options.events // PER_SECOND))
    cores = sorted(os.sched_getaffinity(0))
    single = orjson.dumps(_ASKED)
    many = orjson.dumps(
        {
            "subject": _ASKED["subject"],
            "action": _ASKED["action"],
            "evaluations": [{"resource": _ASKED["resource"]}] * BATCH,
        }
    )

    def once(rep: int) -> Figures:
        root = options.folder / f"home-{rep}"
        figures: Figures = {}
        tokens = prepare(root)
        with RunningHome(root, sealer=True) as home, worker(root, cores[0]) as (address, pid):
            loads = {
                "recorded": (EVALUATION, tokens["decide"], single, 1),
                "simulate": (EVALUATION, tokens["simulate"], single, 1),
                "batch": (EVALUATIONS, tokens["decide"], many, BATCH),
            }
            for name, (path, token, body, decisions) in loads.items():
                load = Load(address, path, token, body, CONNECTIONS[name], seconds, cores[-1])
                pids = {"worker": pid, "recorder": home.pids["recorder"]}
                before = {part: cpu_seconds(one) for part, one in pids.items()}
                told = run_load(load, options.folder)
                figures |= _told(name, told, decisions)
                for part, one in pids.items():
                    spent = cpu_seconds(one) - before[part]
                    cost = spent / (told.answers * decisions) * 1e6
                    figures[f"{name}_{part}_cpu_us_per_decision"] = cost
        with bare(cores[0]) as (address, pid):
            load = Load(address, "/", "none", single, CONNECTIONS["bare"], seconds, cores[-1])
            before_bare = cpu_seconds(pid)
            told = run_load(load, options.folder)
            figures |= _told("bare", told, 1)
            figures["bare_cpu_us_per_answer"] = (
                (cpu_seconds(pid) - before_bare) / told.answers * 1e6
            )
        report.notes[:] = [f"load by {told.client}, {seconds:g} s each; batches of {BATCH}"]
        return figures

    repeat(report, once)
    for name in ("recorded", "simulate"):
        cost = report.figures[f"{name}_worker_cpu_us_per_decision"]
        report.ratios[f"bare_to_{name}_cpu"] = report.figures["bare_cpu_us_per_answer"] / cost
    return report


def _told(name: str, told: Loaded, decisions: int) -> Figures:
    rate = f"{name}_decisions_per_second" if decisions > 1 else f"{name}_per_second"
    return {
        rate: told.per_second * decisions,
        f"{name}_p50_ms": told.p50_ms,
        f"{name}_p99_ms": told.p99_ms,
    }


def prepare(root: Path) -> dict[str, str]:
    """Make a home with the policy in force and published; return a token for each scope."""
    with open_here(root) as opened:
        owner = local_owner()
        opened.services.policies.apply(PolicyWanted({"policy.yaml": POLICY}), asker=owner)
        tokens = {
            scope: opened.services.token_create({"name": scope, "scopes": [scope]}, asker=owner)
            for scope in ("decide", "simulate")
        }
        folder = HomePaths(root).published
        folder.mkdir(mode=0o700, exist_ok=True)
        opened.services.live_policy.publish_into(folder)
        TokenPublisher(opened.control, folder).follow()
    return {scope: made["token"] for scope, made in tokens.items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True


@contextmanager
def worker(root: Path, core: int) -> Iterator[tuple[str, int]]:
    """Run one worker of the decision port on a core of its own."""
    port = _free_port()
    child = Child("ombud.web.decider", root, "--port", str(port), name="decider")
    try:
        os.sched_setaffinity(child.process.pid, {core})
        child.wait_until(lambda: _answers(port), seconds=READY_SECONDS)
        yield f"http://127.0.0.1:{port}", child.process.pid
    finally:
        child.stop()


@contextmanager
def bare(core: int) -> Iterator[tuple[str, int]]:
    """Run the bare application under uvicorn, as the API is served."""
    port = _free_port()
    words = ["--port", str(port), "--loop", "asyncio", "--http", "httptools", "--no-access-log"]
    command = [sys.executable, "-m", "uvicorn", "ombud.bench.authzen_bare:app", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - fixed.
        try:
            os.sched_setaffinity(process.pid, {core})
            deadline = time.monotonic() + READY_SECONDS
            while not _answers(port) and time.monotonic() < deadline:
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
