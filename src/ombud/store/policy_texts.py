"""Policy texts: the files of a policy, cut into originals of events and put together again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import orjson

from ombud.core.errors import InputError, TamperError, Unavailable
from ombud.core.event import Event

FILES_MAX = 2_000  # Files of one policy: some ten for each of 200 purposes.
NAME_MAX = 255  # Characters of a file's name.
SIZE_MAX = 32 << 20  # Bytes of all files: ten times 5,000 entities and 2,000 datasets.
CHUNK_SIZE = 2 << 20  # Characters of one event: as JSON at most 12 MB, and an original may have 16.


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
    pieces: list[list[str]] = []
    for name in sorted(files):
        rest = files[name]
        while True:
            pieces.append([name, rest[:room]])
            rest, room = rest[room:], room - len(pieces[-1][1]) - len(name)
            if room > 0:
                break
            yield _encode(policy, number, pieces)
            number, room, pieces = number + 1, CHUNK_SIZE, []
            if not rest:
                break
    if pieces:
        yield _encode(policy, number, pieces)


def _encode(policy: str, number: int, pieces: list[list[str]]) -> bytes:
    return orjson.dumps({"policy": policy, "number": number, "files": pieces})


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
        try:
            said = orjson.loads(event.raw)
            if (said["policy"], said["number"]) != (policy, number):
                raise ValueError("names another policy")
            for name, text in said["files"]:
                pieces.setdefault(name, []).append(text)
        except (ValueError, TypeError, LookupError) as error:
            raise TamperError(
                f"is not what Ombud writes: {error}", origin=f"event {event.id}"
            ) from error
    try:
        files = {name: "".join(texts) for name, texts in pieces.items()}
        found = hash_texts(files)
    except TypeError as error:
        raise TamperError(f"texts of policy `{policy}` are no texts: {error}") from error
    if found != sha256:
        raise TamperError(
            f"texts of policy `{policy}` have SHA-256 {found}, and its event says {sha256}"
        )
    return files
