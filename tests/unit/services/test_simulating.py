"""Simulating: whom a policy would have denied what, as the record alone tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ombud.access.attempt import Attempt
from ombud.app.home import OpenHome, open_here
from ombud.core.errors import Forbidden, InputError, Unavailable
from ombud.core.event import Event
from ombud.services import simulating
from ombud.services.asker import Asker
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.policy_wanted import PolicyWanted, SimulationWanted
from ombud.services.record_port import record_events

ANA = Asker(person="ana", scopes=frozenset({"admin", "simulate", "decide"}), via="cli")
DAY = 86_400_000
NOW = 1_795_305_600_000  # 2026-11-22T00:00:00Z
LOOK: dict[str, Any] = {"why": "before we apply it", "case": "C-1"}
POLICY = """
when_no_purpose: thefts
datasets:
  plates: {columns: {plate: string, owner: string}}
  benefits: {}
purposes:
  thefts:
    title: Find thieves
    audience: {types: [person, service]}
    standing: true
    scope: [{name: all, actions: [read, search, export], resources: ["*"]}]
"""
NO_BENEFITS = "prohibitions:\n  contract: {reason: clause 3.2, resources: [benefits]}\n"
PATROL = POLICY.replace("{types: [person, service]}", "{units: [patrol], types: [service]}")
CASE = "checkpoints:\n  case: {kind: case, prompt: Which?, actions: [read]}\n"
FEW = POLICY.replace("    standing: true\n", "    standing: true\n    limits: {rows_per_day: 10}\n")


@pytest.fixture
def opened(home: Path) -> Iterator[OpenHome]:
    """Return a home with the wide policy in force."""
    with open_here(home) as one:
        one.access.policy.policies.apply(PolicyWanted({"p.yaml": POLICY}), asker=ANA)
        one.access.policy.simulating._clock = lambda: NOW
        yield one


def event(number: int, **other: Any) -> Event:
    """Return an act that a platform logged, so many hours before now."""
    said: dict[str, Any] = {
        "time": NOW - number * 3_600_000,
        "source": "county",
        "action": "read",
        "actor_id": "ana",
        "actor_type": "person",
        "resource_dataset": "plates",
        "resource_system": "anpr",
        "raw": f"{number} {sorted(other.items())}".encode(),
    }
    return Event(**{**said, **other})


def record(opened: OpenHome, *events: Event) -> None:
    """Record events."""
    record_events(opened.appender, events)


def replay(opened: OpenHome, text: str, **other: Any) -> dict[str, Any]:
    """Replay a policy."""
    wanted = SimulationWanted({"p.yaml": text}, **{**LOOK, **other})
    return opened.access.policy.simulating.simulate(wanted, asker=ANA)


def test_denials_by_person_dataset_and_reason(opened: OpenHome) -> None:
    """Those that the proposed policy denies and the one in force does not, with their events."""
    size, _ = opened.appender.head()
    record(
        opened,
        event(1, resource_dataset="benefits"),
        event(2),
        event(3, resource_dataset="benefits", actor_id="ben"),
        event(4, resource_dataset="benefits"),
        event(5, actor_id="nightly", actor_type="service", resource_dataset="benefits"),
    )
    answer = replay(opened, POLICY + NO_BENEFITS)
    newly = answer["newly_denied"]

    assert answer["says_newly"] == "would have denied 4 reads by 2 people and 1 machine in 30 days"
    assert (answer["acts"], answer["proposed"]["denied"], answer["in_force"]["denied"]) == (5, 4, 0)
    assert [(row["person"], row["acts"], row["events"]) for row in newly["by_person"]] == [
        ("ana", 2, [size, size + 3]),
        ("ben", 1, [size + 2]),
    ]
    assert [row["machine"] for row in newly["by_machine"]] == ["nightly"]
    assert newly["by_reason"][0]["reason"] == "prohibited:contract"
    assert [row["dataset"] for row in newly["by_dataset"]] == ["benefits"]
    assert answer["newly_permitted"]["acts"] == 0


def test_wider_policy_denies_nothing_more(opened: OpenHome) -> None:
    """And what it permits beyond the one in force is told."""
    opened.access.policy.policies.apply(PolicyWanted({"p.yaml": POLICY + NO_BENEFITS}), asker=ANA)
    record(opened, event(1, resource_dataset="benefits"), event(2))
    answer = replay(opened, POLICY)

    assert answer["says"] == "would have denied nothing in 30 days"
    assert answer["newly_permitted"]["acts"] == 1


def test_what_is_no_act_is_not_replayed_and_counted(opened: OpenHome) -> None:
    """Of nobody, on nothing, denied then: each by its reason; Ombud's own events are none."""
    record(
        opened,
        event(1, actor_id=None),
        event(2, resource_dataset=None),
        event(3, outcome="denied"),
        event(4, decision_id="d1"),
        event(24 * 31),
        event(-1),
    )
    answer = replay(opened, POLICY)

    assert answer["acts"] == 0
    assert answer["skipped"] == {
        "nobody named": 1,
        "no dataset named": 1,
        "did not happen": 1,
        "decided": 1,
    }


