"""Feed: the fictional county's logs into a running demo, by the same path as real logs.

Run as `python -m ombud.app.feed HOME`.  Prints one line of JSON for each step on
standard output, so that the demo can show progress, and then keeps live activity
flowing until its standard input closes.
"""

from __future__ import annotations

import argparse
import select
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson

from ombud.app.paths import HomePaths
from ombud.collect.intake import Intake
from ombud.collect.quarantine import Quarantine
from ombud.collect.sources import get_source
from ombud.record.client import RecorderClient
from ombud.simulate.county import live, mapping_path, simulate

SEED = 20261122
PEOPLE, DAYS, EVENTS = 150, 60, 200_000
STEP = 4_000  # Events between two lines of progress.


def _say(**values: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(values) + b"\n")
    sys.stdout.flush()


def _intakes(home: Path) -> dict[str, Intake]:
    paths = HomePaths(home)
    client = RecorderClient(paths.recorder_socket)
    quarantine = Quarantine(paths.quarantine)
    kinds = ("mapping", "postgres.pgaudit", "ocsf", "aws.cloudtrail")
    return {
        kind: Intake(
            get_source(kind, mapping=mapping_path() if kind == "mapping" else None),
            client,
            quarantine,
        )
        for kind in kinds
    }


def _seed(intakes: dict[str, Intake], lines: Iterator[tuple[str, bytes]]) -> None:
    for number, (kind, raw) in enumerate(lines, start=1):
        intakes[kind].add(raw, place="county")
        if number % STEP == 0:
            _say(step="seed", done=number, of=EVENTS)
    for intake in intakes.values():
        intake.flush()
    _say(step="seeded")


def main() -> None:
    """Seed the county, then keep it alive until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    home = parser.parse_args().home
    intakes = _intakes(home)
    end = datetime.now(UTC)
    _seed(intakes, simulate(SEED, people=PEOPLE, days=DAYS, end=end, events=EVENTS))
    for delay, kind, raw in live(SEED, end):
        readable, _, _ = select.select([sys.stdin], [], [], delay)
        if readable:  # Closed: the demo has ended.
            return
        intakes[kind].add(raw, place="county, live")
        intakes[kind].flush()


if __name__ == "__main__":
    main()
