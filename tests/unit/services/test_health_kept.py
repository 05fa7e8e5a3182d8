"""What is known of sources outlives a restart, and a damaged memory of it does no harm."""

from __future__ import annotations

from pathlib import Path

from ombud.collect.health import Health
from ombud.collect.sources import get_source
from ombud.core.event import Event
from ombud.services.ingesting import load_health, save_health


def _numbered(number: int) -> Event:
    return Event(time=1, source="postgres.pgaudit", action="read", session_id="s", sequence=number)


def test_gap_across_a_restart(tmp_path: Path) -> None:
    """Numbers that were lost while nothing ran are missed after the restart."""
    source = get_source("postgres.pgaudit")
    before = load_health(tmp_path)
    before.number(source, _numbered(7), now_ms=1)
    save_health(tmp_path, before)

    gap = load_health(tmp_path).number(source, _numbered(12), now_ms=2)

    assert gap is not None
    assert gap.attributes is not None
    assert gap.attributes["missing"] == 4


def test_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    """Bytes that are no snapshot are as good as none."""
    save_health(tmp_path, Health())
    (tmp_path / "positions" / "health.state").write_bytes(b"\x00[")

    assert load_health(tmp_path).silences(now_ms=10**15) == []
