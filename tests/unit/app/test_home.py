"""Home: what is derived is of this record, or it is made anew; and doors let go in order."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.app.opening import open_door
from ombud.core.batch import Committed
from ombud.core.errors import TamperError
from ombud.core.event import Event
from ombud.services.record_port import record_events

SETTINGS = "looks: {why_required: false, case_required: false}\n"


def fill(home: Path, actor: str, count: int = 3) -> None:
    """Make a home in which one actor acted, and look at it once."""
    home.mkdir(exist_ok=True)
    (home / "settings.yaml").write_text(SETTINGS)
    with open_here(home) as opened:
        record(opened, actor, count)


def record(opened: OpenHome, actor: str, count: int = 3) -> None:
    """Record acts and bring everything derived up to them."""
    events = [
        Event(time=number, source="county", action="read", actor_id=actor, raw=b"%d" % number)
        for number in range(count)
    ]
    record_events(opened.appender, events)
    opened.catch_up()


def actors(home: Path) -> set[str]:
    """Return who acted, as a search says."""
    with open_door(home) as door:
        page = door.search("source:county", limit=100, cursor=None, why=None, case=None)
    return {event["actor"]["user"]["uid"] for event in page["events"]}


def test_index_of_another_home_is_not_trusted(tmp_path: Path) -> None:
    """Databases copied from elsewhere are made anew, tokens and all."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    fill(ours, "ana")
    fill(theirs, "eve", count=9)
    with open_door(theirs) as door:
        door.token_create({"name": "eve", "scopes": ["search"]})
    shutil.rmtree(ours / "index")
    shutil.copytree(theirs / "index", ours / "index")

    assert actors(ours) == {"ana"}
    with open_door(ours) as door:
        assert door.token_list() == {"tokens": []}


@pytest.mark.parametrize("has_grown", [False, True])
def test_index_of_a_later_record_is_not_trusted(tmp_path: Path, *, has_grown: bool) -> None:
    """A record restored from a copy is not seen through the index of what it had become."""
    home, copy = tmp_path / "home", tmp_path / "copy"
    fill(home, "ana")
    shutil.copytree(home, copy)
    fill(home, "eve")
    if has_grown:
        fill(copy, "ben", count=9)
    shutil.rmtree(copy / "index")
    shutil.copytree(home / "index", copy / "index")

    assert actors(copy) == ({"ana", "ben"} if has_grown else {"ana"})


def test_damaged_alerts_are_found_anew(tmp_path: Path) -> None:
    """Alerts can be rebuilt, so a file that is none must not keep a home from opening."""
    home = tmp_path / "home"
    fill(home, "ana")
    (home / "index" / "alerts.duckdb").write_bytes(b"no database" * 999)

    assert actors(home) == {"ana"}


def test_damaged_control_tables_are_said(tmp_path: Path) -> None:
    """Control tables are evidence: one that is no database is said, not replaced in silence."""
    home = tmp_path / "home"
    fill(home, "ana")
    (home / "index" / "control.sqlite").write_bytes(b"no database" * 999)

    with pytest.raises(TamperError, match="control tables"), open_door(home):
        pass


def test_error_at_a_running_home_is_the_commands_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that goes away is told to the caller, and opens no second door."""
    monkeypatch.setattr("ombud.app.opening.is_running", lambda _: True)
    with pytest.raises(BrokenPipeError), open_door(tmp_path):
        raise BrokenPipeError


def test_two_threads_that_follow_the_rules_mend_nothing(tmp_path: Path) -> None:
    """Who asks for alerts while another thread finds them does not take that for a failure."""
    mended: list[bool] = []
    with open_here(tmp_path / "home") as opened:
        act = Event(time=1, source="county", action="read", actor_id="ana", raw=b"1")
        record_events(opened.appender, [act])
        opened.watch.rewind = lambda: mended.append(True)  # type: ignore[method-assign]
        apply = opened.watch.apply
        other = threading.Thread(target=opened.follow_rules)

        def slow(committed: Committed) -> None:
            if not other.ident:
                other.start()
                other.join(0.2)  # It waits for us, or has done its mischief.
            apply(committed)

        opened.watch.apply = slow  # type: ignore[method-assign]
        opened.follow_rules()
        other.join()

    assert mended == []
