"""Command `demo`: a fictional county, misuse and all, on this machine alone."""

from __future__ import annotations

import os
import threading
import time
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel

from ombud.app.demo import Feed, fresh_demo_home
from ombud.cli.options import JsonOption, default_home
from ombud.cli.output import flush, note, print_json, print_line, progress, stdout
from ombud.config.settings import load_settings
from ombud.web.serving import Server

app = typer.Typer(add_completion=False)

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


def _watch_alerts(server: Server, screen: _Screen, ended: threading.Event) -> None:
    """Show the first alerts as they are raised."""
    shown: set[str] = set()
    while not ended.wait(0.5) and len(shown) < ALERTS_SHOWN:
        for alert in server.home.watch.alerts(limit=50):
            if alert["id"] not in shown and len(shown) < ALERTS_SHOWN:
                shown.add(alert["id"])
                screen.say("alert", f"alert ({alert['level']}): {alert['sentence']}", alert=alert)


def _next_steps(home: Path, server: Server) -> str:
    alerts = server.home.watch.alerts(limit=200)
    actor = next((alert["actor_id"] for alert in alerts if alert["actor_id"]), "")
    subject = server.home.subject_of(actor) or "resident:R00001"
    run = f"OMBUD_HOME={home} ./run"
    return "\n".join(
        (
            "In another terminal, try:",
            "",
            f"  export OMBUD_HOME={home}",
            "  ./run alerts                          what the rules raised, and why",
            f"  ./run search 'actor:{actor} last:30d'",
            f"  ./run sessions 'actor:{actor}'          then: ./run session ID",
            f"  ./run who {subject}              everyone who looked at one person",
            "  ./run search 'action:export rows:>1000 | count by actor'",
            "  ./run search 'source:ombud.look'      your own looks are on record, too",
            "  ./run record verify                   re-derive the record from its bytes",
            "",
            "What one changed byte does, on a copy:",
            "",
            f"  cp -r {home} /tmp/ombud-tampered",
            "  f=$(ls -d /tmp/ombud-tampered/segments/*.parquet | head -1)",
            "  printf X | dd of=$f bs=1 seek=5000 conv=notrunc status=none",
            "  ./run record verify --home /tmp/ombud-tampered",
            "",
            f"The API is at {server.address} (see {server.address}/docs). Ctrl-C ends the demo.",
        )
    ).replace(run, "./run")


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
        feed = Feed(home)
        ended = threading.Event()
        watcher = threading.Thread(
            target=_watch_alerts, args=(server, screen, ended), name="demo alerts", daemon=True
        )
        watcher.start()
        try:
            with progress("seeding the county") as bar:
                task = bar.add_task("seed", total=None)
                for step in feed.steps():
                    if step["step"] == "seed":
                        bar.update(task, total=step["of"], completed=step["done"])
            if not feed.is_running:
                note("ombud: the county's feed ended early; the line above says why")
            server.home.catch_up()
            screen.say("seeded", "the county is in; live activity goes on", **server.home.counts())
            if not json:
                stdout.print(Panel(_next_steps(home, server), title="Ombud demo", expand=False))
            server.wait()
        finally:
            ended.set()
            feed.stop()
