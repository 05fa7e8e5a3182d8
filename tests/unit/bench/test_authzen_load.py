"""Load: what asks and counts, with `wrk` and without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ombud.bench.authzen import bare
from ombud.bench.authzen_load import Load, run_load
from ombud.core.errors import Unavailable

CORE = 0


@pytest.mark.parametrize("has_wrk", [True, False])
def test_answers_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_wrk: bool
) -> None:
    """And what is not an answer of 200 is told."""
    if has_wrk and shutil.which("wrk") is None:
        pytest.skip("no wrk here")
    if not has_wrk:
        monkeypatch.setattr(shutil, "which", lambda _: None)
    with bare(CORE) as (address, _):
        told = run_load(Load(address, "/", "t", b"{}", 2, 1.0, None), tmp_path)
        with pytest.raises(Unavailable):
            run_load(Load(address, "/", "t", b"no JSON", 2, 1.0, None), tmp_path)

    assert told.answers > 0
    assert told.per_second == pytest.approx(told.answers / told.seconds)
    assert 0 < told.p50_ms <= told.p99_ms
    assert told.client == ("wrk" if has_wrk else "own client")
