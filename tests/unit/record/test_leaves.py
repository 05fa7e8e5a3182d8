"""Leaves: the fast loop makes what the definition makes."""

from __future__ import annotations

import os

import pytest

from doubles.record_batches import START_MS, batch_of, make_batch, make_event
from ombud.core.batch import Batch
from ombud.core.commitment import commit, group_digest, leaf_entry
from ombud.record.leaves import make_leaves
from ombud.tlog.merkle import leaf_hash


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(batch_of(0, 1), id="one event"),
        pytest.param(batch_of(7, 40), id="many events"),
        pytest.param(
            make_batch([make_event(0, class_uid=None), make_event(1, class_uid=3002)]),
            id="several classes",
        ),
        pytest.param(make_batch([make_event(0, raw=b"")]), id="empty original"),
        pytest.param(make_batch([make_event(0, raw=os.urandom(70_000))]), id="large original"),
        pytest.param(make_batch([make_event(0, subjects=(("person", "dee"),))]), id="data subject"),
    ],
)
def test_leaves_are_those_of_the_definition(batch: Batch) -> None:
    """Entry and hash are what `core.commitment` and RFC 6962 define, one by one."""
    salts = os.urandom(64 * batch.count)

    entries, hashes = make_leaves(batch, salts, START_MS)

    for row in range(batch.count):
        own = [salts[64 * row + 16 * group :][:16] for group in range(4)]
        digests = [
            group_digest(own[group], group + 1, batch.group(group + 1, row)) for group in range(4)
        ]
        expected = leaf_entry(batch.classes[row], START_MS, commit(digests))
        assert entries[row] == expected
        assert hashes[row] == leaf_hash(expected)
    assert len(entries) == len(hashes) == batch.count
