"""County: log lines of a fictional county's systems, over a past period or live.

The same seed and figures give the same bytes.  Nothing here reads a clock: the
end of the past and the start of the live stream are given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ombud.core.errors import InputError
from ombud.simulate.act import CLOUDTRAIL, MAPPING, OCSF, PGAUDIT, Act, Label
from ombud.simulate.clock import iso_time, to_millis
from ombud.simulate.honest import HONEST
from ombud.simulate.live import live_acts
from ombud.simulate.misuse import MISUSE
from ombud.simulate.misuse_slow import SLOW_MISUSE
from ombud.simulate.reference import ATTRIBUTION_FILE, DIRECTORY_FOLDER, write_reference
from ombud.simulate.stream import leave_out, merge, plan_days, tell
from ombud.simulate.teller import Teller
from ombud.simulate.world import World
from ombud.simulate.writers import Writers

EVENTS_MAX = 1_000_000_000
PER_MINUTE = 30.0
PER_MINUTE_MAX = 60_000.0  # A thousand a second: 20,000 people at work at once.

FILES = {
    MAPPING: "county-cases.ndjson",
    PGAUDIT: "county-records.csv",
    OCSF: "county-plates.ndjson",
    CLOUDTRAIL: "county-platform.ndjson",
}
LABELS_FILE = "labels.ndjson"
MAPPING_FILE = "county-cases.yaml"

Line = tuple[str, bytes]


class Simulation(Iterator[Line]):
    """An iterator of (kind of source, line without line feed) that also knows the answers.

    `labels` is complete once the iterator has ended; `sequence` are the last
    sequence numbers written, for `live` to go on from.
    """

    def __init__(self, world: World, teller: Teller, acts: Iterator[Act]) -> None:
        self.world = world
        self._writers = Writers(sequence={})
        self._teller = teller
        self._acts = acts

    @property
    def labels(self) -> list[Label]:
        """What really happened, so far; only what left lines behind."""
        return [label for label in self._teller.labels if label.native_ids]

    @property
    def sequence(self) -> dict[str, int]:
        """The last sequence number written, by kind of source."""
        return dict(self._writers.sequence or {})

    def __next__(self) -> Line:
        """Return the next line."""
        while True:
            act = next(self._acts)
            kind, native_id, line = self._writers.write(act)
            if self._is_lost(kind, act.time):
                continue
            if act.label is not None:
                act.label.see(kind, native_id, act.time)
            return kind, line

    def _is_lost(self, source_kind: str, time: int) -> bool:
        """Whether a line was numbered and written, and never arrived."""
        for number, (kind, since, count) in enumerate(self._teller.losses):
            if count and source_kind == kind and time > since:
                self._teller.losses[number] = (kind, since, count - 1)
                return True
        return False


def simulate(
    seed: int, *, people: int = 150, days: int = 60, end: datetime, events: int = 200_000
) -> Simulation:
    """Return the lines of a county over the `days` before `end`: about `events` of them.

    They come in order of time.  Raises `InputError` for figures out of bounds
    and for an `end` without a zone.
    """
    if not 0 < events <= EVENTS_MAX:
        raise InputError(f"a county has 1 to {EVENTS_MAX} events, not `{events}`")
    world = _world(seed, people, days, end)
    teller = Teller(world, events)
    stories = tell(teller, (*MISUSE, *SLOW_MISUSE, *HONEST))
    acts = merge(plan_days(world, teller, max(0, events - len(stories))), stories)
    return Simulation(world, teller, leave_out(world, teller, acts))


def live(
    seed: int,
    start: datetime,
    *,
    people: int = 150,
    days: int = 60,
    per_minute: float = PER_MINUTE,
    sequence: dict[str, int] | None = None,
) -> Iterator[tuple[float, str, bytes]]:
    """Yield (seconds to wait first, kind of source, line) without end.

    The county is that of `simulate` with the same seed, people and days and this
    `start` as its end.  Give it the `sequence` of that simulation and the numbers
    go on; without, lines carry none.  Now and then somebody misuses something.
    """
    if not 0 < per_minute <= PER_MINUTE_MAX:
        raise InputError(f"a county has up to {PER_MINUTE_MAX:g} events a minute")
    world = _world(seed, people, days, start)
    teller = Teller(world, 0)
    tell(teller, (*MISUSE, *SLOW_MISUSE))
    writers = Writers(sequence=None if sequence is None else dict(sequence))
    time = world.end
    for act in live_acts(world, teller.idle, per_minute):
        kind, _, line = writers.write(act)
        yield (act.time - time) / 1000, kind, line
        time = act.time


def _world(seed: int, people: int, days: int, end: datetime) -> World:
    if end.tzinfo is None:
        raise InputError(f"the instant `{end.isoformat()}` needs a time zone")
    return World.of(seed, people=people, days=days, end=to_millis(end))


def mapping_path() -> Path:
    """Return the mapping by which the `mapping` source reads the case system's lines."""
    return Path(__file__).with_name(MAPPING_FILE)


def write_county(
    folder: Path,
    seed: int,
    *,
    people: int = 150,
    days: int = 60,
    end: datetime,
    events: int = 200_000,
    on_lines: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Write a county's logs, one file per source, its labels and its mapping; return the counts.

    Files appear under their names only when they are complete.  `on_lines` is
    told now and then how many lines there are.
    """
    lines = simulate(seed, people=people, days=days, end=end, events=events)
    folder.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(FILES, 0)
    with ExitStack() as stack:
        files = {
            kind: stack.enter_context((folder / f"{name}.part").open("wb"))
            for kind, name in FILES.items()
        }
        for number, (kind, line) in enumerate(lines, start=1):
            files[kind].write(line + b"\n")
            counts[kind] += 1
            if on_lines is not None and number % 4_000 == 0:
                on_lines(number)
    for name in FILES.values():
        (folder / f"{name}.part").replace(folder / name)
    labels = b"".join(orjson.dumps(_label_document(label)) + b"\n" for label in lines.labels)
    (folder / LABELS_FILE).write_bytes(labels)
    (folder / MAPPING_FILE).write_bytes(mapping_path().read_bytes())
    rows = write_reference(folder, lines.world)
    return {
        "events": sum(counts.values()),
        "people": people,
        "days": days,
        "sources": {
            kind: {"file": str(folder / name), "events": counts[kind]}
            for kind, name in FILES.items()
        },
        "labels": {"file": str(folder / LABELS_FILE), "count": len(lines.labels)},
        "mapping": str(folder / MAPPING_FILE),
        "directory": {"folder": str(folder / DIRECTORY_FOLDER), "rows": rows},
        "attribution": str(folder / ATTRIBUTION_FILE),
    }


def _label_document(label: Label) -> dict[str, Any]:
    return {
        "kind": label.kind,
        "variant": label.variant,
        "actor": label.actor,
        "misuse": label.misuse,
        "note": label.note,
        "first": iso_time(label.first or 0),
        "last": iso_time(label.last or 0),
        "native_ids": label.native_ids,
    }
