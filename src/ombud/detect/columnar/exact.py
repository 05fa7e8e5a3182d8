"""Exact: what msgspec must refuse so that it never reads what orjson reads otherwise.

Plain views are made by orjson: it makes floats of integers beyond 64 bits, and
refuses a document that nests too deep wherever it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import orjson
from msgspec import Meta

INTEGER: Any = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # Beyond these, msgspec refuses.
REFUSALS = (msgspec.MsgspecError, RecursionError, ValueError)
DEPTH_MAX = 1024  # Levels at which orjson refuses a document.

_TOO_DEEP = b'{"":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}"


def decode_all(
    decode: Callable[[Any], Any], raws: Sequence[Any], empty: Any
) -> tuple[list[Any], list[int]]:
    """Return every text decoded, `empty` for one that is refused, and the rows of those."""
    objects: list[Any] = []
    refused: list[int] = []
    left = iter(raws)
    while True:
        try:
            objects.extend(map(decode, left))
        except REFUSALS:
            refused.append(len(objects))
            objects.append(empty)
        else:
            return objects, refused


def long_runs(blob: bytes | memoryview) -> list[int]:
    """Return where runs of digits lie that are longer than 15: all of 19 are among them.

    So many digits has an integer beyond 64 bits; an account has 12.
    """
    letters = np.frombuffer(blob, np.uint8, len(blob) // 4 * 4)
    words = ((letters - 48) < 10).view(np.uint32) == 0x01010101
    runs = words[:-3] & words[1:-2] & words[2:-1] & words[3:]
    found: list[int] = (np.flatnonzero(runs) * 4).tolist() if runs.any() else []
    return found


def is_exact(box: Any) -> bool:
    """Whether a decoded list or object holds nothing that orjson would have read otherwise."""
    try:
        orjson.dumps(box)  # Refuses integers beyond 64 bits.
    except TypeError:
        return False
    return True


class _Nothing(msgspec.Struct):
    """An object of which nothing is asked."""


_skip = msgspec.json.Decoder(_Nothing).decode


def too_deep(raws: Sequence[bytes | memoryview]) -> set[int]:
    """Return what may be nested deeper than orjson goes, if decoding here would go as deep.

    How deep that is, hangs on Python's version and on how it is set.
    """
    if max(map(len, raws), default=0) < 2 * DEPTH_MAX:
        return set()
    try:
        _skip(_TOO_DEEP)
    except RecursionError:
        return set()
    return {
        row
        for row, raw in enumerate(raws)
        if len(raw) >= 2 * DEPTH_MAX
        and (whole := bytes(raw)).count(b"[") + whole.count(b"{") >= DEPTH_MAX
    }
