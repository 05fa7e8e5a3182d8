"""The leaf entry is 43 bytes, fixed for ever by golden files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ombud.core.commitment import (
    LEAF_ENTRY_SIZE,
    commit,
    group_digest,
    leaf_entry,
    parse_leaf_entry,
)
from ombud.tlog.merkle import leaf_hash

GOLDEN = Path(__file__).parents[2] / "golden" / "leaf-entries-v1.json"
CASES = json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_leaf_entry_is_that_of_the_golden_file(case: dict[str, object]) -> None:
    """From the same groups, salts, class and time, the same 43 bytes."""
    salts = [bytes.fromhex(text) for text in case["salts"]]  # type: ignore[attr-defined]
    groups = [bytes.fromhex(text) for text in case["groups"]]  # type: ignore[attr-defined]
    digests = [group_digest(salts[n], n + 1, groups[n]) for n in range(4)]
    entry = leaf_entry(case["class_uid"], case["unix_ms"], commit(digests))  # type: ignore[arg-type]

    assert [digest.hex() for digest in digests] == case["digests"]
    assert entry.hex() == case["entry"]
    assert leaf_hash(entry).hex() == case["leaf_hash"]
    assert len(entry) == LEAF_ENTRY_SIZE
    assert parse_leaf_entry(entry) == (case["class_uid"], case["unix_ms"], commit(digests))


@pytest.mark.parametrize("entry", [b"", bytes(43), b"\x01" + bytes(41), b"\x01" + bytes(43)])
def test_anything_else_is_not_a_leaf_entry(entry: bytes) -> None:
    """Length and version are exact."""
    with pytest.raises(ValueError, match="not a leaf entry"):
        parse_leaf_entry(entry)
