"""Ingesting: a delivery is no larger than its body, and many bad ones cost no more each."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.quarantine import Quarantine
from ombud.config.settings import Settings
from ombud.services.ingesting import Ingesting


@pytest.fixture
def ingesting(home: Path) -> Ingesting:
    """Return the ways into an empty home."""
    return Ingesting(
        appender=MemoryRecord(),  # type: ignore[arg-type]
        home=home,
        quarantine_folder=home / "quarantine",
        settings=Settings(),
    )


def test_gzip_within_a_body_is_not_unpacked(ingesting: Ingesting, home: Path) -> None:
    """The bound of a body was its size as it came: what it might grow to was never counted."""
    bomb = gzip.compress(b'{"class_uid":6003}\n' * 100_000)

    result = ingesting.deliver("ocsf", iter([bomb]))

    assert result.recorded == 0
    assert result.read == result.quarantined
    assert sum(item.size for item in Quarantine(home / "quarantine").items()) <= len(bomb)


def test_quarantine_is_read_once(ingesting: Ingesting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery with a bad line does not read again what lies in quarantine."""
    read: list[int] = []
    rows = Quarantine._rows

    def counted(self: Quarantine, start: int = 0) -> object:
        read.append(start)
        return rows(self, start)

    monkeypatch.setattr(Quarantine, "_rows", counted)
    for number in range(5):
        assert ingesting.deliver("ocsf", iter([b"bad %d\n" % number])).quarantined == 1
    assert read == sorted(set(read))
