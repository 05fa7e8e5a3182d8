"""The page on policy files: its examples are policies, and it leaves out no key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ombud.access.condition import parse_condition
from ombud.access.condition_types import ATTRIBUTE_TYPES, BUILT_IN
from ombud.access.model import Attributes, CheckpointKind, MaskKind
from ombud.config import policy_datasets, policy_files, policy_purposes, policy_rules
from ombud.config.policy_files import read_policy

PAGE = Path(__file__).resolve().parents[3] / "docs" / "policy.md"
TEXT = PAGE.read_text(encoding="utf-8")
KEYS = sorted({
    *policy_files.KEYS, *policy_purposes.PURPOSE, *policy_purposes.LINE, *policy_purposes.MASK,
    *policy_purposes.BREAK_GLASS, *policy_rules.AUDIENCE, *policy_rules.APPROVAL,
    *policy_rules.LIMITS, *policy_rules.PROHIBITION, *policy_rules.CHECKPOINT, *policy_rules.TERMS,
    *policy_rules.REASON_CODE, *policy_datasets.DATASET, *policy_datasets.COLUMN,
    *policy_datasets.ATTRIBUTES, *policy_datasets.COLUMN_TYPES, *ATTRIBUTE_TYPES,
    *(kind.value for kind in MaskKind), *(kind.value for kind in CheckpointKind),
    *(f"{root}.{name}" for root, names in BUILT_IN.items() for name in names),
})  # fmt: skip


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
def test_an_example_is_a_policy(text: str) -> None:
    """What somebody copies from the page is without fault."""
    assert [str(fault) for fault in read_policy({"page.yaml": text})[1]] == []


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_on_the_page(key: str) -> None:
    """Every key, type, kind and built-in attribute is named."""
    assert re.search(rf"`[^`]*(?<![\w.]){re.escape(key)}(?![\w])[^`]*`", TEXT), key


def test_the_conditions_of_the_page_are_conditions() -> None:
    """Each line of the example is read and checked."""
    block = re.search(r"```\n(actor\.cleared.*?)```", TEXT, re.DOTALL)
    declared = Attributes(
        actor={"cleared": "bool"},
        resource={"status": "string", "opened": "timestamp"},
        context={"case": "string"},
    )

    assert block is not None
    for line in block[1].splitlines():
        assert parse_condition(line, attributes=declared).names
