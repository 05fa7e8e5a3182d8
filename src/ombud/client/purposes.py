"""Purposes: the reason for which code runs, stated around it and nowhere else.

A purpose holds from the beginning of its block to the end, in the thread that
entered it.  A task that outlives the block, or a thread that was started in it,
has none: it must state its own.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ParamSpec, Self, TypeVar

from ombud.core.errors import InputError

TEXT_MAX = 1_000  # Characters of a purpose, case or justification.

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why code runs: a declared purpose, the organisation's case, justifications given before.

    `justifications` are the ids that meeting a checkpoint gave.
    """

    name: str
    case: str | None = None
    justifications: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class _Frame:
    """One entering of a block; closed at its end, whoever still holds it."""

    block: _Block
    before: _Frame | None
    thread: int
    is_open: bool = True


_frame: ContextVar[_Frame | None] = ContextVar("ombud_purpose", default=None)


def current_purpose() -> Purpose | None:
    """Return the purpose that holds here and now; None outside of any."""
    frame = _frame.get()
    if frame is None or not frame.is_open:
        return None
    if frame.thread != threading.get_ident() and not frame.block.threads:
        return None
    return frame.block.stated


class _Block:
    """A purpose as a `with` block or a decorator; one can be entered any number of times."""

    def __init__(self, stated: Purpose, *, threads: bool) -> None:
        self.stated = stated
        self.threads = threads
        self._frames: list[_Frame] = []  # Entered and not left.

    def __enter__(self) -> Purpose:
        """Let the purpose hold from here on."""
        frame = _Frame(self, _frame.get(), threading.get_ident())
        self._frames.append(frame)
        _frame.set(frame)
        return self.stated

    def __exit__(self, *_: object) -> None:
        """End it for everybody; what held before holds again."""
        inner, frame = [], _frame.get()
        while frame is not None and frame not in self._frames:
            inner.append(frame)  # Left without its end, such as by a generator.
            frame = frame.before
        if frame is None:  # Entered elsewhere, by a generator that is let go here.
            for one in self._frames:
                one.is_open = False
            self._frames.clear()
            return
        for one in (*inner, frame):
            one.is_open = False
        self._frames.remove(frame)
        _frame.set(frame.before)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function as one that runs for this purpose."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"`{function.__qualname__}` is a generator: its purpose would hold for whoever"
                " iterates; state it in the function that does"
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: P.args, **kwargs: P.kwargs) -> object:
                with self.again():
                    return await function(*args, **kwargs)

            return run_async  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.again():
                return function(*args, **kwargs)

        return run

    def again(self) -> Self:
        """Return a block of the same purpose that is entered once."""
        return type(self)(self.stated, threads=self.threads)


def purpose(
    name: str,
    *,
    case: str | None = None,
    justification: str | tuple[str, ...] = (),
    threads: bool = False,
) -> _Block:
    """Return a block, or a decorator, in which a purpose holds.

    With `threads` it also holds in threads that are handed a copy of the context, such
    as those of `asyncio.to_thread`, until the block ends.  Raises `InputError` for a
    name that is empty or too long.
    """
    given = (justification,) if isinstance(justification, str) else tuple(justification)
    for text in (name, *([] if case is None else [case]), *given):
        if not text.strip() or len(text) > TEXT_MAX:
            raise InputError(f"a purpose, case or justification has 1 to {TEXT_MAX} characters")
    return _Block(Purpose(name, case, given), threads=threads)
