"""Follower: the index of a home in a process of its own, as the server keeps it.

Run as `python -m ombud.bench.follower HOME`.  Tells how far it has come in the
file `followed` of the home and ends, with the index saved, on SIGTERM or when
its standard input closes.
"""

from __future__ import annotations

import argparse
import select
import signal
import sys
from pathlib import Path

from ombud.bench.processes import followed_path
from ombud.record.client import RecorderClient
from ombud.record.paths import Home
from ombud.record.reader import RecordReader
from ombud.services.follow import IndexFollower
from ombud.store.index import Index

TURN_SECONDS = 0.2


def main() -> None:
    """Follow the record until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    root = parser.parse_args().home
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # The index is saved all the same.
    client = RecorderClient(Home(root).recorder_socket)
    index = Index.open(root / "index.duckdb")
    follower = IndexFollower(RecordReader(root), index)
    try:
        while not select.select([sys.stdin], [], [], TURN_SECONDS)[0]:
            follower.catch_up(client.head()[0])
            index.seal()
            followed_path(root).write_text(str(index.watermark()))
    finally:
        index.close()


if __name__ == "__main__":
    main()
