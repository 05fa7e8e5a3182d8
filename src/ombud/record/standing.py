"""Standing: what a home says of itself: its format, and whether it is a copy that may not sign.

`version` holds the format of the home; homes made before there was one have none
and are of format 1.  `copy.json` lies in every backup and in what is restored
from one: the home it was copied from may have gone on, and two homes that sign
one log tell two stories.  A copy signs nothing until somebody says, with a
reason, that it is the home from now on.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from ombud.core.clock import format_instant
from ombud.core.errors import TamperError, Unavailable
from ombud.record import files

FORMAT = 2  # 1: without `version`. 2: says its version; a copy says that it is one.
VERSION_NAME = "version"
COPY_NAME = "copy.json"
_VERSION_SIZE_MAX = 32
_COPY_SIZE_MAX = 64 << 10


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy says of itself; instants in milliseconds since the epoch, `root` in hex.

    `restored_at` is 0 in a backup.  A copy that is not whole was left half-made.
    """

    id: str
    origin: str
    size: int
    root: str
    backed_up_at: int
    restored_at: int = 0
    is_whole: bool = True

    def sentence(self) -> str:
        """Return the line that every command says of a copy."""
        if not self.is_whole:
            return "this home is half restored: empty its folder and restore again"
        return (
            f"this home is a copy of {format_instant(self.backed_up_at)}, {self.size} events,"
            " and signs nothing until `ombud restore resume --why …`"
        )


def read_version(root: Path) -> int:
    """Return the format of a home; raises `Unavailable` when its file does not say one."""
    path = root / VERSION_NAME
    try:
        with path.open("rb") as file:
            text = file.read(_VERSION_SIZE_MAX).strip()
    except FileNotFoundError:
        return 1
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from error
    if not (text.isdigit() and text.isascii() and int(text) > 0):
        raise Unavailable(
            f"`{path}` does not say of which format this home is",
            hint=f"a home of this program's format holds one line there, `{FORMAT}`",
        )
    return int(text)


def check_version(root: Path) -> int:
    """Return the format of a home; raises `Unavailable` for one that this program does not know."""
    found = read_version(root)
    if found > FORMAT:
        raise Unavailable(
            f"`{root}` is a home of format {found}, and this program knows up to {FORMAT}",
            hint="use the program that upgraded it, or a newer one; nothing was changed",
        )
    return found


def write_version(root: Path, temporary: Path, version: int = FORMAT) -> None:
    """Say durably of which format a home is."""
    files.write_durably(root / VERSION_NAME, b"%d\n" % version, temporary)


def read_copy(root: Path) -> Copy | None:
    """Return what a home says of itself as a copy, or None when it is none.

    Raises `TamperError` for a file that cannot be understood: it may be a copy.
    """
    path = root / COPY_NAME
    try:
        with path.open("rb") as file:
            data = file.read(_COPY_SIZE_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from error
    try:
        return msgspec.json.decode(data, type=Copy)
    except msgspec.DecodeError as error:
        raise TamperError(
            f"does not say of what this home is a copy: {error}",
            origin=str(path),
            hint="restore it again from its backup",
        ) from error


def write_copy(root: Path, copy: Copy, temporary: Path) -> None:
    """Say durably that a home is a copy."""
    files.write_durably(root / COPY_NAME, msgspec.json.encode(copy) + b"\n", temporary)


def forget_copy(root: Path) -> None:
    """Let a copy be the home from now on, durably."""
    files.remove(root / COPY_NAME)
    files.sync_path(root)


def check_may_sign(root: Path) -> None:
    """Raise `Unavailable` for a copy that has not been resumed: it could sign a second history."""
    copy = read_copy(root)
    if copy is not None:
        raise Unavailable(
            f"nothing is recorded: {copy.sentence()}",
            hint="first see that the home it was copied from has ended: two that go on are a fork",
        )
