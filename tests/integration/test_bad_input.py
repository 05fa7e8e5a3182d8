"""Bad input through the commands: one clear error or one quarantined line, no lost neighbour."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.audit_logs import trail
from doubles.running_home import LOOK, rows_of
from ombud.cli.main import run

SPOT = b'"GetObject"'
HUNDRED_MB = 100_000_000
MAPPING = """\
source: shop.desk
record_if: what
fields: {time: at, native_id: id, action: what, actor.id: who}
"""
Command = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def command(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return what runs a command and gives its status and the JSON lines that it printed."""

    def ask(*words: str) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        status = run([*words, "--json"])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, rows_of(told.out)

    return ask


def found(command: Command, query: str) -> list[dict[str, Any]]:
    """Return the events of a search, in the order of the log."""
    status, events = command("search", query, "--why", LOOK["why"], "--case", LOOK["case"])
    assert status == 0
    return sorted(events, key=lambda event: int(event["metadata"]["uid"]))


def ingest(command: Command, file: Path, *words: str) -> tuple[int, tuple[int, ...]]:
    """Return the status of an ingest and what was read, recorded, duplicate, quarantined."""
    status, (receipt,) = command("ingest", "--source", "aws.cloudtrail", str(file), *words)
    read, *parts = (receipt[name] for name in ("read", "recorded", "duplicate", "quarantined"))
    assert read == sum(parts)
    return status, (read, *parts)


SPOILT = [
    pytest.param(trail(1).replace(SPOT, b'"\xff\xfe"'), id="invalid UTF-8"),
    pytest.param(trail(1).replace(SPOT, b'"\0"'), id="NUL in a text"),
    pytest.param(b"\0" * 50, id="NULs"),
    pytest.param(trail(1).replace(SPOT, b"[" * 5000 + b"]" * 5000), id="deep nesting"),
    pytest.param(b"[" * 100_000, id="deep nesting without an end"),
    pytest.param(trail(1)[:-1] + b',"eventName":"PutObject"}', id="duplicate keys"),
    pytest.param(trail(1).replace(b"2026-03-04", b"9999-12-31"), id="the year 9999"),
    pytest.param(trail(1).replace(b"2026-03-04", b"0000-00-00"), id="no date"),
    pytest.param(trail(1).replace(SPOT, b"%d" % 2**70), id="an integer beyond 64 bits"),
    pytest.param(trail(1).replace(SPOT, b"9" * 5000), id="an integer of 5000 digits"),
    pytest.param(trail(1).replace(SPOT, b"1e999"), id="a number beyond all"),
    pytest.param(trail(1)[:-40], id="cut short"),
    pytest.param(b"no JSON at all", id="text"),
    pytest.param(b'{"a": "record of another source"}', id="another record"),
    pytest.param(b"null", id="null"),
]


@pytest.mark.parametrize("line", SPOILT)
def test_spoilt_line_leaves_its_neighbours(tmp_path: Path, command: Command, line: bytes) -> None:
    """It is an event with its very bytes or lies in quarantine; the lines beside it are events."""
    file = tmp_path / "in.ndjson"
    file.write_bytes(trail(0) + b"\n" + line + b"\n" + trail(2) + b"\n")
    status, (read, recorded, duplicate, quarantined) = ingest(command, file)
    events = found(command, "source:aws.cloudtrail")
    _, items = command("quarantine", "list")

    assert (read, duplicate, recorded + quarantined) == (3, 0, 3)
    assert status == (1 if quarantined else 0)
    assert len(events) == recorded
    raws = [event["raw_data"].encode() for event in (events[0], events[-1])]
    assert raws == [trail(0), trail(2)]
    assert [(item["line"], Path(item["file"]).name) for item in items] == (
        [(2, "in.ndjson")] * quarantined
    )
    assert all(item["reason"] for item in items)
    assert ingest(command, file)[1][1] == 0
    assert command("record", "verify")[0] == 0


