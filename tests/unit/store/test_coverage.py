"""Coverage in the index: counts that equal a plain reading of every event."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from doubles.layouts import commit_events
from ombud.core.event import Event
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.store.coverage import Stretch
from ombud.store.index import Index
from ombud.store.visibility import EVERYTHING

SYSTEMS = ("postgresql/clinic", "okta", None)
ACCOUNTS = tuple(f"a{number}" for number in range(6))


def made_events(dice: random.Random) -> list[Event]:
    """Return events of few accounts, systems and flags."""
    return [
        Event(
            time=dice.randrange(100),
            source=dice.choice(("pg", "idp", "ombud.look")),
            action="read",
            native_id=str(number),
            actor_id=dice.choice((*ACCOUNTS, None)),
            on_behalf_of=dice.choice((None, None, (dice.choice(ACCOUNTS),))),
            actor_type=dice.choice((None, "person", "service")),
            resource_system=dice.choice(SYSTEMS),
            subjects=dice.choice((None, (("patient", "1"),), (("patient", "1"), ("ssn", "2")))),
            flags=dice.choice((None, ("subject_unknown:x",), ("person_unknown:y", "z"))),
            raw=b"{}",
        )
        for number in range(400)
    ]


def made_spans(dice: random.Random) -> list[AccountSpan]:
    """Return spans of whole and of parts of the time, on one system or on all."""
    spans = []
    for account in ACCOUNTS[:-1]:
        system = dice.choice((None, SYSTEMS[0]))
        ends = sorted(dice.sample(range(100), 4))
        parts = (
            [(BEGINNING, END)] if dice.random() < 0.3 else [(ends[0], ends[1]), (ends[2], ends[3])]
        )
        spans += [AccountSpan(account, system, begin, end, "p") for begin, end in parts]
    return spans


def is_known(event: Event, spans: list[AccountSpan]) -> bool:
    """Whether a span holds for the event, read plainly."""
    return any(
        span.account == event.account
        and span.system in {None, event.resource_system}
        and span.begins <= event.time < span.ends
        for span in spans
    )


@pytest.mark.parametrize("seed", range(8))
def test_counts_are_those_of_a_plain_reading(tmp_path: Path, seed: int) -> None:
    """However spans begin and end, each event is counted as it would be alone."""
    dice = random.Random(seed)
    events, spans = made_events(dice), made_spans(dice)
    begin, end = sorted(dice.sample(range(101), 2))
    index = Index.open(tmp_path / "index.duckdb")
    try:
        index.apply(commit_events(events))
        index.set_spans(spans, stamp=1)
        counted = index.coverage(Stretch(begin, end, EVERYTHING), systems=["okta"])
    finally:
        index.close()

    expected: dict[str, Counter[tuple[str, str | None]]] = {
        name: Counter()
        for name in ("events", "machines", "acted", "person_known", "subject_known",
                     "subject_unknown")
    }  # fmt: skip
    unknown: Counter[tuple[str, str | None, str]] = Counter()
    for event in events:
        if event.source.startswith("ombud.") or not begin <= event.time < end:
            continue
        place = event.source, event.resource_system
        is_machine = event.actor_type == "service"
        acted = event.account is not None and not is_machine
        known = acted and is_known(event, spans)
        lacks = not event.subjects and "subject_unknown:x" in (event.flags or ())
        for name, one in (("events", True), ("machines", is_machine), ("acted", acted),
                          ("person_known", known), ("subject_known", bool(event.subjects)),
                          ("subject_unknown", lacks)):  # fmt: skip
            expected[name][place] += one
        if acted and not known and event.account is not None:
            unknown[*place, event.account] += 1
    for name, counts in expected.items():
        found = {(row["source"], row["system"]): row[name] for row in counted.sources}
        assert found == {place: counts[place] for place in expected["events"]}, name
    assert {
        (row["source"], row["system"], row["account"]): row["events"] for row in counted.accounts
    } == dict(unknown)
