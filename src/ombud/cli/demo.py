"""Command `demo`: a fictional county, misuse and all, on this machine alone."""

from __future__ import annotations

import os
import shlex
import threading
import time
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.app.demo import (
    Example,
    Feed,
    ask_for_a_purpose,
    find_example,
    fresh_demo_home,
    policy_folder,
    put_policy_in_force,
)
from ombud.cli.options import JsonOption, default_home
from ombud.cli.output import brief_id, flush, note, print_json, print_line, progress, stderr
from ombud.config.settings import load_settings
from ombud.web.serving import Server

app = typer.Typer(add_completion=False)

EVENTS = 200_000
ALERTS_SHOWN = 3


def _demo_home() -> Path:
    return default_home().with_name("ombud-demo")


class _Screen:
    """Says things once, as lines of JSON or as text for a person."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._lock = threading.Lock()
        self._started = time.monotonic()

    def say(self, kind: str, text: str, **values: Any) -> None:
        """Say one thing."""
        seconds = round(time.monotonic() - self._started, 1)
        with self._lock:
            if self._json:
                print_json({"step": kind, "seconds": seconds, **values})
            else:
                print_line(f"[{seconds:5.1f} s] {text}")
            flush()

    def tell(self, lines: list[str]) -> None:
        """Say what a person may do next; for programs it is said in the documentation."""
        if not self._json:
            print_line("\n" + "\n".join(lines))
            flush()


class _FirstAlerts:
    """Shows the first alerts as they are raised, from a thread of its own."""

    def __init__(self, server: Server, screen: _Screen) -> None:
        self._server = server
        self._screen = screen
        self._shown: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="demo alerts", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while len(self._shown) < ALERTS_SHOWN and not self._ended.wait(0.5):
            self._show()

    def _show(self) -> None:
        for alert in self._server.home.watch.alerts(limit=50):
            if alert["id"] not in self._shown and len(self._shown) < ALERTS_SHOWN:
                self._shown.add(alert["id"])
                said = f"alert ({alert['level']}): {alert['sentence']}"
                self._screen.say("alert", said, alert=alert)

    def stop(self) -> None:
        """Show what is left to show, and watch no more."""
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            self._show()


def _program() -> str:
    """Return how this command line is called here: from a checkout, or installed."""
    return "./run" if Path("run").is_file() else "ombud"


def _step(words: str, purpose: str) -> str:
    return f"  {f'{_program()} {words}':<56} # {purpose}"


def _policy_steps(address: str, request: str, auditor: str) -> Iterator[str]:
    """Yield how to see the policy at work: an attempt explained, a request decided on."""
    curl = 'curl -sw "\\n" -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
    denied = "service:svc-nightly-etl read dataset:benefit_files --purpose stolen_vehicles"
    yield "A policy is in force, and says who may use what for which purpose:"
    yield ""
    yield _step("policy status", "who put it in force, who must agree to changes")
    yield f"  {_program()} policy explain {denied}"
    yield f"  {_program()} policy simulate {shlex.quote(str(policy_folder()))} --last 7d"
    yield ""
    yield "Somebody asks for a purpose. It waits for an auditor; be one:"
    yield ""
    yield _step(f"request show {brief_id(request)}", "what is asked for, and why")
    yield f"  TOKEN=$({_program()} token create try --person {auditor} --scope request)"
    yield f"  {curl} \\"
    yield f"""    {address}/v1/requests/{brief_id(request)}/steps -d '{{"step": "approve"}}'"""
    yield ""


def _next_steps(home: Path, example: Example | None) -> Iterator[str]:
    """Yield lines that can be pasted into a shell as they are."""
    yield "Try, in another terminal:"
    yield ""
    yield f"  export OMBUD_HOME={shlex.quote(str(home.resolve()))}"
    yield _step("alerts", "what the rules raised")
    if example is not None:
        yield _step(f"alerts {example.alert_id[:8]}", "one of them: what matched, what to do")
        yield _step(f"search 'actor:{example.actor} last:30d' --limit 20", "what that person did")
        yield _step(f"sessions actor:{example.actor}", "the same by session")
        yield _step(f"session {shlex.quote(example.session)}", "one session, in order")
        yield _step(f"who {example.subject}", "everyone who looked at that person")
    yield _step("search 'action:export rows:>1000 | count by actor'", "who takes much out")
    yield _step("search source:ombud.look", "your own looks are on record, too")
    yield _step("record verify", "re-derive the record from its bytes")
    if example is not None:
        yield _step(f"record prove {example.index}", "the proof that the log holds that event")
    yield ""


def _tamper_steps() -> Iterator[str]:
    yield "What one changed byte does, on a copy:"
    yield ""
    yield "  copy=$(mktemp -d); cp -r $OMBUD_HOME/. $copy"
    yield "  segment=$(ls $copy/segments/*.parquet | head -1)"
    yield "  printf X | dd of=$segment bs=1 seek=5000 conv=notrunc status=none"
    yield f"  {_program()} record verify --home $copy; rm -r $copy"
    yield ""


def _tell_next(screen: _Screen, server: Server, county: dict[str, Any]) -> None:
    """Tell what to try next; `county` names people of whom one asks and another decides."""
    home, address = server.home, server.address
    steps = [*_next_steps(home.paths.home, find_example(home))]
    if county:
        request = ask_for_a_purpose(home, county["caseworker"])
        steps += _policy_steps(address, request, county["auditor"])
    last = f"The API is at {address}, described at {address}/docs. Ctrl-C ends the demo."
    screen.tell([*steps, *_tamper_steps(), last])


@app.command()
def demo(
    home: Annotated[
        Path,
        typer.Option(
            "--home",
            default_factory=_demo_home,
            show_default="ombud-demo in the user's data folder",
            help="Folder for the demo; made anew each time.",
        ),
    ],
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 0,
    events: Annotated[
        int, typer.Option("--events", min=1_000, help="About how many events to begin with.")
    ] = EVENTS,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the API page in a browser.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """See Ombud at work: a fictional county's logs in, alerts and answers out.

    Everything stays on this machine: the API listens on loopback, the data is
    made up.  Ctrl-C ends it.
    """
    screen = _Screen(json=json)
    fresh_demo_home(home)
    settings = load_settings(home, os.environ)
    with Server(home, settings=settings, port=port) as server:
        screen.say("serving", f"serving {home} at {server.address}", address=server.address)
        if browser:
            webbrowser.open(server.address)
        feed, county = Feed(home, events=events), {}
        put_policy_in_force(server.home)
        first_alerts = _FirstAlerts(server, screen)
        try:
            with progress("seeding the county") as bar:
                task, told = bar.add_task("seed", total=None), 0
                for step in feed.steps():
                    if step["step"] == "seeded":
                        county = step
                    if step["step"] != "seed":
                        continue
                    bar.update(task, total=step["of"], completed=step["done"])
                    if not stderr.is_terminal and step["done"] >= told + step["of"] // 4:
                        told = step["done"]
                        note(f"{told:,} of {step['of']:,} events")
            if not feed.is_running:
                note("ombud: the county's feed ended early; the line above says why")
            server.home.catch_up()
            first_alerts.stop()
            counts = server.home.counts()
            screen.say("seeded", "the county is in, and its live activity goes on", **counts)
            _tell_next(screen, server, county)
            server.wait()
        finally:
            first_alerts.stop()
            feed.stop()
