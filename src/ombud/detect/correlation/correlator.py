"""Correlator: matches of rules in, matches of correlations out, by nothing but log time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ombud.detect.correlation.model import Correlation, CorrelationMatch, Counters, RuleMatch

LATENESS_MS = 3_600_000  # How much later than its neighbours an event may be recorded.


class Correlator:
    """Puts matches to correlations as `link` returned them; one owner, fed in log order."""

    def __init__(
        self, correlations: Sequence[Correlation], *, lateness_ms: int = LATENESS_MS
    ) -> None:
        self.correlations = tuple(correlations)
        self._lateness_ms = lateness_ms

    @property
    def counters(self) -> Mapping[str, Counters]:
        """What each correlation has seen, by its id."""
        raise NotImplementedError

    def feed(self, matches: Sequence[RuleMatch]) -> list[CorrelationMatch]:
        """Take matches in ascending order of index; all of one event in one call."""
        raise NotImplementedError

    def advance(self, log_time: int) -> list[CorrelationMatch]:
        """Say that every match recorded before `log_time` was given; returns what that settles.

        To be called after each `feed` with the time of recording of the last event of
        the batch, matched or not.
        """
        raise NotImplementedError

    def snapshot(self) -> bytes:
        """Return the whole state; the same history gives the same bytes."""
        raise NotImplementedError

    @classmethod
    def restore(
        cls,
        correlations: Sequence[Correlation],
        state: bytes,
        *,
        lateness_ms: int = LATENESS_MS,
    ) -> Correlator:
        """Return the correlator as `snapshot` left it; what changed since begins anew.

        Raises `InputError` if the bytes are no such state.
        """
        raise NotImplementedError
