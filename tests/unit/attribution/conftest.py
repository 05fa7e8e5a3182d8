"""What every test of attribution asks for."""

from __future__ import annotations

import pytest

from doubles.clinic import CLINIC
from ombud.attribution.statements import Statements


@pytest.fixture
def statements() -> Statements:
    """Return a reader of the clinic's statements that has seen none."""
    return Statements(CLINIC)
