"""What tests of every folder share: the vectors, a fixed clock, a home of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
FIXED_NOW_MS = 1_795_305_600_000  # 2026-11-22T00:00:00Z


@pytest.fixture(scope="session")
def vectors() -> Path:
    """Return the folder of published test vectors, which stands beside the repository."""
    named = os.environ.get("OMBUD_VECTORS")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "vectors"
    if not folder.is_dir():
        pytest.skip("no published vectors: put them in ../shared/vectors or set OMBUD_VECTORS")
    return folder


@pytest.fixture
def now_ms() -> int:
    """Return the time it always is in tests, in milliseconds since the epoch."""
    return FIXED_NOW_MS


@pytest.fixture(scope="session", autouse=True)
def _user_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what commands keep for their user out of the folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty home, also named by the environment, as a command would find it."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("OMBUD_HOME", str(folder))
    return folder
