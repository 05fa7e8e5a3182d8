"""Commands of checkpoints, justifications, reference data and credentials, over an open home."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.desk import GOOD, Desk, open_desk_home
from ombud.app.checkpoint_local import LocalCheckpoints
from ombud.cli import checkpoint, credential, justification, reference
from ombud.cli.main import run
from ombud.services.asker import local_owner

WHY = ("--why", "care", "--case", "C-1")
MEET = ("--purpose", "theft", "--resource", "dataset:plates")
Run = Callable[..., tuple[int, str]]


class _Door:
    def __init__(self, desk: Desk) -> None:
        self.checkpoints = LocalCheckpoints(desk.desk, local_owner())


@pytest.fixture
def desk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Return a desk that the commands are led to."""
    with open_desk_home(home) as one:

        @contextmanager
        def opened(_: Path) -> Iterator[_Door]:
            yield _Door(one)

        for module in (checkpoint, justification, reference, credential):
            monkeypatch.setattr(module, "open_door", opened)
        yield one


@pytest.fixture
def command(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command: its status, and what it printed."""

    def ran(*words: str) -> tuple[int, str]:
        status = run(words)
        said = capsys.readouterr()
        return status, said.out + said.err

    return ran


def rows(text: str) -> list[dict[str, Any]]:
    """Return lines of JSON."""
    return [orjson.loads(line) for line in text.splitlines()]


def test_reference(desk: Desk, command: Run) -> None:
    """Checked, loaded, listed; a fault is a line and a status."""
    desk.declare()
    assert command("reference", "check") == (0, "cases: 2 rows\n")
    assert "not loaded" in command("reference", "list")[1]
    status, said = command("reference", "load", "cases", "--why", "first")
    assert (status, "SHA-256" in said) == (0, True)
    assert "fresh" in command("reference", "list")[1]
    assert rows(command("reference", "list", "--json")[1])[0]["load"]["rows"] == 2
    assert len(rows(command("reference", "loads", "cases", "--json")[1])) == 1
    assert "yes" in command("reference", "loads", "cases")[1]
    desk.declare(cases="case,opened,closed,unit\n,,,\nC-1,soon,,\n")
    status, said = command("reference", "load")
    assert status == 2
    assert "cases:3: `opened` is no day or time" in said
    assert "failed: " in command("reference", "list")[1]
    assert command("reference", "check", "--json")[0] == 2
    assert command("reference", "load", "none")[0] == 1


def test_meet_and_read(desk: Desk, command: Run) -> None:
    """Asked, answered, listed and shown; the verdict is told at once."""
    desk.load_cases()
    assert "once" in command("checkpoint", "list")[1]
    assert len(rows(command("checkpoint", "list", "--json")[1])) == 7
    assert command("checkpoint", "show", "reason")[1].endswith("What of reason?\n")
    status, said = command("checkpoint", "meet", "reason", *MEET, "--text", GOOD, "--case", "C-2",
                           "--subject", "plate:7ABC123")  # fmt: skip
    assert status == 0
    assert "the case was closed before the act" in said
    id_ = said.splitlines()[0]
    assert rows(command("checkpoint", "show", "reason", "--json")[1])[0]["kind"] == "text"

    status, said = command("justification", "list", *WHY, "--last", "3000d")
    assert (status, id_[:8] in said) == (0, True)
    (listed,) = rows(command("justification", "list", *WHY, "--last", "3000", "--json")[1])
    assert [one["id"] for one in listed["justifications"]] == [id_]
    assert "plate:7ABC123" in command("justification", "show", id_, *WHY)[1]
    assert rows(command("justification", "show", id_, *WHY, "--json")[1])[0]["text"] == GOOD
    assert command("justification", "verify", *WHY)[0] == 0
    assert rows(command("justification", "verify", *WHY, "--json")[1])[0]["is_whole"]


def test_meet_refused(desk: Desk, command: Run) -> None:
    """Where the checkpoint refuses what facts contradict, the status says so."""
    desk.load_cases()
    words = ("checkpoint", "meet", "number", *MEET, "--case", "C-2")
    status, said = command(*words)
    assert (status, "refused: the facts contradict it" in said) == (1, True)
    assert rows(command(*words, "--json")[1])[0]["is_refused"] is True
    poor = ("checkpoint", "meet", "reason", *MEET, "--text")
    command(*poor, GOOD, "--subject", "plate:A")
    assert "copied" in command(*poor, GOOD, "--subject", "plate:B")[1]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("checkpoint", "meet", "reason", *MEET, "--text", "test"), 2),
        (("checkpoint", "meet", "reason", *MEET, "--text", GOOD, "--subject", "plate"), 2),
        (("checkpoint", "meet", "reason", *MEET, "--text", GOOD, "--actor", "person:ana"), 1),
        (("checkpoint", "meet", "none", *MEET), 1),
        (("checkpoint", "show", "none"), 1),
        (("checkpoint", "confirm", "none"), 1),
        (("justification", "show", "none", *WHY), 1),
        (("justification", "list", *WHY, "--last", "soon"), 2),
        (("justification", "list"), 2),
    ],
)
def test_what_is_refused(command: Run, words: tuple[str, ...], status: int) -> None:
    """Input is 2, a no is 1."""
    assert command(*words)[0] == status


def test_second_person(desk: Desk, command: Run) -> None:
    """One at the command line cannot confirm what they began."""
    status, said = command("checkpoint", "meet", "second", *MEET, "--text", GOOD)
    id_ = said.splitlines()[0]
    assert (status, "awaited" in said) == (0, True)
    assert command("checkpoint", "confirm", id_)[0] == 1
    assert id_ not in command("checkpoint", "awaiting")[1]
    assert command("checkpoint", "awaiting", "--json") == (0, "")


def test_credential_and_proof(desk: Desk, command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret comes from standard input or without echo, never from the command line."""
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert command("credential", "set", "--stdin")[0] == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    status, said = command("checkpoint", "meet", "prove", "--purpose", "theft", "--stdin")
    assert (status, "met, holds until" in said) == (0, True)
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    assert command("checkpoint", "meet", "prove", "--purpose", "theft", "--stdin")[0] == 1
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert command("credential", "set")[0] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("another secret\n"))
    answer = rows(command("credential", "set", "--stdin", "--person", "ben", "--json")[1])[0]
    assert (answer["person"], answer["replaced"]) == ("ben", False)
    typed = iter(["another secret", "another secrets"])
    monkeypatch.setattr(credential, "read_secret", lambda *_, **__: next(typed))
    assert command("credential", "set")[0] == 2
    assert not any(b"correct horse" in one.raw for one in desk.events())


def test_a_secret_is_changed_by_the_one_before(
    desk: Desk, command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before is asked for first, by `--change`."""
    given: list[str | None] = []

    def set_credential(
        _: object, __: str, *, person: str | None, current: str | None
    ) -> dict[str, Any]:
        given.append(current)
        return {"person": "ana"}

    monkeypatch.setattr(LocalCheckpoints, "credential_set", set_credential)
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\nanother secret\n"))
    assert command("credential", "set", "--change", "--stdin")[0] == 0
    assert given == ["correct horse"]
    assert desk.operations() == []
