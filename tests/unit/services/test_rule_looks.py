"""Rules put to recorded events: a look on record, within what the asker may see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.core.errors import Forbidden, InputError, NotFound, RuleError
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.record_port import record_events
from ombud.services.rule_wanted import ExplainWanted

NOW = 1_795_305_600_000
BULK = "f490ac44-a8c4-561a-bea4-4aa986e63b4a"
BEN = Asker(person="ben", scopes=frozenset({"search"}))
UNIT = Asker(person="cy", scopes=frozenset({"search"}), units=("u1",))
RULE = """\
title: Stopped
id: stopped
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: StopLogging}, condition: s}
"""
TWO = RULE + "---\n" + RULE.replace("id: s", "id: t")


def event(number: int, unit: str, **fields: Any) -> Event:
    """Return an export of too much by somebody of a unit."""
    values: dict[str, Any] = {
        "source": "archive",
        "action": "export",
        "rows_returned": 9_000,
        "resource_dataset": "plates",
        "raw": b'{"eventName": "StopLogging"}',
        **fields,
    }
    return Event(
        time=NOW + number,
        native_id=f"e-{number}",
        actor_id=f"actor-{unit}",
        actor_organisation=unit,
        class_uid=6005,
        activity_id=1,
        **values,
    )


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Return an open home with an export by each of two units, and an original of CloudTrail."""
    with open_here(tmp_path_factory.mktemp("rules") / "home") as one:
        record_events(one.appender, [event(1, "u1"), event(2, "u2")])
        record_events(one.appender, [event(3, "u1", source="aws.cloudtrail", action="configure")])
        one.catch_up()
        yield one


def index_of(opened: OpenHome, native_id: str, asker: Asker = BEN) -> int:
    """Return the index of one of the events."""
    text = f"native_id:{native_id}"
    page = opened.services.search(text, limit=1, cursor=None, asker=asker, why="w", case="c")
    return page.events[0].event.id or 0


def last_look(opened: OpenHome) -> Event:
    """Return the last look on record."""
    size, _ = opened.appender.head()
    return opened.reader.fetch([size - 1])[0]


def test_rule_that_runs(opened: OpenHome) -> None:
    """A rule by its id, cut short, and an event by its index: the tree, and the look on record."""
    index = index_of(opened, "e-1")
    wanted = ExplainWanted(event=str(index), rule=BULK[:8], why="a hint", case="26-1")
    told = opened.services.rule_explain(wanted, asker=BEN)

    assert (told["is_match"], told["sees"], told["rule"]["id"]) == (True, True, BULK)
    assert told["event"]["index"] == index
    assert told["condition"]["parts"][0]["name"] == "export"
    look = last_look(opened)
    assert (look.operation, look.actor_id, look.rule_id) == ("explain", "ben", BULK)
    assert (look.resource_id, look.justification_text, look.case) == (str(index), "a hint", "26-1")


def test_rule_being_written(opened: OpenHome) -> None:
    """A rule may be given as text; it is put to the original if that is what it is about."""
    index = index_of(opened, "e-3")
    wanted = ExplainWanted(event=str(index), text=RULE, path="stopped.yml", why="w", case="c")
    told = opened.services.rule_explain(wanted, asker=BEN)
    assert (told["is_match"], told["condition"]["name"]) == (True, "s")
    assert told["condition"]["values"] == ["StopLogging"]

    other = ExplainWanted(event=str(index_of(opened, "e-1")), text=RULE, why="w", case="c")
    told = opened.services.rule_explain(other, asker=BEN)
    assert (told["is_match"], told["sees"], told["condition"]["is_met"]) == (False, False, True)


def test_alert(opened: OpenHome) -> None:
    """The id of an alert stands for its first event."""
    alert = next(
        row
        for row in opened.services.alerts(limit=9, asker=BEN)
        if row["rule_id"] == BULK and row["actor_id"] == "actor-u2"
    )
    told = opened.services.rule_explain(
        ExplainWanted(event=alert["id"][:12], rule=BULK, why="w", case="c"), asker=BEN
    )
    assert told["event"]["alert"] == alert["id"]
    assert told["event"]["index"] == index_of(opened, "e-2")
    with pytest.raises(NotFound):
        opened.services.rule_explain(
            ExplainWanted(event=alert["id"], rule=BULK, why="w", case="c"), asker=UNIT
        )


