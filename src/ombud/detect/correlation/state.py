"""State: the groups of every correlation as bytes, and back, whatever the bytes are.

MessagePack of plain values; columns of integers are little-endian.  Only what
follows from the history is written, so that the same history gives the same bytes.
What is read is checked as if a stranger had written it.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import astuple
from itertools import pairwise
from typing import Any

import msgspec

from ombud.core.collection import paused_collection
from ombud.core.errors import InputError
from ombud.detect.correlation.group import EPISODES_MAX, NEVER, Episode, Group
from ombud.detect.correlation.model import CorrelationType, Counters, Judging, Key
from ombud.detect.correlation.watch import Watch

STATE_VERSION = 1
STATE_SIZE_MAX = 1 << 30  # Bytes; more than every bound together allows.
TIME_MAX = 1 << 53  # Of log times and indices; beyond it nothing was ever recorded.


class _Group(msgspec.Struct, array_like=True, gc=False):
    key: tuple[str, ...]
    touched: int
    last_index: int
    settled: int
    due: int
    times: bytes
    recordeds: bytes
    indices: bytes
    values: list[int | float | str]
    episodes: list[Episode]


class _Watch(msgspec.Struct, array_like=True):
    id: str
    version: str
    counters: list[int]
    groups: list[_Group]


class _State(msgspec.Struct, array_like=True):
    version: int
    time: int
    fed: int
    horizons: list[int]
    watches: list[_Watch]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_State)


def write_state(watches: Sequence[Watch], time: int, fed: int) -> bytes:
    """Return the state of all watches at a log time."""
    state = _State(
        STATE_VERSION,
        time,
        fed,
        [watch.horizon for watch in watches],
        [
            _Watch(
                watch.correlation.id,
                watch.correlation.version,
                # What came twice was no part of the history.
                [*astuple(watch.counters)[:-1], 0],
                [_group_of(key, group) for key, group in watch.groups.items()],
            )
            for watch in watches
        ],
    )
    return _ENCODER.encode(state)


def read_state(state: bytes, watches: Sequence[Watch]) -> tuple[int, int]:
    """Fill the watches with what a state says of them; returns log time and last index.

    A correlation of another version, or another lateness, begins anew.  Raises
    `InputError` for bytes that no correlator wrote.
    """
    if len(state) > STATE_SIZE_MAX:
        raise InputError(f"correlation state is larger than {STATE_SIZE_MAX >> 20} MiB")
    with paused_collection():  # Half a million objects that stay: three times as fast.
        return _read(state, watches)


def _read(state: bytes, watches: Sequence[Watch]) -> tuple[int, int]:
    try:
        read = _DECODER.decode(state)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InputError(f"correlation state is unreadable: {error}") from error
    if read.version != STATE_VERSION:
        raise InputError(f"correlation state is of version {read.version}, not {STATE_VERSION}")
    _check(0 <= read.time <= TIME_MAX and -1 <= read.fed <= TIME_MAX, "times")
    _check(len(read.horizons) == len(read.watches), "correlations")
    found = {
        (one.id, one.version, horizon): one
        for one, horizon in zip(read.watches, read.horizons, strict=True)
    }
    for watch in watches:
        correlation = watch.correlation
        one = found.get((correlation.id, correlation.version, watch.horizon))
        if one is not None:
            _fill(watch, one, read.time)
    return read.time, read.fed


def _group_of(key: Key, group: Group) -> _Group:
    return _Group(
        key,
        group.touched,
        group.last_index,
        group.settled,
        group.due,
        _bytes(group.times),
        _bytes(group.recordeds),
        _bytes(group.indices),
        group.values or [],
        group.episodes or [],
    )


def _fill(watch: Watch, read: _Watch, time: int) -> None:
    counters = Counters()
    _check(len(read.counters) == len(astuple(counters)), "counters")
    _check(min(read.counters) >= 0, "counters")
    watch.counters = Counters(*read.counters)
    check_value = _check_of(watch)
    last_touched, fields = NEVER, len(watch.correlation.group_by)
    groups, has_values = watch.groups, watch.has_values
    for one in read.groups:
        # The groups are many: what is checked of each is checked at once.
        is_so = len(one.key) == fields and one.key not in groups
        _check(is_so and last_touched <= one.touched <= time, "groups")
        last_touched = one.touched
        groups[one.key] = group = _read_group(one, watch, time)
        if has_values:
            _check(all(map(check_value, one.values)), "values")
        watch.entry_count += len(group.times)


def _read_group(one: _Group, watch: Watch, time: int) -> Group:
    group = Group(has_values=watch.has_values)
    group.times = times = _integers(one.times)
    group.recordeds = recordeds = _integers(one.recordeds)
    group.indices = indices = _integers(one.indices)
    count = len(times)
    _check(
        len(recordeds) == count == len(indices)
        and len(one.values) == (count if watch.has_values else 0)
        and (one.due == 0 or (0 < one.due <= TIME_MAX and watch.judging is not Judging.SLIDING)),
        "columns",
    )
    if count == 1:
        _check(recordeds[0] <= time and indices[0] >= 0, "log times")
    elif count:
        ordered = times.tolist()
        _check(ordered == sorted(ordered), "order of times")
        _check(max(recordeds) <= time and min(indices) >= 0, "log times")
    if watch.has_values:
        group.values = one.values
    if one.episodes:
        group.episodes = _read_episodes(one.episodes, watch.span)
    group.touched, group.last_index = one.touched, one.last_index
    group.settled, group.due = one.settled, one.due
    group.find_oldest()
    return group


def _read_episodes(episodes: list[Episode], apart: int) -> list[Episode]:
    _check(
        len(episodes) <= EPISODES_MAX
        and all(first <= last for first, last, _ in episodes)
        and all(later[0] - one[1] > apart for one, later in pairwise(episodes)),
        "episodes",
    )
    return episodes


def _check_of(watch: Watch) -> Callable[[Any], bool]:
    kind = watch.correlation.type
    if kind.is_temporal:
        slots = len(watch.correlation.rules)
        return lambda value: type(value) is int and 0 <= value < slots
    if kind is CorrelationType.VALUE_COUNT:
        return lambda value: isinstance(value, str)
    return lambda value: not isinstance(value, str) and math.isfinite(value)


def _bytes(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column = array("q", column)
        column.byteswap()
    return column.tobytes()


def _integers(data: bytes) -> array[int]:
    column = array("q", data)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def _check(is_so: bool, what: str) -> None:
    if not is_so:
        raise InputError(f"correlation state is wrong: its {what} cannot be")
