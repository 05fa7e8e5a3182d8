"""Obligations on rows in memory: each mask, and what is no mask."""

from __future__ import annotations

from typing import Any

import pytest

from ombud.client.decision import Decision, Obligation
from ombud.client.obligations import apply_obligations, refuse_unknown


def with_mask(mask: Any) -> Decision:
    """Return a permit with one mask."""
    return Decision(permit=True, obligations=(Obligation("masks", {"masks": [mask]}),))


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        ({"kind": "redact"}, "Dee", "[redacted]"),
        ({"kind": "redact"}, 7, None),
        ({"kind": "null"}, "Dee", None),
        ({"kind": "constant", "value": "x"}, "Dee", "x"),
        ({"kind": "truncate", "size": 2}, "Dee", "De"),
        ({"kind": "truncate", "size": 3}, 12345, None),
        ({"kind": "bucket", "size": 10}, 117, 110),
        ({"kind": "bucket", "size": 10}, -1, -10),
        ({"kind": "bucket", "size": 10}, 19.9, 10),
        ({"kind": "bucket", "size": 10}, "117", None),
        ({"kind": "bucket", "size": 10}, float("nan"), None),
        ({"kind": "bucket", "size": 10}, True, None),
        ({"kind": "redact"}, None, None),
    ],
    ids=str,
)
def test_masks(mask: dict[str, Any], value: Any, shown: Any) -> None:
    """Each kind shows what the policy's words say; what is null stays null."""
    rows = [{"a": value, "b": "open"}, {"b": "open"}]
    decision = with_mask({"column": "a", **mask})

    assert refuse_unknown(decision, handles=(), applies=True) is decision
    assert apply_obligations(decision, rows) == [{"a": shown, "b": "open"}, {"b": "open"}]
    assert rows[0]["a"] is value


@pytest.mark.parametrize(
    "mask",
    [
        {"column": "a", "kind": "hash"},
        {"column": "a", "kind": "new"},
        {"column": "a"},
        {"kind": "redact"},
        {"column": 7, "kind": "redact"},
        {"column": "a", "kind": "truncate"},
        {"column": "a", "kind": "truncate", "size": 0},
        {"column": "a", "kind": "truncate", "size": True},
        {"column": "a", "kind": "bucket", "size": 0},
        "redact",
        None,
    ],
    ids=str,
)
def test_a_mask_that_is_not_known_denies(mask: Any) -> None:
    """A mask that would not be applied exactly is not applied at all."""
    assert not refuse_unknown(with_mask(mask), handles=(), applies=True).permit


@pytest.mark.parametrize(
    "obligation",
    [
        Obligation("masks"),
        Obligation("masks", {"masks": {}}),
        Obligation("max_rows"),
        Obligation("max_rows", {"count": "5"}),
        Obligation("max_rows", {"count": True}),
        Obligation("max_rows", {"count": -1}),
        Obligation("max_bytes", {"count": 5}),
    ],
    ids=str,
)
def test_parameters_that_are_none_deny(obligation: Obligation) -> None:
    """What cannot be read cannot be met."""
    decision = Decision(permit=True, obligations=(obligation,))

    assert not refuse_unknown(decision, handles=(), applies=True).permit
    assert refuse_unknown(decision, handles={obligation.id}, applies=True).permit


def test_a_denial_stays_as_it_is() -> None:
    """Its own reasons say more."""
    denial = Decision(permit=False, reasons=("no_grant",), obligations=(Obligation("new"),))

    assert refuse_unknown(denial, handles=()) is denial


def test_a_mask_holds_however_a_database_spells_its_column() -> None:
    """Some write names in capitals: what is masked is never shown for that."""
    decision = with_mask({"column": "Plate", "kind": "redact"})

    assert apply_obligations(decision, [{"PLATE": "AB1", "plate": "AB2", "n": 1}]) == [
        {"PLATE": "[redacted]", "plate": "[redacted]", "n": 1}
    ]
