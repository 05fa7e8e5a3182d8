"""Policy tables: what an event says of a policy stands whole, or is a fault that names it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.errors import OmbudError, TamperError, Unavailable
from ombud.core.event import Event
from ombud.store import policy_texts
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL
from ombud.store.policy_texts import CHUNK_SIZE, hash_texts, join_texts, split_texts

T0 = 1_795_305_600_000
FILES = {"a.yaml": "purposes: {}\n"}


def said(operation: str, *, by: str = "ana", **attributes: Any) -> Event:
    """Return a control event."""
    return Event(
        time=T0,
        source=CONTROL,
        action="configure",
        operation=operation,
        actor_id=by,
        attributes=attributes,
        raw=b"{}",
    )


def texts(policy: str, number: int = 0) -> Event:
    """Return the event that carries texts."""
    return said("policy.files", policy=policy, number=number)


def version(operation: str, policy: str, **other: Any) -> Event:
    """Return the event that closes a version."""
    told = {"version": "v", "sha256": "s", "files": {"a.yaml": 3}, "chunk_count": 1, "base": 0}
    return said(operation, policy=policy, **{**told, **other})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ControlStore]:
    """Return an empty store."""
    opened = ControlStore.open(tmp_path / "control.sqlite")
    yield opened
    opened.close()


def committed(events: list[Event], first: int = 1) -> Committed:
    """Return events as the record gives them to its readers; a home begins with a setting."""
    builder = BatchBuilder()
    for each in events:
        builder.add(each)
    batch = builder.take()
    return Committed(first, batch.count, array("q", [T0] * batch.count), batch.offsets, batch.blobs)


PROPOSED = [
    texts("one"),
    version("policy.applied", "one", alone="first"),  # Event 2.
    texts("two"),
    version("policy.proposed", "two", base=2, quorum=1),
]


@pytest.mark.parametrize(
    ("more", "fault", "in_force"),
    [
        pytest.param([], None, "one", id="proposed"),
        pytest.param(
            [said("policy.confirmed", policy="two", by="ben"),
             said("policy.applied", policy="two", proposed=True, by="ben")],
            None, "two", id="confirmed",
        ),
        pytest.param(
            [said("policy.applied", policy="two", proposed=True)],
            "lacks confirmations: it needs 1", "one", id="not confirmed",
        ),
        pytest.param(
            [said("policy.refused", policy="two"),
             said("policy.confirmed", policy="two", by="ben")],
            "no policy `two` is proposed", "one", id="refused",
        ),
        pytest.param(
            [texts("six"), version("policy.applied", "six", base=2),
             said("policy.confirmed", policy="two", by="ben"),
             said("policy.applied", policy="two", proposed=True)],
            "compared with the policy of event 2, and that of 6 is in force", "six",
            id="overtaken",
        ),
        pytest.param([version("policy.applied", "six", base=2)], "0 of 1 chunks", "one",
                     id="not what Ombud writes"),
        pytest.param(
            [texts("six", 1), version("policy.applied", "six", base=2)], "1 of 1 chunks", "one",
            id="texts in part",
        ),
        pytest.param([texts("two", 1)], "is closed and takes no more files", "one", id="closed"),
        pytest.param([version("policy.applied", "one", base=2)], "is there already", "one",
                     id="twice"),
        pytest.param(
            [texts("six"), version("policy.applied", "six", base=7)], "that of 2 is in force",
            "one", id="other base",
        ),
        pytest.param([said("policy.applied", policy="six", proposed=True)], "no policy `six`",
                     "one", id="unknown"),
        pytest.param([said("policy.applied", policy="one", proposed=True)], "no policy `one` is",
                     "one", id="in force already"),
        pytest.param([said("policy.refused", policy="one")], "no policy `one` is", "one",
                     id="refused in force"),
        pytest.param([said("policy.applied", policy=7)], "Expected `str`", "one", id="malformed"),
        pytest.param([said("policy.applied", policy="six")], "missing required field", "one",
                     id="lacking"),
    ],
)  # fmt: skip
def test_what_cannot_stand_is_a_fault(
    store: ControlStore, more: list[Event], fault: str | None, in_force: str
) -> None:
    """The policy in force is another one only when everything is as it must be."""
    batch = committed([*PROPOSED, *more])
    store.apply(batch)
    faults = list(store.faults().values())

    assert (fault is None) == (not faults)
    assert fault is None or fault in faults[0]
    row = store.policies.in_force()
    assert row is not None
    assert row.id == in_force
    assert store.policies.stamp() == row.event_index
    assert store.compare([batch]) is None


def test_stamp_follows_each_change(store: ControlStore) -> None:
    """What is kept in memory is never that of before."""
    assert (store.policies.stamp(), store.changes) == (0, 0)
    store.apply(committed(PROPOSED))
    assert store.policies.stamp() == 2
    assert store.changes == 1
    store.rebuild([committed(PROPOSED)])
    assert store.policies.stamp() == 2


NAMES = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=1, max_size=9)


@given(
    files=st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
    size=st.integers(1, 40),
)
@settings(max_examples=150)
def test_texts_come_back_as_they_were(files: dict[str, str], size: int) -> None:
    """Cut into events of any size, in whatever order they were given."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(policy_texts, "CHUNK_SIZE", size)
        originals = list(split_texts("p", files))
    events = [
        msgspec.structs.replace(texts("p", number), raw=raw) for number, raw in enumerate(originals)
    ]
    turned = dict(reversed(files.items()))

    assert join_texts(events, policy="p", sha256=hash_texts(turned)) == files


def test_an_event_takes_the_worst_text() -> None:
    """A chunk of what JSON writes longest still fits an original of 16 MB."""
    (first, *_) = split_texts("p", {"a": "\x01" * CHUNK_SIZE})

    assert len(first) < 16 << 20


@pytest.mark.parametrize(
    ("raw", "kind", "said_"),
    [
        (b"", Unavailable, "were erased from event 9"),
        (b"{", TamperError, "is not what Ombud writes"),
        (b'{"policy":"q","number":0,"files":[]}', TamperError, "carries another policy"),
        (b'{"policy":"p","number":0,"files":[["a.yaml","x"]]}', TamperError, "have SHA-256"),
        (b'{"policy":"p","number":0,"files":[["a.yaml",7]]}', TamperError, "not what Ombud writes"),
        (b'{"policy":"p","number":0,"files":[[["a"],"x"]]}', TamperError, "not what Ombud writes"),
    ],
)
def test_original_that_is_not_the_texts(raw: bytes, kind: type[OmbudError], said_: str) -> None:
    """Erased or other bytes: no policy, with the event named."""
    event = msgspec.structs.replace(texts("p"), raw=raw, id=9)
    with pytest.raises(kind, match=said_):
        join_texts([event], policy="p", sha256=hash_texts(FILES))
