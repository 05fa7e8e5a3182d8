"""Guarded values: nothing of them comes out but inside their purpose."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import logging
import operator
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import orjson
import pytest

from ombud.client import Guarded, GuardedError, Purpose, current_purpose, purpose

SECRET = "AB 123 CD"
CARE = Purpose("care", "7")
GUARDED = Guarded([{"plate": SECRET}], CARE, decision_id="d-1")


@dataclass
class Holder:
    """Something that holds a guarded value."""

    value: Any


def test_it_opens_inside_its_purpose_and_case() -> None:
    """And nowhere else: no purpose, another one, another case, a nested other one."""
    with purpose("care", case="7"):
        assert GUARDED.unwrap() == [{"plate": SECRET}]
        with purpose("fraud"), pytest.raises(GuardedError, match="inside `fraud`"):
            GUARDED.unwrap()
        assert GUARDED.unwrap()
    for block in (purpose("care"), purpose("care", case="8"), purpose("car", case="7")):
        with block, pytest.raises(GuardedError):
            GUARDED.unwrap()
    with pytest.raises(GuardedError, match="outside of any purpose"):
        GUARDED.unwrap()


def test_what_is_made_of_it_is_guarded() -> None:
    """`map` works inside alone and gives nothing out."""
    with purpose("care", case="7"):
        count = GUARDED.map(len)
    assert (count.purpose, count.decision_id) == (CARE, "d-1")
    with pytest.raises(GuardedError):
        count.unwrap()
    with pytest.raises(GuardedError):
        GUARDED.map(len)
    with purpose("care", case="7"):
        assert count.unwrap() == 1


def test_a_task_that_outlives_its_purpose_opens_nothing() -> None:
    """What was obtained inside stays closed afterwards, also for a task begun inside."""

    async def run() -> None:
        ended = asyncio.Event()

        async def late() -> None:
            await ended.wait()
            GUARDED.unwrap()

        with purpose("care", case="7"):
            assert current_purpose() == CARE
            task = asyncio.create_task(late())
            await asyncio.sleep(0)
        ended.set()
        with pytest.raises(GuardedError):
            await task

    asyncio.run(run())


@pytest.mark.parametrize(
    "write",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{:>40}".format,
        "{!r}".format,
        lambda value: f"{value}",
        lambda value: operator.mod("%s", value),
        lambda value: operator.mod("%s %r", (value, [value])),
        lambda value: json.dumps({"v": value}, default=str),
        lambda value: orjson.dumps({"v": value}, default=str).decode(),
        lambda value: str(Holder(value)),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_texts_say_what_it_is_and_not_what_it_holds(
    write: Callable[[object], str], inside: bool
) -> None:
    """Every way to a text gives the same words, inside the purpose, too."""
    with purpose("care" if inside else "fraud", case="7"):
        text = write(GUARDED)

    assert "Guarded for care" in text
    assert "AB" not in text


@pytest.mark.parametrize(
    "use",
    [
        bool,
        len,
        list,
        tuple,
        dict,
        sorted,
        reversed,
        hash,
        int,
        float,
        complex,
        bytes,
        iter,
        json.dumps,
        orjson.dumps,
        msgspec.json.encode,
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        vars,
        operator.index,
        lambda value: operator.eq(value, value),
        lambda value: value != 1,
        lambda value: value == [{"plate": SECRET}],
        lambda value: operator.lt(value, value),
        lambda value: value[0],
        lambda value: {"plate": SECRET} in value,
        lambda value: value + value,
        lambda value: [*value],
        lambda value: operator.mod("%d", value),
        lambda value: "," + value,
        ",".join,
        lambda value: {value: 1},
        lambda value: value(),
        lambda value: value.value,
        lambda value: value._Guarded__dict__,
        lambda value: asdict(Holder(value)),
        lambda value: setattr(value, "plate", 1),
        lambda value: value.__getstate__(),
        lambda value: value.__reduce__(),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_everything_else_is_refused(use: Callable[[Any], object], inside: bool) -> None:
    """Comparing, iterating, counting, copying, pickling: an error that holds nothing of it."""
    with purpose("care" if inside else "fraud", case="7"), pytest.raises(Exception) as caught:  # noqa: PT011
        use(GUARDED)

    assert isinstance(caught.value, TypeError | AttributeError)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_logs_hold_nothing_of_it() -> None:
    """A line of a log names it, in the message and in its arguments."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    log = logging.getLogger("test.guarded")
    log.addHandler(handler)
    try:
        log.warning("got %s and %r", GUARDED, {"v": GUARDED})
    finally:
        log.removeHandler(handler)

    assert stream.getvalue() == "got <Guarded for care> and {'v': <Guarded for care>}\n"
