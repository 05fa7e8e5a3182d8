"""The SDK against a real home: its page, budgets over a crash, events over any end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doubles.running_home import RunningHome, wait_until
from ombud.client import Client, Decision, dataset, purpose
from ombud.core.errors import Unavailable

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "sdk.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
CLAIMS = dataset("claims")
LIMITED = """\
  counted:
    title: Counted
    standing: true
    audience: {types: [person]}
    limits: {rows_per_day: 100, subjects_per_day: 3}
    scope: [{name: all, actions: [read], resources: [claims]}]
"""
# A program that tells what it did as fast as it can, and says each time that it was kept.
PROGRAM = """\
import sys
from pathlib import Path
from ombud.client import Client
url, token, folder, life = sys.argv[1:]
client = Client(url, token, source="app.claims", actor="person:ana", spool=Path(folder))
number = 0
while True:
    client.record("read", query_id=f"{life}-{number}")
    print(number, flush=True)
    number += 1
"""


def blocks(kind: str) -> list[str]:
    """Return the blocks of the page in one language."""
    return [text for found, text in BLOCK.findall(PAGE.read_text("utf-8")) if found == kind]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHome]:
    """Return a home with the policy of the page and one purpose more."""
    folder = tmp_path_factory.mktemp("client")
    for name in ("home", "policy"):
        (folder / name).mkdir(mode=0o700)
    (folder / "policy" / "policy.yaml").write_text(blocks("yaml")[0] + LIMITED)
    (folder / "home" / "settings.yaml").write_text(f"policy: {folder / 'policy'}\n")
    one = RunningHome(folder / "home")
    try:
        one.start().own_token()
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def token(running: RunningHome) -> str:
    """Return the token of a program."""
    return running.make_token("program", "decide", "ingest")


def address(running: RunningHome) -> str:
    """Return where the home answers now."""
    return f"http://{running._place}"


def test_the_page_does_what_it_says(
    running: RunningHome, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every example of the page runs, in their order, and what it tells is recorded."""
    monkeypatch.setenv("OMBUD_URL", address(running))
    monkeypatch.setenv("OMBUD_TOKEN", token)
    monkeypatch.setenv("SPOOL", str(tmp_path / "spool"))
    names: dict[str, Any] = {"__name__": "page"}
    for number, text in enumerate(blocks("python")):
        code = compile(text, f"{PAGE.name}, example {number + 1}", "exec")
        exec(code, names)

    (told,) = running.search("source:app.claims")
    assert told["ombud"]["decision"]["uid"] == names["permit"].decision_id
    assert told["ombud"]["case_uid"] == "24-118"
    denied = running.search("source:ombud.decision is:denied")
    assert {one["api"]["operation"] for one in denied} == {"read", "delete"}


def take(client: Client, actor: str, **context: Any) -> Decision:
    """Ask for rows of the counted purpose."""
    with purpose("counted"):
        return client.check(
            "read", CLAIMS, actor=actor, context=context, handles={"max_rows", "max_bytes"}
        )


def test_budgets_are_exact_after_a_crash(running: RunningHome, token: str) -> None:
    """What was permitted before the kill counts after it; what was really returned, instead."""
    with Client(address(running), token, source="app.claims") as client:
        first = take(client, "person:ben", rows=60, subjects=["person:dee", "person:eve"])
        assert first.permit
        assert take(client, "person:ben", rows=41).reasons == ("budget_spent:rows",)
        recorder = running.recorder
        running.end(signal.SIGKILL)
        os.kill(recorder, signal.SIGKILL)
    running.start()

    with Client(address(running), token, source="app.claims") as client:
        assert not take(client, "person:ben", rows=41).permit
        assert not take(client, "person:ben", subjects=["person:fay", "person:gil"]).permit
        assert take(client, "person:ben", rows=1, subjects=["person:dee", "person:fay"]).permit
        client.record("read", CLAIMS, actor="person:ben", decision=first, rows_returned=10)
        wait_until(  # The server reads what was told a moment later.
            lambda: take(client, "person:ben", rows=89, subjects=["person:dee"]).permit,
            "what was really returned is counted",
        )
        assert not take(client, "person:ben", rows=1, subjects=["person:dee"]).permit


def test_nearly_the_same_query_is_flagged(running: RunningHome, token: str) -> None:
    """The flag is found in the record, and the query was permitted all the same."""
    with Client(address(running), token) as client:
        for age in (40, 41):
            query = f"select count(*) from claims where age < {age}"
            assert take(client, "person:cy", rows=1, query=query).permit

    (flagged,) = running.search("source:ombud.decision actor:cy flags:overlap*")
    assert flagged["actor"]["user"]["uid"] == "cy"


def test_events_survive_the_end_of_the_program(
    running: RunningHome, token: str, tmp_path: Path
) -> None:
    """Killed over and over: all that was said to be kept is recorded, each once."""
    kept = []
    for life in range(3):
        command = [sys.executable, "-c", PROGRAM, address(running), token, str(tmp_path), str(life)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            for number in range(20 + life * 7):
                assert program.stdout.readline() == f"{number}\n"
                kept.append(f"{life}-{number}")
            program.kill()
    with Client(
        address(running), token, source="app.claims", actor="person:ana", spool=tmp_path
    ) as client:
        client.flush()

    found = [one["query_info"]["uid"] for one in running.search("source:app.claims has:query.id")]
    assert len(found) == len(set(found))
    assert set(kept) <= set(found)


def test_events_wait_for_a_home_that_is_away(
    running: RunningHome, token: str, tmp_path: Path
) -> None:
    """Told while it was down, recorded once it is up; a decision meanwhile is none."""
    assert running.end() == 0
    client = Client(address(running), token, source="app.later", actor="person:ana", spool=tmp_path)
    try:
        for _ in range(3):
            client.record("read", CLAIMS)
        with pytest.raises(Unavailable):
            take(client, "person:ana")
    finally:
        client.close()
        running.start()

    with Client(
        address(running), token, source="app.later", actor="person:ana", spool=tmp_path
    ) as client:
        client.flush()
    assert len(running.search("source:app.later")) == 3
