"""Control tables are what the events say, can be rebuilt, and give away who edited them."""

from __future__ import annotations

import itertools
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.errors import TamperError, Unavailable
from ombud.core.event import Event
from ombud.store.control import ControlStore, TokenRow
from ombud.store.control_events import CONTROL, project
from ombud.store.control_metadata import metadata
from ombud.store.control_schema import REVISION, migrate
from ombud.store.control_snapshot import Difference

T0 = 1_795_305_600_000


def said(operation: str, *, at: int = 0, by: str = "Ana", **attributes: Any) -> Event:
    """Return a control event."""
    return Event(
        time=T0 + at,
        source=CONTROL,
        action="configure",
        operation=operation,
        actor_id=by,
        attributes=attributes,
        raw=b"{}",
    )


def look_up(text: str = "plates") -> Event:
    """Return an event that is none of control's business."""
    return Event(time=T0, source="county", action="search", query_text=text, raw=b"x")


def committed(events: Sequence[Event], first_index: int = 0) -> Committed:
    """Return events as the record gives them to its readers."""
    builder = BatchBuilder()
    for each in events:
        builder.add(each)
    batch = builder.take()
    times = array("q", [T0] * batch.count)
    return Committed(first_index, batch.count, times, batch.offsets, batch.blobs)


ANAS_TOKEN = said(
    "token.created",
    token_id="t1",
    name="collector",
    person="Ana",
    scopes=["ingest"],
    units=["26"],
    systems=[],
    hash="ab" * 32,
    expires_at=T0 + 5,
    via="cli",
)
STORY = [
    look_up(),
    ANAS_TOKEN,
    said("setting.changed", name="looks.why_required", value=False, by="Ben"),
    look_up('he typed "ombud.control" into a search'),
    said("rule.disabled", rule_id="r1", reason="noisy"),
    said("rule.disabled", rule_id="r2"),
    said("rule.enabled", rule_id="r1", at=3),
    said("source.added", kind="ocsf", path="/var/log/a", heartbeat_seconds=60),
    said("source.removed", kind="ocsf", path="/var/log/a", at=9),
    said("token.revoked", token_id="t1", at=7),
    said("token.revoked", token_id="nobody's"),
    said("token.created", token_id=7, name="wrong"),
    said("lunch.ordered", what="soup"),
    look_up(),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the database lies."""
    return tmp_path / "control.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[ControlStore]:
    """Return a store that has followed the whole story."""
    opened = ControlStore.open(path)
    opened.apply(committed(STORY))
    yield opened
    opened.close()


def test_token_follows_its_events(store: ControlStore) -> None:
    """A token is what its creation said, and its revocation has a time."""
    assert store.tokens() == (
        TokenRow(
            id="t1",
            name="collector",
            person="Ana",
            scopes=("ingest",),
            units=("26",),
            systems=(),
            hash="ab" * 32,
            created_at=T0,
            expires_at=T0 + 5,
            revoked_at=T0 + 7,
            event_index=9,
        ),
    )


def test_states_follow_their_last_event(store: ControlStore) -> None:
    """Settings and rules stand as they were last changed."""
    assert store.settings() == {"looks.why_required": False}
    assert store.disabled_rules() == {"r2": None}


def test_malformed_event_is_a_visible_fault(store: ControlStore) -> None:
    """What cannot be applied is neither skipped in silence nor fatal."""
    assert store.faults() == {11: "token.created: Expected `str`, got `int` - at `$.token_id`"}


def test_cached_tokens_follow_a_change(store: ControlStore) -> None:
    """A token that was created after the last question is known to the next."""
    store.tokens()
    event = said(
        "token.created", at=20, token_id="t2", name="b", person="Ben", scopes=[], hash="00"
    )
    store.apply(committed([event], first_index=len(STORY)))

    assert [row.id for row in store.tokens()] == ["t1", "t2"]


def test_applying_again_changes_nothing(store: ControlStore) -> None:
    """Events below the watermark have been applied, however often they come."""
    store.apply(committed(STORY[:8]))

    assert store.watermark() == len(STORY)
    assert store.compare([committed(STORY)]) is None


def test_watermark_survives_a_restart(store: ControlStore, path: Path) -> None:
    """A store that is opened again goes on where it stopped."""
    store.close()
    again = ControlStore.open(path)

    assert again.watermark() == len(STORY)
    assert again.tokens()[0].id == "t1"
    again.close()


def test_late_watermark_loses_nothing(path: Path) -> None:
    """After a crash the saved watermark may be early; following again gives the same tables."""
    crashed = ControlStore.open(path)
    crashed.apply(committed(STORY))
    crashed.apply(committed([look_up()] * 3, first_index=len(STORY)))
    again = ControlStore.open(path)

    assert crashed.watermark() == len(STORY) + 3
    assert again.watermark() == len(STORY)
    assert again.compare([committed(STORY)]) is None
    for opened in (crashed, again):
        opened.close()


def test_rebuild_makes_the_same_tables(store: ControlStore, path: Path) -> None:
    """Tables that were spoilt are what the events say after a rebuild."""
    with sqlite3.connect(path) as edited:
        edited.execute("DELETE FROM token")
        edited.execute("UPDATE setting SET value = 'true'")
    edited.close()

    store.rebuild([committed(STORY[:5]), committed(STORY[5:], first_index=5)])

    assert store.compare([committed(STORY)]) is None
    assert store.tokens()[0].revoked_at == T0 + 7


EDITS = [
    pytest.param(
        "UPDATE token SET scopes = '[\"admin\"]'",
        Difference("token", "t1", "scopes", '["ingest"]', '["admin"]'),
        id="more scopes",
    ),
    pytest.param(
        "UPDATE token SET revoked_at = NULL",
        Difference("token", "t1", "revoked_at", T0 + 7, None),
        id="revocation undone",
    ),
    pytest.param(
        "DELETE FROM token", Difference("token", "t1", "event_index", 9, None), id="token deleted"
    ),
    pytest.param(
        "INSERT INTO token SELECT 't0', name, person, scopes, units, systems, 'cc', created_at,"
        " NULL, NULL, 3 FROM token",
        Difference("token", "t0", "event_index", None, 3),
        id="token slipped in",
    ),
    pytest.param(
        "UPDATE rule_state SET is_enabled = 0",
        Difference("rule_state", "r1", "is_enabled", True, False),
        id="rule switched off",
    ),
    pytest.param(
        "UPDATE setting SET changed_by = 'Cy'",
        Difference("setting", "looks.why_required", "changed_by", "Ben", "Cy"),
        id="blame moved",
    ),
    pytest.param(
        "DELETE FROM control_fault",
        Difference("control_fault", "11", "event_index", 11, None),
        id="fault hidden",
    ),
]


@pytest.mark.parametrize(("edit", "difference"), EDITS)
def test_edit_is_found(store: ControlStore, path: Path, edit: str, difference: Difference) -> None:
    """Whoever edits a table by another way is found, with the place."""
    with sqlite3.connect(path) as edited:
        edited.execute(edit)
    edited.close()

    assert store.compare([committed(STORY)]) == difference


def test_difference_says_where(store: ControlStore) -> None:
    """A difference is one line that names table, row and column."""
    line = str(Difference("token", "t1", "scopes", "a", "b"))

    assert line == (
        "control table `token`, row `t1`, column `scopes`: is `b`, and the record says `a`"
    )
    assert store.compare([committed(STORY)]) is None


def test_unreadable_row_is_tampering(store: ControlStore, path: Path) -> None:
    """A row that Ombud cannot have written authenticates nobody."""
    with sqlite3.connect(path) as edited:
        edited.execute("UPDATE token SET units = 'all'")
    edited.close()

    with pytest.raises(TamperError, match="row `t1` of control table `token`"):
        store.tokens()


def test_secret_is_in_no_event() -> None:
    """The shape of the event has a place for the hash and none for the token."""
    changes = project(said("token.created", token="ombud_secret", **(ANAS_TOKEN.attributes or {})))

    assert "ombud_secret" not in str(changes)


def test_foreign_source_changes_nothing(path: Path) -> None:
    """Only events of the control source are projected, whatever they are called."""
    store = ControlStore.open(path)
    foreign = Event(
        time=T0,
        source="county",
        action="grant",
        operation="token.created",
        attributes=ANAS_TOKEN.attributes,
        flags=(CONTROL,),
    )
    store.apply(committed([foreign]))

    assert store.tokens() == ()
    store.close()


@settings(max_examples=20, deadline=None)
@given(cuts=st.sets(st.integers(1, len(STORY) - 1)))
def test_how_events_are_batched_does_not_matter(cuts: set[int]) -> None:
    """Whatever batches the record gives, the tables are the same."""
    edges = [0, *sorted(cuts), len(STORY)]
    store = ControlStore(create_engine("sqlite://"))
    for start, end in itertools.pairwise(edges):
        store.apply(committed(STORY[start:end], first_index=start))

    assert store.compare([committed(STORY)]) is None
    store.close()


def test_migrations_make_the_tables_that_queries_use() -> None:
    """The two statements of the schema agree."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        migrate(connection)
        context = MigrationContext.configure(connection)

        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_later_version_is_refused(store: ControlStore, path: Path) -> None:
    """A database of a newer program is left alone."""
    with sqlite3.connect(path) as edited:
        edited.execute("UPDATE alembic_version SET version_num = '99'")
    edited.close()

    with pytest.raises(Unavailable, match=f"of version 99, and this program knows {REVISION}"):
        ControlStore.open(path)
    store.close()
