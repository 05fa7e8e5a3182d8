"""Events in the shape of Windows': the same again, and of the kinds that rules are routed by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ombud.bench.windows_events import HIT_EVERY, KEPT, POOL_EVENTS, windows_lines
from ombud.bench.windows_routes import logsources_of
from ombud.bench.windows_words import EVENTS


def texts(value: Any) -> Iterator[str]:
    """Yield every text of an event but those of closed lists."""
    for key, inner in value.items():
        if isinstance(inner, str) and key not in KEPT:
            yield inner


@pytest.mark.parametrize("is_distinct", [False, True])
def test_windows_events_are_the_same_again(is_distinct: bool) -> None:
    """The same lines each time, all different, each of a channel and number that is routed."""
    lines = list(windows_lines(None, 3_000, is_distinct=is_distinct))

    assert lines == list(windows_lines(None, 3_000, is_distinct=is_distinct))
    assert len(set(lines)) == 3_000
    events = [orjson.loads(line) for line in lines]
    kinds = {(event["Channel"], event["EventID"]) for event in events}
    assert len(kinds) == len(EVENTS)
    assert all(logsources_of(*kind)[0].product == "windows" for kind in kinds)
    if is_distinct:
        found = Counter(text for event in events for text in set(texts(event)))
        assert max(found.values()) == 1
    else:
        moving = {"EventRecordID", "UtcTime", "ProcessGuid"}
        first, again = events[5], events[5 + POOL_EVENTS]
        assert {name for name in first if first[name] != again[name]} <= moving
        assert first["EventRecordID"] != again["EventRecordID"]


def test_one_event_in_ten_is_published(vectors: Path) -> None:
    """Where the vectors are present, events that some rule must match come with the others."""
    published = {
        event["Computer"]
        for line in (vectors / "sigma" / "regression.ndjson").read_bytes().splitlines()
        for event in orjson.loads(line)["events"]
    }
    lines = list(windows_lines(vectors, 1_000, is_distinct=False))
    known = [orjson.loads(line)["Computer"] in published for line in lines]

    assert [number for number, is_known in enumerate(known) if is_known] == list(
        range(0, 1_000, HIT_EVERY)
    )