def test_purpose_that_a_log_lacks(opened: OpenHome) -> None:
    """It is that of `when_no_purpose`; without one, every act lacks its purpose."""
    record(opened, event(1), event(2, purpose="thefts"), event(3, purpose="other"))
    answer = replay(opened, POLICY.replace("when_no_purpose: thefts\n", ""))

    assert [row["reason"] for row in answer["denied"]["by_reason"]] == [
        "purpose_missing",
        "purpose_unknown",
    ]
    assert answer["newly_denied"]["acts"] == 1


def test_checkpoint_is_no_denial(opened: OpenHome) -> None:
    """Who would have been asked is told apart from who would have been refused."""
    record(opened, event(1), event(2, action="search"))
    answer = replay(opened, POLICY + CASE)

    assert answer["proposed"] == {"permitted": 1, "stopped": 1, "denied": 0}


def test_columns_that_were_only_filtered_on_count(opened: OpenHome) -> None:
    """To filter by a column is to learn of it."""
    record(opened, event(1, columns_projected=("plate",)), event(2, columns_filtered=("owner",)))
    narrow = POLICY.replace('resources: ["*"]', "resources: [plates], columns: [plate]")
    newly = replay(opened, narrow)["newly_denied"]

    assert list(newly["reasons"]) == ["column_out_of_scope:owner"]


def test_people_are_as_they_were_then(opened: OpenHome) -> None:
    """Unit and account at the time of the act decide, however the events are mixed."""
    files = {
        "person": "person\nana\nben\n",
        "account": "account,system,person,from,to\nadm,,ana,,2026-11-11\nadm,,ben,2026-11-11,\n",
        "unit": "unit\npatrol\nlegal\n",
        "membership": "person,unit,role,from,to\nana,patrol,officer,,2026-11-11\n"
        "ana,legal,lawyer,2026-11-11,\nben,legal,lawyer,,\n",
    }
    load = [WantedFile(f"{kind}.csv", text=text) for kind, text in files.items()]
    opened.directory.load(DirectoryWanted(load, force=True), asker=ANA)
    hours = [1, 400, 2, 399, 3, 398]  # Before and after the eleventh, in turns.
    record(opened, *(event(hour) for hour in hours))
    record(opened, *(event(hour, actor_id="adm") for hour in hours))
    newly = replay(opened, PATROL)["newly_denied"]

    assert {row["person"]: row["acts"] for row in newly["by_person"]} == {"ana": 3, "ben": 3}
    assert all(row["is_known"] for row in newly["by_person"])
    assert newly["first_at"] == NOW - 3 * 3_600_000


def test_what_a_day_allows_is_counted(opened: OpenHome) -> None:
    """Rows add up by actor and day; what would have been denied uses nothing."""
    at = [(1, 6), (2, 6), (3, 4), (25, 6)]
    record(opened, *(event(hour, rows_returned=rows) for hour, rows in at))
    newly = replay(opened, FEW)["newly_denied"]

    assert (newly["acts"], list(newly["reasons"])) == (1, ["budget_spent:rows"])


