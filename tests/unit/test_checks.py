"""The checks: linter, formatter, types and layers are tests, so that one summary tells all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "--quiet"], id="ruff check"),
        pytest.param(["ruff", "format", "--check", "--quiet"], id="ruff format"),
        pytest.param(["mypy", "--no-error-summary"], id="mypy"),
        pytest.param(["lint-imports", "--no-logo"], id="import-linter"),
    ],
)
def test_check_finds_nothing(command: list[str]) -> None:
    """Each check of the code passes; what it says otherwise is shown."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )

    assert done.returncode == 0, done.stdout + done.stderr