def test_placeholders(opened: OpenHome) -> None:
    """A rule in hand is filled with the values given along."""
    text = "title: T\nlogsource: {product: ombud}\ndetection:\n  s: {actor.id|expand: '%who%'}\n"
    wanted = ExplainWanted(
        event=str(index_of(opened, "e-2")),
        text=text + "  condition: s\nlevel: low\n",
        placeholders={"who": ["actor-u2"]},
        why="w",
        case="c",
    )
    assert opened.services.rule_explain(wanted, asker=BEN)["is_match"]


def test_a_rule_is_switched_by_the_beginning_of_its_id(opened: OpenHome) -> None:
    """The whole id is answered, and recorded; a beginning that two rules share is refused."""
    ada = Asker("ada", frozenset({"admin", "search"}))
    switch = opened.services.rule_state
    told = switch(BULK[:8], is_enabled=False, reason="tried", asker=ada)
    assert told == {"id": BULK, "state": "disabled"}
    report = {row["id"]: row for row in opened.services.rules(asker=ada)["rules"]}
    assert report[BULK]["state"] == "disabled"
    for wrong in ("", "zzz"):
        with pytest.raises(NotFound, match="no rule is"):
            switch(wrong, is_enabled=True, reason=None, asker=ada)


def test_out_of_sight(opened: OpenHome) -> None:
    """An event that the asker may not see is as one that is not there."""
    mine, other = index_of(opened, "e-1"), index_of(opened, "e-2")
    assert opened.services.rule_explain(
        ExplainWanted(event=str(mine), rule=BULK, why="w", case="c"), asker=UNIT
    )
    for reference in (str(other), "999999999", "-1", "", "zzz"):
        with pytest.raises(NotFound, match="no event and no alert"):
            opened.services.rule_explain(
                ExplainWanted(event=reference, rule=BULK, why="w", case="c"), asker=UNIT
            )
        assert last_look(opened).resource_id == reference


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (ExplainWanted("0", rule="none"), NotFound, "no rule is `none`"),
        (ExplainWanted("0", rule=""), NotFound, "no rule is ``"),
        (ExplainWanted("0", text=RULE, rule="other"), NotFound, "no rule is `other`"),
        (ExplainWanted("0", text=TWO), NotFound, "there are 2 rules"),
        (ExplainWanted("0", text=RULE.replace("eventName", "a|nope")), RuleError, "nope"),
        (ExplainWanted("0", text="[", rule="x"), NotFound, "no rule is `x`"),
        (ExplainWanted("0", text="["), RuleError, "line"),
        (ExplainWanted("0", rule=BULK, why="x" * 5000, case="c"), InputError, "longer"),
    ],
    ids=str,
)
def test_refused(
    opened: OpenHome, wanted: ExplainWanted, error: type[Exception], message: str
) -> None:
    """What cannot be explained is refused with the reason."""
    with pytest.raises(error, match=message):
        opened.services.rule_explain(wanted, asker=BEN)


def test_scope(opened: OpenHome) -> None:
    """Explaining is looking."""
    with pytest.raises(Forbidden):
        opened.services.rule_explain(
            ExplainWanted("0", rule=BULK), asker=Asker("dee", frozenset({"ingest"}))
        )


def test_correlation_that_runs(opened: OpenHome) -> None:
    """A correlation is found by its name, and explained by the rules it stands on."""
    wanted = ExplainWanted(str(index_of(opened, "e-1")), rule="spread_export", why="w", case="c")
    with pytest.raises(NotFound):
        opened.services.rule_explain(wanted, asker=BEN)
    wanted = ExplainWanted(
        str(index_of(opened, "e-1")), rule="guessed_sign_in_then_export", why="w", case="c"
    )
    told = opened.services.rule_explain(wanted, asker=BEN)
    assert told["is_match"]
    assert {row["rule"]["title"]: row["is_match"] for row in told["rules"]} == {
        "Failed Sign-In": False,
        "Sign-In": False,
        "Records Left The System": True,
    }
    assert told["group"] == {"actor.id": ["actor-u1"]}
