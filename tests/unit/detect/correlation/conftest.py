"""Correlations of a few lines of YAML, and matches of rules that need no events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import yaml

from ombud.detect.correlation.model import Correlation, RuleMatch
from ombud.detect.correlation.parsing import parse_correlation


def correlation_of(section: str, rule_id: str = "it") -> Correlation:
    """Return a correlation by its section, as YAML in flow style."""
    document = {"title": "t", "id": rule_id, "correlation": yaml.safe_load(section)}
    return parse_correlation(document, path="t.yml")


def match_of(
    rule_id: str, index: int, time: int, *, recorded: int | None = None, **fields: Any
) -> RuleMatch:
    """Return a match of an event whose fields have one value, or those of a list."""
    values: dict[str, Sequence[Any]] = {
        name: value if isinstance(value, list) else [value] for name, value in fields.items()
    }
    return RuleMatch(
        rule_id,
        index,
        time,
        time if recorded is None else recorded,
        lambda name: values.get(name, ()),
    )


@pytest.fixture(scope="session")
def correlation() -> Callable[..., Correlation]:
    """Return a function from a section `correlation` to what it means."""
    return correlation_of


@pytest.fixture(scope="session")
def match() -> Callable[..., RuleMatch]:
    """Return a function that makes a match of a rule."""
    return match_of
