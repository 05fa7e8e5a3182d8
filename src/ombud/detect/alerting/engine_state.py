"""Engine state: what an engine saved, as values of the kinds that it needs, whatever the bytes are.

What is read is checked as if a stranger had written it: an engine that took a wrong
value would stop at some later event, and again after every restart.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ombud.core.errors import InputError

STATE_VERSION = 2

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]  # Beyond it nothing was ever recorded.
_Time = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Usage = tuple[Count, list[str], list[tuple[str, Count]]]


class EngineState(msgspec.Struct, frozen=True):
    """The state of an engine without that of its correlator."""

    version: int
    position: Count
    time: Count
    unreadable: Count
    alerts: list[list[str | int]]
    actors: list[tuple[str, _Time]]
    usages: dict[str, _Usage]
    evidence: list[tuple[Count, _Time, str | None, str]]


class _Version(msgspec.Struct):
    version: Any = None


_VERSION = msgspec.json.Decoder(_Version)
_STATE = msgspec.json.Decoder(EngineState)


def read_engine_state(text: bytes) -> EngineState:
    """Return what a state says; raises `InputError` for what no engine of this version wrote."""
    try:
        version = _VERSION.decode(text).version
        if version != STATE_VERSION:
            raise InputError(f"engine state is of version {version}")
        return _STATE.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InputError(f"engine state is unreadable: {error}") from error
