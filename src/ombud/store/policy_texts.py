"""Policy texts: the files of a policy, cut into originals of events and put together again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import msgspec
import orjson

from ombud.core.errors import InputError, TamperError, Unavailable
from ombud.core.event import Event

FILES_MAX = 500  # Files of one policy.
NAME_MAX = 255  # Characters of a file's name.
SIZE_MAX = 16 << 20  # Bytes of all files: twenty thousand datasets.
CHUNK_SIZE = 2 << 20  # Characters of one event: as JSON at most 12 MB, and an original may have 16.


class _Carried(msgspec.Struct):
    """The original of one event; the end of one file and the beginning of the next fit in one."""

    policy: str
    number: int
    files: list[tuple[str, str]]


def check_texts(files: Mapping[str, str]) -> None:
    """Raise `InputError` for texts that are no policy for their size or names alone."""
    if not files:
        raise InputError("a policy has at least one file", hint="a folder with `*.yaml` files")
    if len(files) > FILES_MAX:
        raise InputError(f"a policy has at most {FILES_MAX} files, not {len(files)}")
    size = 0
    for name, text in files.items():
        if not name or len(name) > NAME_MAX or any(ord(character) < 32 for character in name):
            raise InputError(f"a file's name has 1 to {NAME_MAX} characters, not `{name[:80]}`")
        try:
            size += len(name.encode()) + len(text.encode())
        except UnicodeEncodeError as error:
            raise InputError("is not text", origin=repr(name)) from error
    if size > SIZE_MAX:
        raise InputError(f"the files of a policy have at most {SIZE_MAX} bytes, not {size}")


def hash_texts(files: Mapping[str, str]) -> str:
    """Return the SHA-256 of texts by name, hex; the order in which they come is nothing."""
    return hashlib.sha256(orjson.dumps(dict(files), option=orjson.OPT_SORT_KEYS)).hexdigest()


def split_texts(policy: str, files: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the originals of the events that carry the texts, in order."""
    number, room = 0, CHUNK_SIZE
    pieces: list[tuple[str, str]] = []
    for name in sorted(files):
        rest = files[name]
        while True:
            pieces.append((name, rest[:room]))
            rest, room = rest[room:], room - len(pieces[-1][1]) - len(name)
            if room > 0:
                break
            yield _encode(policy, number, pieces)
            number, room, pieces = number + 1, CHUNK_SIZE, []
            if not rest:
                break
    if pieces:
        yield _encode(policy, number, pieces)


def _encode(policy: str, number: int, pieces: list[tuple[str, str]]) -> bytes:
    return msgspec.json.encode(_Carried(policy, number, pieces))


def join_texts(events: list[Event], *, policy: str, sha256: str) -> dict[str, str]:
    """Return the texts that events carry.

    Raises `Unavailable` when some were erased, and `TamperError` when together they
    are not the texts with that hash.
    """
    pieces: dict[str, list[str]] = {}
    for number, event in enumerate(events):
        if not event.raw:
            raise Unavailable(
                f"the texts of policy `{policy}` were erased from event {event.id}",
                hint="apply the policy again from its files",
            )
        for name, text in _pieces(event, policy, number):
            pieces.setdefault(name, []).append(text)
    files = {name: "".join(texts) for name, texts in pieces.items()}
    found = hash_texts(files)
    if found != sha256:
        raise TamperError(
            f"texts of policy `{policy}` have SHA-256 {found}, and its event says {sha256}"
        )
    return files


def _pieces(event: Event, policy: str, number: int) -> list[tuple[str, str]]:
    try:
        carried = msgspec.json.decode(event.raw, type=_Carried)
    except msgspec.DecodeError as error:
        raise TamperError(
            f"is not what Ombud writes: {error}", origin=f"event {event.id}"
        ) from error
    if (carried.policy, carried.number) != (policy, number):
        raise TamperError(f"carries another policy than `{policy}`", origin=f"event {event.id}")
    return carried.files
