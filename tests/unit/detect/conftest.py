"""Rules and records for tests: the shortest way from a detection or an event to either."""

from __future__ import annotations

import textwrap
from array import array
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.event import Event
from ombud.detect.rule import Refusal, Rule, parse_rules

HEAD = "title: T\nid: t\nlogsource: {product: test}\n"
NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z


def document_of(detection: str, head: str = HEAD) -> str:
    """Return the YAML of a rule; a detection without a condition is one selection."""
    body = textwrap.dedent(detection).strip("\n")
    if "condition:" not in body:
        body = f"s:\n{textwrap.indent(body, '  ')}\ncondition: s"
    return f"{head}detection:\n{textwrap.indent(body, '  ')}\n"


@pytest.fixture(scope="session")
def rule_of() -> Callable[..., Rule]:
    """Return a function from a detection to its rule, which must not be refused."""

    def build(detection: str, *, head: str = HEAD, **options: Any) -> Rule:
        rules, refusals = parse_rules(document_of(detection, head), path="t.yml", **options)
        assert not refusals, refusals
        return rules[0]

    return build


@pytest.fixture(scope="session")
def refusal_of() -> Callable[..., Refusal]:
    """Return a function from a detection to why its rule is refused."""

    def build(detection: str, *, head: str = HEAD) -> Refusal:
        rules, refusals = parse_rules(document_of(detection, head), path="t.yml")
        assert not rules
        return refusals[0]

    return build


@pytest.fixture(scope="session")
def does_match(rule_of: Callable[..., Rule]) -> Callable[..., bool]:
    """Return a function from a detection and an event to whether it matches.

    Both forms of the rule, plain and compiled, must say the same.
    """

    def decide(detection: str, event: dict[str, Any], **options: Any) -> bool:
        rule = rule_of(detection, **options)
        plain = rule.tree.is_match(event)
        assert rule.matches(event) is plain
        return plain

    return decide


@pytest.fixture(scope="session")
def committed_of() -> Callable[..., Committed]:
    """Return a function from events to the stretch of the record that holds them."""

    def build(
        events: Sequence[Event], *, first_index: int = 0, recorded: Sequence[int] | None = None
    ) -> Committed:
        builder = BatchBuilder()
        for event in events:
            builder.add(event)
        batch = builder.take()
        times = array("q", recorded or [event.time for event in events])
        return Committed(first_index, batch.count, times, batch.offsets, batch.blobs)

    return build


@pytest.fixture(scope="session")
def act() -> Callable[..., Event]:
    """Return a function that makes an act of Ana's at noon, but for what is given."""

    def build(**fields: Any) -> Event:
        values = {"time": NOON, "source": "county.records", "action": "read", "actor_id": "ana"}
        return Event(**{**values, "raw": b"{}", **fields})

    return build
