"""Processes of a home: how each ends, alone or together, and how the next start finds them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from doubles.audit_logs import look_up, trail
from doubles.running_home import LOOK, RunningHome, is_alive, ombud, rows_of, wait_until
from ombud.cli.main import run
from ombud.services.verifying import verify

Make = Callable[[Path], RunningHome]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, running: Make) -> RunningHome:
    """Return a home that ran, with a token for everything and ten events."""
    one = running(tmp_path_factory.mktemp("processes") / "home").start()
    one.own_token()
    assert one.deliver("ocsf", map(look_up, range(10))).body["recorded"] == 10
    return one


@pytest.fixture
def served(home: RunningHome) -> RunningHome:
    """Return the home, running; what one test leaves is what the next one finds."""
    return home if home.is_running else home.start()


def assert_whole(served: RunningHome) -> None:
    """See that the running home has all events and its record verifies."""
    assert len(served.search("source:ward.desk")) == 10
    report = verify(served.home, served.home / "index" / "control.sqlite")
    assert report.ok, report.fault


def test_sigterm_ends_all_in_order_and_the_next_start_has_all(served: RunningHome) -> None:
    """Exit status 0, nothing left behind, and everything there again."""
    children = (served.recorder, served.sealer)
    sessions = served.look("/v1/sessions", q="source:ward.desk")["sessions"]

    assert served.end(signal.SIGTERM) == 0
    assert not any(map(is_alive, children))
    assert not list(served.home.glob("*.sock"))

    served.start()
    assert_whole(served)
    assert served.look("/v1/sessions", q="source:ward.desk")["sessions"] == sessions
    assert served.deliver("ocsf", map(look_up, range(10))).body["duplicate"] == 10


def test_second_server_of_a_home_is_refused(served: RunningHome) -> None:
    """With status 3 and a reason; the first goes on."""
    second = ombud(served.home, "serve", "--port", "0")

    assert second.returncode == 3
    assert b"served already" in second.stderr
    assert served.ask("GET", "/readyz").body["status"] == "ok"
    assert_whole(served)


def test_taken_port_is_refused(tmp_path: Path) -> None:
    """With status 3, naming the port; no process stays behind."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = ombud(tmp_path / "home", "serve", "--port", port)

    assert done.returncode == 3
    assert port.encode() in done.stderr


def test_killed_server_takes_its_children_along(served: RunningHome) -> None:
    """Recorder and sealer end by themselves; the next start does not stumble over them."""
    children = (served.recorder, served.sealer)
    served.end(signal.SIGKILL)
    served.start()

    wait_until(lambda: not any(map(is_alive, children)), "the old processes ended")
    assert served.recorder not in children
    assert_whole(served)


def test_command_after_a_killed_server_opens_the_home(
    served: RunningHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stale sockets and locks are nobody's."""
    served.end(signal.SIGKILL)
    why = ["--why", LOOK["why"], "--case", LOOK["case"]]

    assert run(["search", "source:ward.desk", "--json", "--home", str(served.home), *why]) == 0
    assert len(rows_of(capsys.readouterr().out)) == 10


def test_lost_recorder_ends_the_server(served: RunningHome) -> None:
    """Nothing may pretend to record: status 3, and a message that says what happened."""
    sealer = served.sealer
    os.kill(served.recorder, signal.SIGKILL)

    assert served.wait() == 3
    assert "the recorder ended with status -9" in served.said()
    assert "Traceback" not in served.said()
    wait_until(lambda: not is_alive(sealer), "the sealer ended")
    served.start()
    assert_whole(served)


def test_lost_sealer_is_started_again(served: RunningHome) -> None:
    """The home goes on as if nothing had been."""
    first = served.sealer
    os.kill(first, signal.SIGKILL)

    def is_back() -> bool:
        with contextlib.suppress(LookupError):
            return served.sealer != first
        return False

    wait_until(is_back, "another sealer")
    assert served.deliver("ocsf", [look_up(1)]).body["duplicate"] == 1
    assert_whole(served)


def test_all_killed_at_once_in_mid_ingest(served: RunningHome) -> None:
    """What was acknowledged is there, under the same head, and the followers go on."""
    pids = (served.pid, served.recorder, served.sealer)
    done = served.deliver("aws.cloudtrail", map(trail, range(2000))).body
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    served.wait()
    served.start()

    again = served.deliver("aws.cloudtrail", map(trail, range(2000))).body
    assert done["recorded"] == again["duplicate"] == 2000
    assert_whole(served)


def test_ctrl_c_ends_it_in_order(served: RunningHome) -> None:
    """As SIGTERM does."""
    assert served.end(signal.SIGINT) == 0