def test_line_of_a_hundred_megabytes(tmp_path: Path, command: Command) -> None:
    """Its head lies in quarantine, with its size; what stands beside it is recorded."""
    file = tmp_path / "large.ndjson"
    with file.open("wb") as out:
        out.write(trail(0) + b"\n" + trail(1)[:-1] + b',"filler":"')
        for _ in range(100):
            out.write(b"x" * (HUNDRED_MB // 100))
        out.write(b'"}\n' + trail(2) + b"\n")

    assert ingest(command, file) == (1, (3, 2, 0, 1))
    ((item,), events) = (command("quarantine", "list")[1], found(command, "source:aws.cloudtrail"))
    assert item["size"] > HUNDRED_MB
    assert item["line"] == 2
    assert [event["raw_data"].encode() for event in events] == [trail(0), trail(2)]


def test_truncated_gzip(tmp_path: Path, command: Command) -> None:
    """What can be read is recorded; that the rest is missing is said once."""
    file = tmp_path / "cut.ndjson.gz"
    whole = gzip.compress(b"\n".join(map(trail, range(2000))), mtime=0)
    file.write_bytes(whole[: len(whole) // 2])
    status, (read, recorded, _, quarantined) = ingest(command, file)
    _, (item,) = command("quarantine", "list")

    assert (status, quarantined) == (1, 1)
    assert read == recorded + 1
    assert recorded > 500
    assert "gzip" in item["reason"]
    file.write_bytes(whole)
    status, (_, again, _, quarantined) = ingest(command, file)
    assert (status, recorded + again, quarantined) == (0, 2000, 0)
    assert len(found(command, "source:aws.cloudtrail")) == 2000


def test_not_gzip_under_that_name(tmp_path: Path, command: Command) -> None:
    """The bytes say what a file is, not its name."""
    file = tmp_path / "plain.gz"
    file.write_bytes(trail(0) + b"\n")

    assert ingest(command, file) == (0, (1, 1, 0, 0))


def test_quarantine_round_trip(tmp_path: Path, command: Command) -> None:
    """List, show with the original, and replay with a corrected mapping; twice changes nothing."""
    mapping, file = tmp_path / "shop.yaml", tmp_path / "shop.ndjson"
    good = b'{"at":"2026-03-04T08:00:00Z","id":"1","what":"read","who":"eve"}'
    odd = b'{"at":"2026-03-04T08:00:01Z","id":"2","verb":"export","who":"bob"}'
    file.write_bytes(good + b"\n" + odd + b"\n")
    mapping.write_text(MAPPING)
    words = ("--source", "mapping", "--mapping", str(mapping))
    status, (receipt,) = command("ingest", *words, str(file))
    _, (item,) = command("quarantine", "list")
    _, (shown,) = command("quarantine", "show", item["id"][:6])
    replay = ("quarantine", "replay", "--mapping", str(mapping))

    assert (status, receipt["recorded"], receipt["quarantined"]) == (1, 1, 1)
    assert "raw" not in item
    assert odd.decode() in orjson.dumps(shown).decode() or shown["raw"]
    assert command(*replay) == (1, [{"recorded": 0, "duplicate": 0, "refused": 1, "incomplete": 0}])
    mapping.write_text(MAPPING.replace("what", "what || verb"))
    assert command(*replay) == (0, [{"recorded": 1, "duplicate": 0, "refused": 0, "incomplete": 0}])
    assert command(*replay) == (0, [{"recorded": 0, "duplicate": 0, "refused": 0, "incomplete": 0}])
    assert command("quarantine", "list") == (0, [])
    events = found(command, "source:shop.desk")
    assert [event["raw_data"].encode() for event in events] == [good, odd]
    assert events[1]["ombud"]["action"] == "export"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["ingest", "--source", "aws.cloudtrail", "no-such-file"], 1),
        (["ingest", "--source", "no.such.source", "."], 2),
        (["ingest", "--source", "mapping", "."], 2),
        (["quarantine", "show", "ffff"], 1),
    ],
)
def test_wrong_words_are_told_in_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int
) -> None:
    """What is wrong, and what to do; no traceback."""
    assert run(words) == status
    err = capsys.readouterr().err
    assert err.startswith("ombud: ")
    assert "Traceback" not in err


def test_standard_input_of_nothing(
    home: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in, nothing out, and no complaint."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    status, (receipt,) = command("ingest", "--source", "aws.cloudtrail", "-")

    assert (status, receipt["read"], receipt["first_index"]) == (0, 0, None)