def test_workflow_by_its_runs(opened: OpenHome) -> None:
    """The runs of a workflow are counted, and it can be replayed alone."""
    nightly: dict[str, Any] = {
        "actor_id": "nightly",
        "actor_type": "service",
        "workflow_id": "thefts-nightly",
        "resource_dataset": "benefits",
    }
    acts = [event(run * 24 + n, session_id=f"run {run}", **nightly)
            for run in range(5) for n in (1, 2)]  # fmt: skip
    record(opened, *acts, event(3, resource_dataset="benefits"))
    alone = replay(opened, POLICY + NO_BENEFITS, workflow="thefts-nightly")
    (row,) = alone["newly_denied"]["by_workflow"]

    assert (row["workflow"], row["acts"], row["runs"], row["people"]) == (
        "thefts-nightly",
        10,
        5,
        0,
    )
    assert alone["acts"] == 10
    assert (
        alone["says"] == "would have denied 10 reads by 1 machine in 30 days (5 runs of workflows)"
    )


def test_decisions_are_replayed_as_they_were_asked(opened: OpenHome) -> None:
    """With everything that was stated; one that was denied then happened not."""
    attempt = Attempt(
        "user", "ana", "read", "dataset", "plates", purpose="thefts", columns=("owner",)
    )
    for one in (
        msgspec.structs.replace(attempt, actor_type="person"),
        attempt,  # Users are not in the audience.
    ):
        opened.access.deciding.decide(one, asker=ANA)
    narrow = POLICY.replace('resources: ["*"]', "resources: [plates], columns: [plate]")
    answer = replay(opened, narrow, since=NOW - 2_000 * DAY, until=NOW + 1_500 * DAY)

    assert answer["acts"] == 2
    assert answer["denied"]["acts"] == answer["newly_denied"]["acts"] == 1


def test_simulation_is_a_look_with_a_reason(opened: OpenHome) -> None:
    """On record before it begins, and refused without reason, scope or sense."""
    replay(opened, POLICY)
    size, _ = opened.appender.head()
    (look,) = opened.reader.fetch([size - 1])
    assert (look.operation, look.actor_id, look.case) == ("policy.simulate", "ana", "C-1")
    run = opened.access.policy.simulating.simulate
    wanted = SimulationWanted({"p.yaml": POLICY}, **LOOK)
    searcher = Asker(person="ben", scopes=frozenset({"search"}))
    with pytest.raises(Forbidden, match="scope `simulate`"):
        run(wanted, asker=searcher)
    for changed, said in (
        ({"why": None}, "looking needs a reason"),
        ({"days": 0}, "`days` is 0"),
        ({"since": NOW, "until": NOW}, "over 1 to 3700 days"),
        ({"since": 0, "until": 10**18}, "outside of the calendar"),
        ({"files": {"p.yaml": "purposes: ["}}, "p.yaml"),
    ):
        with pytest.raises(InputError, match=said):
            run(msgspec.structs.replace(wanted, **changed), asker=ANA)


def test_one_at_a_time_in_bounded_pieces(opened: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the pieces, the same is found; a second one waits, and progress is told."""
    record(opened, *(event(n, resource_dataset="benefits") for n in range(1, 40)))
    whole = replay(opened, POLICY + NO_BENEFITS)
    monkeypatch.setattr(simulating, "ACTS_AT_ONCE", 1)
    told: list[tuple[int, int]] = []
    run = opened.access.policy.simulating
    wanted = SimulationWanted({"p.yaml": POLICY + NO_BENEFITS}, **LOOK)
    again = run.simulate(wanted, asker=ANA, on_progress=lambda *done: told.append(done))

    assert again["newly_denied"] == whole["newly_denied"]
    assert told[-1][0] == told[-1][1] > 0
    with run._running, pytest.raises(Unavailable, match="another simulation is running"):
        run.simulate(wanted, asker=ANA)
