"""State: bytes that follow from the history, and bytes that nobody should have written."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.core.errors import InputError
from ombud.detect.correlation.correlator import Correlator
from ombud.detect.correlation.model import Correlation, RuleMatch

Build = Callable[..., Correlation]
Make = Callable[..., RuleMatch]

T = 1_800_000_000_000
SECTIONS = [
    "{type: event_count, rules: [a], group-by: [user], timespan: 1m, condition: {gte: 3}}",
    "{type: value_count, rules: [a], group-by: [user], timespan: 1m, condition: {lt: 9, field: f}}",
    "{type: temporal, group-by: [user], timespan: 1m, condition: a and not b}",
    "{type: value_median, rules: [a], timespan: 1m, condition: {gt: 9, field: n}}",
]


@pytest.fixture(scope="module")
def filled(correlation: Build, match: Make) -> tuple[list[Correlation], bytes]:
    """Return correlations of every kind of entry, and a state that has some of each."""
    correlations = [correlation(section, f"c{n}") for n, section in enumerate(SECTIONS)]
    correlator = Correlator(correlations)
    correlator.feed(
        [
            match("ab"[n % 7 == 6], n, T + n * 999, user=f"u{n % 3}", f=f"v{n}", n=n / 4)
            for n in range(40)
        ]
    )
    return correlations, correlator.snapshot()


def test_state_is_read_back(filled: tuple[list[Correlation], bytes]) -> None:
    """The same bytes come out that went in."""
    correlations, state = filled

    assert Correlator.restore(correlations, state).snapshot() == state


def test_order_of_correlations_does_not_matter_to_each(
    filled: tuple[list[Correlation], bytes],
) -> None:
    """Each finds its own; one that is new, or of another version, begins anew."""
    correlations, state = filled
    reversed_ones = Correlator.restore(correlations[::-1], state)
    some = Correlator.restore(correlations[1:], state)
    again = Correlator.restore(correlations, state, lateness_ms=1)

    assert reversed_ones.group_count == Correlator.restore(correlations, state).group_count
    assert 0 < some.group_count < reversed_ones.group_count
    assert again.group_count == 0


def test_every_truncation_is_refused(filled: tuple[list[Correlation], bytes]) -> None:
    """Half a state is no state."""
    correlations, state = filled
    for length in range(len(state)):
        with pytest.raises(InputError):
            Correlator.restore(correlations, state[:length])


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_are_refused_or_harmless(
    filled: tuple[list[Correlation], bytes], match: Make, data: st.DataObject
) -> None:
    """A state with bytes changed is refused, or is one that works."""
    correlations, state = filled
    damaged = bytearray(state)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(state) - 1))] = data.draw(st.integers(0, 255))
    try:
        correlator = Correlator.restore(correlations, bytes(damaged))
    except InputError:
        return
    time = max(T, correlator.time)
    matches = [
        match(rule_id, 1 << 60, time, user=f"u{n}", f="v", n=1)
        for n in range(3)
        for rule_id in "ab"
    ]
    correlator.feed(matches)
    correlator.advance(time + 10**8)
    correlator.snapshot()


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"\xc0",
        b"{}",
        msgspec.msgpack.encode([2, 0, 0, [], []]),
        msgspec.msgpack.encode([1, -1, 0, [], []]),
        msgspec.msgpack.encode([1, 1 << 60, 0, [], []]),
        msgspec.msgpack.encode([1, 0, 0, [1], []]),
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 5000,
    ],
)
def test_hostile_bytes_are_refused(state: bytes, filled: tuple[list[Correlation], bytes]) -> None:
    """Another version, another shape, a promise of four thousand million entries."""
    with pytest.raises(InputError, match="correlation state"):
        Correlator.restore(filled[0], state)
