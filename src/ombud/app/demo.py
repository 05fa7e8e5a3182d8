"""Demo: a fictional county on a fresh home, seeded while the API already answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ombud.app.home import OpenHome
from ombud.config.policy_files import read_policy_folder, shipped_policies_folder
from ombud.config.settings import FILE_NAME
from ombud.core.errors import Conflict
from ombud.detect.rule import LEVELS
from ombud.services.asker import Asker, local_owner
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.request_wanted import RequestWanted
from ombud.services.watching import ALERTS_MAX
from ombud.simulate.reference import ATTRIBUTION, ATTRIBUTION_FILE

MARKER = "DEMO"
SETTINGS = """\
# A demo home: looks need no reason here, so that trying things out is quick.
# In a real home leave both out; then every look states a reason and a case.
looks:
  why_required: false
  case_required: false
"""
POLICY = "county"  # Of the shipped policies.
REQUESTED = "benefits.fraud"  # A purpose of the county's that needs a grant.
CANDIDATES_MAX = 50  # Alerts looked into for an example.


@dataclass(frozen=True, slots=True)
class Example:
    """An alert worth a look, with names to ask further by."""

    alert_id: str
    actor: str
    subject: str
    session: str
    index: int


def find_example(home: OpenHome) -> Example | None:
    """Return the gravest alert that names a person's data and a session, if there is one."""
    alerts = home.watch.alerts(limit=ALERTS_MAX)
    alerts.sort(key=lambda alert: (-LEVELS.index(alert["level"]), -alert["event_count"]))
    for alert in alerts[:CANDIDATES_MAX]:
        for event in home.reader.fetch([alert["first_index"]], raw=False):
            if event.actor_id and event.subjects and event.session_id:
                return Example(
                    alert_id=alert["id"],
                    actor=event.actor_id,
                    subject=":".join(event.subjects[0]),
                    session=event.session_id,
                    index=event.id or 0,
                )
    return None


def fresh_demo_home(home: Path) -> None:
    """Make an empty demo home; what an earlier demo left there goes.

    Raises `Conflict` for a folder that holds anything but a demo.
    """
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).exists():
            raise Conflict(
                f"`{home}` holds something that is no demo",
                hint="give `--home` an empty or a new folder",
            )
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / MARKER).write_text("This folder is made anew by each `ombud demo`.\n")
    (home / FILE_NAME).write_text(SETTINGS)
    (home / ATTRIBUTION_FILE).write_text(ATTRIBUTION)


def policy_folder() -> Path:
    """Return the folder of the county's policy."""
    return shipped_policies_folder() / POLICY


def put_policy_in_force(home: OpenHome) -> None:
    """Apply the county's policy, so that what happens there has purposes to be for."""
    files = read_policy_folder(policy_folder())
    wanted = PolicyWanted(files, why="the demo's own policy")
    home.services.policies.apply(wanted, asker=local_owner())


def ask_for_a_purpose(home: OpenHome, person: str) -> str:
    """Let somebody of the county ask for a purpose; returns the id of the request that waits."""
    wanted = RequestWanted(
        purpose=REQUESTED,
        text="Two households at one address draw the same benefit",
        days=14,
        case="C-26-004711",
    )
    asker = Asker(person=person, scopes=frozenset({"request"}), via="demo")
    return str(home.services.access.requests.open(wanted, asker=asker)["id"])


class Feed:
    """The process that feeds the county's logs into the running home."""

    def __init__(self, home: Path, *, events: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - fixed words, no shell.
            [sys.executable, "-m", "ombud.app.feed", str(home), str(events)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def steps(self) -> Iterator[dict[str, Any]]:
        """Yield what the feed says, until it is seeded or has failed."""
        output = self._process.stdout
        if output is None:
            return
        for line in output:
            step = orjson.loads(line)
            yield step
            if step["step"] == "seeded":
                return

    @property
    def is_running(self) -> bool:
        """Whether live activity still flows."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the feed."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        deadline = time.monotonic() + 5
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
