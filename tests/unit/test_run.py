"""The bootstrap: what it says when it cannot go on, and that a second start is only a hand-over."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
START = "import runpy, sys; {first}; sys.argv = {words!r}; runpy.run_path({run!r})"


def start(checkout: Path, *words: str, first: str = "pass") -> subprocess.CompletedProcess[str]:
    """Start `run` of a checkout from another folder, after some lines of Python."""
    run = str(checkout / "run")
    code = START.format(first=first, words=[run, *words], run=run)
    return subprocess.run(
        [sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with what `run` reads and nothing else."""
    for name in ("run", "pyproject.toml", "constraints.txt"):
        shutil.copy2(REPOSITORY / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("first", "said"),
    [
        pytest.param(
            "sys.modules['ensurepip'] = None", "apt-get install python3-venv", id="no venv"
        ),
        pytest.param("sys.version_info = (3, 10)", "install python3.11", id="too old"),
    ],
)
def test_what_is_missing_is_named(checkout: Path, first: str, said: str) -> None:
    """A missing part is named with its package, nothing is left behind, the status is 3."""
    done = start(checkout, "demo", first=first)

    assert done.returncode == 3
    assert said in done.stderr
    assert not (checkout / ".venv").exists()


def test_failed_set_up_is_not_taken_for_done(checkout: Path) -> None:
    """What pip refused leaves no stamp, so that the next start tries again."""
    (checkout / "constraints.txt").write_text("not a requirement\n", encoding="utf-8")

    done = start(checkout, "demo")

    assert done.returncode == 3
    assert "could not set up" in done.stderr
    assert not (checkout / ".venv" / "stamp").exists()
