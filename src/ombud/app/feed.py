"""Feed: the fictional county's logs into a running demo, by the same path as real logs.

Run as `python -m ombud.app.feed HOME EVENTS`.  Prints one line of JSON for each step on
standard output, so that the demo can show progress, and then keeps live activity
flowing until its standard input closes.
"""

from __future__ import annotations

import argparse
import select
import sys
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import orjson

from ombud.app.paths import HomePaths
from ombud.app.remote import RemoteDoor
from ombud.attribution.attribution import Attribution
from ombud.collect.intake import Intake
from ombud.collect.place import Block
from ombud.collect.quarantine import Quarantine
from ombud.collect.source import Source
from ombud.collect.sources import MAPPING, get_source
from ombud.config.attribution_file import load_attribution
from ombud.record.client import RecorderClient
from ombud.record.paths import Home
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.simulate.county import Simulation, live, mapping_path, simulate
from ombud.simulate.reference import directory_text
from ombud.simulate.world import World

SEED = 20261122
PEOPLE, DAYS = 150, 60
# Who everybody is comes first and takes a moment; the rest, some 90,000 rows, comes when the
# county is in and people are reading.
PEOPLE_KINDS = ("person", "account", "unit", "membership", "supervision")
OTHER_KINDS = ("roster", "leave", "relation", "assignment")
STEP = 4_000  # Events between two lines of progress.


def _say(**values: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(values) + b"\n")
    sys.stdout.flush()


class _Feed:
    """Lines of several sources, each taken in by the source it is of."""

    def __init__(self, home: Path) -> None:
        self._client = RecorderClient(Home(home.resolve()).recorder_socket)
        self._intake = Intake(self._client, Quarantine(HomePaths(home).quarantine))
        self._sources: dict[str, Source] = {}
        self._line_counts: dict[str, int] = {}
        self._attribution = Attribution(load_attribution(home))

    def take(self, lines: Iterable[tuple[str, bytes]]) -> None:
        """Make lines durable, in their order within each source."""
        by_kind: dict[str, list[bytes]] = {}
        for kind, raw in lines:
            by_kind.setdefault(kind, []).append(raw)
        for kind, raws in by_kind.items():
            first = self._line_counts.get(kind, 0) + 1
            numbers = list(range(first, first + len(raws)))
            self._line_counts[kind] = first + len(raws) - 1
            block = Block(file="county", raws=raws, lines=numbers)
            self._intake.ingest(self._source(kind), [block])

    def seal(self) -> None:
        """Have what was taken sealed now, so that even a small county has a segment."""
        self._client.rotate()

    def _source(self, kind: str) -> Source:
        if kind not in self._sources:
            mapping = mapping_path() if kind == MAPPING else None
            self._sources[kind] = get_source(kind, mapping=mapping, declarations=self._attribution)
        return self._sources[kind]


def _load_directory(home: Path, world: World, kinds: Iterable[str]) -> None:
    """Have the running home load these kinds, as `ombud directory load` does."""
    files = [WantedFile(f"{kind}.csv", text=directory_text(world, kind)) for kind in kinds]
    with closing(RemoteDoor(HomePaths(home).server_socket)) as door:
        door.directory_load(DirectoryWanted(files, force=True, why="the demo's own directory"))


def _seed(feed: _Feed, simulation: Simulation, events: int) -> None:
    done = 0
    while chunk := list(islice(simulation, STEP)):
        feed.take(chunk)
        done += len(chunk)
        _say(step="seed", done=done, of=max(events, done))
    feed.seal()
    units = simulation.world.staff.by_unit
    _say(
        step="seeded",
        done=done,
        caseworker=units["benefits"][1].login,  # The first of a unit is its supervisor.
        auditor=units["audit"][0].login,
    )


def main() -> None:
    """Seed the county, then keep it alive until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("events", type=int)
    given = parser.parse_args()
    feed = _Feed(given.home)
    end = datetime.now(UTC).replace(microsecond=0)
    simulation = simulate(SEED, people=PEOPLE, days=DAYS, end=end, events=given.events)
    _load_directory(given.home, simulation.world, PEOPLE_KINDS)
    _seed(feed, simulation, given.events)
    _load_directory(given.home, simulation.world, OTHER_KINDS)
    for delay, kind, raw in live(SEED, end, sequence=simulation.sequence):
        readable, _, _ = select.select([sys.stdin], [], [], delay)
        if readable:  # Closed: the demo has ended.
            return
        feed.take([(kind, raw)])


if __name__ == "__main__":
    main()
