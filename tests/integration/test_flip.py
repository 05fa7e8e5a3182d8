"""One changed bit: `record verify` exits 1 and names the place, in a home made by commands."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.running_home import ombud
from ombud.cli.main import run
from ombud.record.verify import verify_home
from ombud.simulate.county import write_county

FLIPS = 200
BY_COMMAND = 5  # As many go through the command; the rest ask what the command asks.
END = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with two segments of a county's logs and two tokens; no test changes it."""
    folder = tmp_path_factory.mktemp("flips")
    home = folder / "home"
    written = write_county(folder / "logs", 5, people=40, days=7, end=END, events=900)
    kinds = [kind for kind in written["sources"] if kind != "mapping"][:2]
    assert len(kinds) == 2
    for kind in kinds:
        file = folder / "logs" / Path(written["sources"][kind]["file"]).name
        assert run(["ingest", "--source", kind, str(file), "--home", str(home)]) == 0
    for name in ("first", "second"):
        words = ["token", "create", name, "--scope", "search", "--system", "records"]
        assert run([*words, "--home", str(home)]) == 0
    return home


@pytest.fixture
def home(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the home, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "home"))


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], tuple[int, dict[str, Any]]]:
    """Return what asks `record verify --json` and gives its status and what it printed."""

    def ask(home: Path) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = run(["record", "verify", "--json", "--home", str(home)])
        out = capsys.readouterr().out
        return status, orjson.loads(out) if out else {}

    return ask


Answer = Callable[[Path], tuple[int, dict[str, Any]]]


def public_files(home: Path) -> list[Path]:
    """Return every file under `log/` and `segments/`."""
    found = [path for name in ("log", "segments") for path in (home / name).rglob("*")]
    return sorted(path for path in found if path.is_file())


def flip(path: Path, dice: random.Random) -> bytes:
    """Turn one bit of a file over; return what was there."""
    data = path.read_bytes()
    bit = dice.randrange(8 * len(data))
    altered = bytearray(data)
    altered[bit // 8] ^= 1 << bit % 8
    path.write_bytes(altered)
    return data


def test_whole_home_verifies(home: Path, answer: Answer) -> None:
    """Good, with status 0; the control tables were compared, too."""
    status, report = answer(home)

    assert (status, report["ok"], report["fault"]) == (0, True, None)
    assert report["counts"]["segments"] >= 2
    assert report["counts"]["control_tables"] == 1


def test_flipped_bits_are_named(home: Path, answer: Answer) -> None:
    """Two hundred at random: each time the file is named, and it is well when restored."""
    dice = random.Random(2026)
    files = public_files(home)
    sizes = [path.stat().st_size for path in files]
    for number, path in enumerate(dice.choices(files, sizes, k=FLIPS)):
        data = flip(path, dice)
        name = path.relative_to(home).as_posix()
        if number < BY_COMMAND:
            status, report = answer(home)
            assert status == 1
            assert report["fault"]["place"].partition(":")[0] == name
        else:
            fault = verify_home(home).fault
            assert fault is not None, name
            assert fault.place.partition(":")[0] == name
        path.write_bytes(data)
    assert answer(home)[0] == 0


def test_command_says_what_is_wrong(home: Path) -> None:
    """As a process of its own: status 1, one line with the file on standard output."""
    (segment, *_) = sorted((home / "segments").rglob("*.parquet"))
    flip(segment, random.Random(1))
    done = ombud(home, "record", "verify")

    assert done.returncode == 1
    assert done.stdout.startswith(b"WRONG: segments/")
    assert done.stdout.count(b"\n") == 1


def is_stale(path: Path) -> bool:
    """Whether it is a partial tile that a wider one of the same place has replaced."""
    is_partial = path.parent.suffix == ".p"
    return is_partial and int(path.name) < max(int(other.name) for other in path.parent.iterdir())


def cut_off(path: Path) -> None:
    """Take the last byte away."""
    os.truncate(path, path.stat().st_size - 1)


def cut_half(path: Path) -> None:
    """Take half of it away."""
    os.truncate(path, path.stat().st_size // 2)


def add_byte(path: Path) -> None:
    """Add a byte."""
    with path.open("ab") as file:
        file.write(b"\0")


@pytest.mark.parametrize("damage", [Path.unlink, cut_off, cut_half, add_byte])
def test_every_file_that_is_shorter_longer_or_gone_is_named(
    whole: Path, home: Path, damage: Callable[[Path], None]
) -> None:
    """One after the other."""
    for path in public_files(home):
        damage(path)
        fault = verify_home(home).fault
        name = path.relative_to(home).as_posix()
        if damage is not Path.unlink or not is_stale(whole / name):
            assert fault is not None, name
            assert fault.place.partition(":")[0] == name
        shutil.copy2(whole / path.relative_to(home), path)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("UPDATE token SET scopes = '[\"admin\"]' WHERE name = 'first'", "scopes"),
        ("UPDATE token SET systems = '[]' WHERE name = 'second'", "systems"),
        ("UPDATE token SET hash = 'x' WHERE name = 'second'", "hash"),
        ("DELETE FROM token WHERE name = 'first'", "token"),
        (
            """
            CREATE TEMP TABLE copy AS SELECT * FROM token LIMIT 1;
            UPDATE copy SET id = 'forged'; INSERT INTO token SELECT * FROM copy;
            """,
            "forged",
        ),
        ("DROP TABLE token", "control"),
    ],
)
def test_edited_control_tables_are_named(
    home: Path, answer: Answer, statement: str, names: str
) -> None:
    """Nobody edits a token unseen; `reindex` makes the tables anew."""
    database = home / "index" / "control.sqlite"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(statement)
    status, report = answer(home)

    assert status == 1
    assert report["fault"]["place"] == "index/control.sqlite"
    assert names in report["fault"]["reason"]
    assert run(["reindex", "--home", str(home)]) == 0
    assert answer(home)[0] == 0


def test_garbage_is_no_control_database(home: Path, answer: Answer) -> None:
    """A file that is no database is named, too."""
    (home / "index" / "control.sqlite").write_bytes(b"no database" * 1000)
    status, report = answer(home)

    assert (status, report["fault"]["place"]) == (1, "index/control.sqlite")


def test_what_the_machine_refuses_is_status_3(
    home: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No permission is no proof of anything."""
    real = os.open

    def refusing(path: Any, *arguments: Any, **settings: Any) -> int:
        if Path(path).name == "checkpoint":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **settings)

    monkeypatch.setattr(os, "open", refusing)
    assert answer(home) == (3, {})


def test_no_home_and_no_record_are_status_1_or_3(tmp_path: Path, answer: Answer) -> None:
    """Where nothing is, nothing is good."""
    (tmp_path / "empty").mkdir()

    assert answer(tmp_path / "none")[0] != 0
    assert answer(tmp_path / "empty")[0] != 0
