"""Opening: the door to a home, to its running server or to the home itself.

A home that runs is asked over its socket, and then nothing of what holds a home
open (index, rules, record) is loaded: a command starts fast.  It is loaded by
name, and only when this process must open the home itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ombud.app.door import Door
from ombud.app.paths import HomePaths
from ombud.app.remote import RemoteDoor, connect_unix
from ombud.core.errors import Unavailable
from ombud.record.standing import check_version

LOCAL = ("ombud.app.local", "open_local_door")


def is_running(home: Path) -> bool:
    """Whether a server answers for this home."""
    try:
        connect_unix(HomePaths(home).server_socket).close()
    except OSError:
        return False
    return True


def check_home(home: Path) -> None:
    """Raise `Unavailable` when there is no home, or one of a newer format."""
    if not home.is_dir():
        raise Unavailable(
            f"no home at `{home}`",
            hint="`--home DIR` or OMBUD_HOME names another; `ombud demo` makes one to try,"
            " `ombud ingest` and `ombud serve` make a real one",
        )
    check_version(home)


@contextmanager
def open_door(home: Path) -> Iterator[Door]:
    """Open the door to a home; raises `Unavailable` when there is none or it is held."""
    check_home(home)
    if is_running(home):
        remote = RemoteDoor(HomePaths(home).server_socket)
        with closing(remote):
            yield remote
        return
    module, name = LOCAL
    with getattr(importlib.import_module(module), name)(home) as door:
        yield door
