"""Silence and gaps: told once, and known again after a restart."""

from __future__ import annotations

from ombud.collect.cloudtrail import CloudTrail
from ombud.collect.health import Health
from ombud.collect.pgaudit import PgAudit
from ombud.core.event import Event

HOUR = 3_600_000
TRAIL, POSTGRES = CloudTrail(), PgAudit()


def numbered(number: int, session: str = "s") -> Event:
    """Return an event with a sequence number."""
    return Event(time=0, source=POSTGRES.kind, action="read", sequence=number, session_id=session)


def test_silence_is_told_once() -> None:
    """A source that falls silent is told once, and again only after it spoke."""
    health = Health()
    health.expect(TRAIL, now_ms=0)
    health.expect(POSTGRES, now_ms=0)  # Without a heartbeat it may be silent.

    assert health.silences(now_ms=HOUR) == []
    (silence,) = health.silences(now_ms=HOUR + 1)
    assert (silence.source, silence.operation) == ("ombud.collect", "source.silence")
    assert (silence.action, silence.resource_system) == ("other", "aws.cloudtrail")
    assert health.silences(now_ms=5 * HOUR) == []

    health.saw(TRAIL, now_ms=6 * HOUR)
    assert len(health.silences(now_ms=8 * HOUR)) == 1


def test_gaps_within_each_session() -> None:
    """Numbers are counted in each session; going back begins anew and is no gap."""
    health = Health()
    found = []
    for number, session in [(5, "a"), (6, "a"), (9, "a"), (1, "b"), (9, "a"), (2, "b"), (1, "a"),
                            (4, "a")]:  # fmt: skip
        gap = health.number(POSTGRES, numbered(number, session), now_ms=7)
        if gap is not None and gap.attributes is not None:
            found.append(
                (gap.attributes["stream"], gap.attributes["expected"], gap.attributes["got"])
            )

    assert found == [("a", 7, 9), ("a", 2, 4)]


def test_event_without_a_number() -> None:
    """An event without a number says nothing."""
    health = Health()
    event = Event(time=0, source=POSTGRES.kind, action="read")

    assert health.number(POSTGRES, event, now_ms=0) is None


def test_restart_tells_nothing_twice() -> None:
    """From a snapshot no finding is told again; without one it has the same bytes and id."""
    health = Health()
    health.expect(TRAIL, now_ms=0)
    first = health.silences(now_ms=2 * HOUR)
    health.number(POSTGRES, numbered(1), now_ms=0)

    restored = Health()
    restored.restore(health.snapshot())
    assert restored.silences(now_ms=3 * HOUR) == []
    assert restored.number(POSTGRES, numbered(2), now_ms=0) is None
    assert restored.number(POSTGRES, numbered(4), now_ms=0) is not None

    forgetful = Health()
    forgetful.expect(TRAIL, now_ms=0)
    (again,) = forgetful.silences(now_ms=3 * HOUR)
    assert (again.native_id, again.raw) == (first[0].native_id, first[0].raw)


def test_streams_are_bounded(monkeypatch: object) -> None:
    """The numbers of sessions long gone are let go."""
    health = Health()
    for number in range(10_050):
        health.number(POSTGRES, numbered(1, str(number)), now_ms=0)

    assert len(health._numbers) == 10_000
