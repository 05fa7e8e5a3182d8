"""Worker state: what a worker was told last, and never anything older."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from ombud.access.attempt import Attempt
from ombud.access.model import Audience, Limits, Line, Policy, Purpose
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.core.errors import TamperError, Unauthenticated, Unavailable
from ombud.services.counted import counted_purposes
from ombud.services.published import publish
from ombud.services.token_publishing import FOLDER, TokenPublisher
from ombud.services.tokens import token_hash
from ombud.services.worker_state import NeedsHome, WorkerFacts, WorkerState
from ombud.store.control import ControlStore, TokenRow

NOW = 1_795_305_600_000


def packed(name: str) -> bytes:
    """Return a snapshot with one purpose."""
    return snapshot(name).pack()


def snapshot(name: str, limits: Limits | None = None) -> Snapshot:
    """Return a snapshot with one purpose."""
    purpose = Purpose(
        id=name,
        title=name,
        standing=True,
        audience=Audience(types=("user",)),
        limits=limits or Limits(),
        scope=(Line(name="read", actions=("read",), resources=("*",)),),
    )
    return Snapshot.make(compile_policy(Policy(purposes=(purpose,))))


class Control:
    """Control tables with tokens and nothing else."""

    def __init__(self) -> None:
        self.rows: tuple[TokenRow, ...] = ()

    def tokens(self) -> tuple[TokenRow, ...]:
        """Return the tokens."""
        return self.rows


def row(name: str, *, expires_at: int | None = None, revoked_at: int | None = None) -> TokenRow:
    """Return a token whose text is its name."""
    return TokenRow(
        id=f"id-{name}",
        name=name,
        person=f"{name}@example",
        scopes=("decide",),
        units=(),
        systems=("ehr",),
        hash=token_hash(name),
        created_at=0,
        expires_at=expires_at,
        revoked_at=revoked_at,
        event_index=0,
    )


@pytest.fixture
def control() -> Control:
    """Return tables without a token."""
    return Control()


@pytest.fixture
def tokens(control: Control, tmp_path: Path) -> TokenPublisher:
    """Return what publishes them, and publish a first policy."""
    publish(tmp_path, packed("care"), 1)
    made = TokenPublisher(cast("ControlStore", control), tmp_path)
    made.follow()
    return made


@pytest.fixture
def state(tokens: TokenPublisher, tmp_path: Path) -> Iterator[WorkerState]:
    """Return a worker's state."""
    made = WorkerState(tmp_path, clock=lambda: NOW)
    yield made
    made.close()


def purposes(state: WorkerState) -> list[str]:
    """Return what the policy of a worker is for."""
    return [purpose.id for purpose in state.snapshot().compiled.policy.purposes]


def test_what_is_published_is_seen_at_the_next_look(state: WorkerState, tmp_path: Path) -> None:
    """And the number that tells is another one."""
    before = state.epoch()
    assert purposes(state) == ["care"]
    publish(tmp_path, packed("fraud"), 2)

    assert state.epoch() > before
    assert purposes(state) == ["fraud"]


def test_a_policy_that_is_the_same_is_not_compiled_again(
    state: WorkerState, tmp_path: Path
) -> None:
    """Grants change many times a day, the policy some times a year."""
    compiled = state.snapshot().compiled
    publish(tmp_path, packed("care"), 2)

    assert state.snapshot().compiled is compiled


@pytest.mark.parametrize(
    ("name", "bad", "error"),
    [("none can be told", b"", Unavailable), ("other bytes", b"x" * 90, Exception)],
)
def test_what_cannot_be_loaded_leaves_nothing_to_answer_from(
    state: WorkerState, tmp_path: Path, name: str, bad: bytes, error: type[Exception]
) -> None:
    """Not the one before, not now and not later; the next good one is taken."""
    assert purposes(state) == ["care"]
    publish(tmp_path, bad, 2)

    with pytest.raises(error):
        state.snapshot()
    with pytest.raises(Unavailable):
        state.snapshot()
    publish(tmp_path, packed("fraud"), 3)
    assert purposes(state) == ["fraud"], name


def test_a_file_that_was_changed_is_noticed(state: WorkerState, tmp_path: Path) -> None:
    """Its name is its hash."""
    data = packed("fraud")
    publish(tmp_path, data, 2)
    for path in tmp_path.glob("snapshot-*"):
        if path.read_bytes() == data:
            path.write_bytes(packed("evil!"))

    with pytest.raises(TamperError):
        state.snapshot()


def test_tokens_come_and_go(state: WorkerState, tokens: TokenPublisher, control: Control) -> None:
    """From the moment they are published, which is before it is acknowledged."""
    with pytest.raises(Unauthenticated):
        state.authenticate("gate")
    control.rows = (row("gate"), row("late", expires_at=NOW), row("soon", expires_at=NOW + 1))
    tokens.follow()
    asker = state.authenticate("gate")

    assert (asker.person, asker.scopes, asker.systems) == (
        "gate@example",
        frozenset({"decide"}),
        ("ehr",),
    )
    assert state.authenticate("soon").token_id == "id-soon"
    with pytest.raises(Unauthenticated, match="expired"):
        state.authenticate("late")
    control.rows = (row("gate", revoked_at=NOW),)
    tokens.follow()
    with pytest.raises(Unauthenticated, match="revoked"):
        state.authenticate("gate")


def test_the_token_itself_is_not_published(
    tokens: TokenPublisher, control: Control, tmp_path: Path
) -> None:
    """Only its hash is, in a folder of the owner's."""
    control.rows = (dataclasses.replace(row("secret"), id="t1", name="gate", person="gate"),)
    tokens.follow()
    said = b"".join(path.read_bytes() for path in (tmp_path / FOLDER).iterdir())

    assert token_hash("secret").encode() in said
    assert b"secret" not in said
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700


def test_tokens_that_cannot_be_read_are_nobody(state: WorkerState, tmp_path: Path) -> None:
    """Whoever asks is told to come again, now and later."""
    publish(tmp_path / FOLDER, msgspec.msgpack.encode({"no": "list"}), 9)

    for _ in range(2):
        with pytest.raises(Unavailable, match="tokens"):
            state.authenticate("gate")


def test_a_worker_knows_no_facts() -> None:
    """What was met and what was used is asked of the home."""
    facts = WorkerFacts()
    attempt = Attempt("user", "alice", "read", "dataset", "d", purpose="care")
    free = snapshot("care").compiled.policy
    counted = snapshot("care", Limits(rows_per_day=5)).compiled.policy

    assert not facts.counts(attempt, free)
    with pytest.raises(NeedsHome):
        facts.counts(attempt, counted)
    with pytest.raises(NeedsHome):
        facts.counts(msgspec.structs.replace(attempt, context={"rows": 5}), free)
    with pytest.raises(NeedsHome):
        facts.fulfilments(["f1"], attempt)


def test_what_is_limited_by_the_day_is_so_for_all_below() -> None:
    """A limit of a purpose, or of one of its lines, counts for its descendants."""
    line = Line(name="l", actions=("read",), resources=("*",), limits=Limits(bytes_per_day=1))
    policy = Policy(
        purposes=(
            Purpose(id="root", title="r"),
            Purpose(id="a", title="a", parent="root", limits=Limits(subjects_per_day=1)),
            Purpose(id="a1", title="a1", parent="a"),
            Purpose(id="b", title="b", parent="root", scope=(line,)),
            Purpose(id="c", title="c", parent="root", limits=Limits(rows_per_query=1)),
        )
    )

    assert counted_purposes(policy) == {"a", "a1", "b"}
