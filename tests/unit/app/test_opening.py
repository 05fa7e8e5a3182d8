"""The door to a home: what it costs to begin, and what is said when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ombud.app.opening import open_door
from ombud.core.errors import Unavailable

ASKING = ("search", "sessions", "session", "who", "alerts", "token")
HOLDING = ("duckdb", "pyarrow", "numpy", "sqlalchemy", "sigma", "fastapi", "cryptography")
SEEN = f"""
import sys
{"; ".join(f"import ombud.cli.{name}" for name in ASKING)}
print(sorted(set({HOLDING!r}) & set(sys.modules)))
"""


def test_asking_a_running_home_loads_nothing_that_holds_one() -> None:
    """A command starts fast: the engines are loaded only to open a home here."""
    done = subprocess.run(
        [sys.executable, "-c", SEEN], check=True, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_no_home(tmp_path: Path, kind: str) -> None:
    """Without a home it is said where it was looked for and what makes one."""
    home = tmp_path / "home"
    if kind == "a file":
        home.touch()

    with pytest.raises(Unavailable) as refused, open_door(home):
        pass

    assert str(home) in refused.value.message
    assert "OMBUD_HOME" in refused.value.hint
