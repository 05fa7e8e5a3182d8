"""Another program beside ours: what is run, what is read of it, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ombud.bench.zircolite import Zircolite
from ombud.core.errors import InputError, Unavailable

# Stands for the program: says how it was called, and writes what it would have found.
PROGRAM = """
import json, sys
words = sys.argv[1:]
out = words[words.index("-o") + 1]
if "fail.ndjson" in words[words.index("-e") + 1]:
    sys.exit("no memory")
found = [{"id": "a", "count": 3}, {"id": "b", "count": 0}]
open(out, "w").write(json.dumps(found))
open("words.json", "w").write(json.dumps(words))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder that looks like a checkout."""
    folder = tmp_path / "checkout"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "config.yaml").touch()
    (folder / "zircolite.py").write_text(PROGRAM)
    return folder


def test_matches_and_cost_are_read(checkout: Path, tmp_path: Path) -> None:
    """It is given rules and events by path, writes elsewhere, and its cost is measured."""
    work = tmp_path / "work"
    before = sorted(checkout.rglob("*"))

    told = Zircolite(checkout, Path(sys.executable)).run(
        [Path("/rules/a"), Path("/rules/b")], tmp_path / "events.ndjson", work=work
    )

    words = (work / "words.json").read_text()
    assert told.matches == {"a": 3}
    assert told.wall > 0
    assert told.cpu >= 0
    assert '"-r", "/rules/a", "/rules/b"' in words
    assert sorted(checkout.rglob("*")) == before
    assert not (work / "detected.json").exists()


def test_failure_is_told(checkout: Path, tmp_path: Path) -> None:
    """A run that fails is no figure."""
    program = Zircolite(checkout, Path(sys.executable))

    with pytest.raises(Unavailable, match="status 1: no memory"):
        program.run([], tmp_path / "fail.ndjson", work=tmp_path / "work")


def test_folder_that_is_no_checkout_is_refused(checkout: Path, tmp_path: Path) -> None:
    """What is missing is named before anything runs."""
    with pytest.raises(InputError, match=r"is no checkout of Zircolite"):
        Zircolite(tmp_path)
    with pytest.raises(InputError, match=r"there is no Python at"):
        Zircolite(checkout)
