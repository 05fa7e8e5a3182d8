"""Telling: one sentence for every type, with what the author may name and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.core.errors import RuleError
from ombud.detect.correlation.model import Correlation, CorrelationMatch
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.correlation.telling import check_telling, sentence_of, span_text

TITLES = {"a": "Failed logon", "b": "Logon"}


def correlation(kind: str, *, ombud: Any = None, **section: Any) -> Correlation:
    """Return a correlation over two rules, grouped by host."""
    values = {"rules": ["a", "b"], "group-by": ["host"], "timespan": "5m", **section}
    document = {"title": "T", "correlation": {"type": kind, **values}, "ombud": ombud}
    return parse_correlation(document, path="t.yml")


def match(value: float, *, count: int = 7, host: str = "gate") -> CorrelationMatch:
    """Return what was found in the group of one host."""
    return CorrelationMatch("t", (("host", host),), (1, 2), count, 0, 9, value, 2, 9)


@pytest.mark.parametrize(
    ("kind", "condition", "value", "sentence"),
    [
        ("event_count", {"gte": 7}, 7, "7 matches of Failed logon or Logon in 5 minutes"),
        ("event_count", {"lt": 2}, 1, "1 match of Failed logon or Logon in 5 minutes"),
        (
            "value_count",
            {"field": "user", "gte": 3},
            3,
            "3 values of user in matches of Failed logon or Logon in 5 minutes",
        ),
        ("temporal", None, 2, "within 5 minutes: Failed logon, Logon"),
        ("temporal_ordered", None, 2, "within 5 minutes, in this order: Failed logon, Logon"),
        (
            "value_sum",
            {"field": "rows", "gt": 5},
            12.5,
            "the sum of rows was 12.5 over 7 matches of Failed logon or Logon in 5 minutes",
        ),
        (
            "value_avg",
            {"field": "rows", "gt": 5},
            1 / 3,
            "the average of rows was 0.333333 over 7 matches of Failed logon or Logon in 5 minutes",
        ),
        (
            "value_median",
            {"field": "rows", "gt": 5},
            6,
            "the median of rows was 6 over 7 matches of Failed logon or Logon in 5 minutes",
        ),
    ],
)
def test_default_sentence(kind: str, condition: Any, value: float, sentence: str) -> None:
    """Each type says what was reached, of which rules, in which time."""
    section = {} if condition is None else {"condition": condition}
    assert sentence_of(correlation(kind, **section), match(value), TITLES) == sentence


def test_own_sentence() -> None:
    """`explain` is filled in with the group, the count and the value; values are only text."""
    one = correlation(
        "event_count",
        condition={"gte": 3},
        ombud={"explain": "{count} tries on {host}, {value} at once"},
    )
    check_telling(one)

    assert sentence_of(one, match(3, host="{count}"), TITLES) == "7 tries on {count}, 3 at once"


@pytest.mark.parametrize(
    ("ombud", "reason"),
    [
        ({"explain": "{user} did it"}, "`explain` names `user`: it may name count, value"),
        ({"group_by": ["host", "user"]}, "`ombud.group_by` names `user`: here only"),
    ],
)
def test_what_no_match_tells_is_refused(ombud: dict[str, Any], reason: str) -> None:
    """A sentence names only what is known of a whole group."""
    with pytest.raises(RuleError, match=reason):
        check_telling(correlation("event_count", condition={"gte": 3}, ombud=ombud))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1 second"), (90, "90 seconds"), (60, "1 minute"), (3600, "1 hour"), (172_800, "2 days")],
)
def test_timespans(seconds: int, text: str) -> None:
    """A timespan is told in the largest unit that fits."""
    assert span_text(seconds * 1000) == text
