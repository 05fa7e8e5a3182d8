"""Purposes: they hold in their block and nowhere else, whatever runs in between."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from ombud.client import Purpose, current_purpose, purpose
from ombud.core.errors import InputError

FRAUD = Purpose("fraud.review", "24-118")


def test_a_purpose_holds_in_its_block() -> None:
    """Outside there is none; nested, the innermost holds, and its case alone."""
    assert current_purpose() is None
    with purpose("fraud.review", case="24-118") as stated:
        assert stated == FRAUD == current_purpose()
        with purpose("care", justification="j-1"):
            assert current_purpose() == Purpose("care", None, ("j-1",))
        assert current_purpose() == FRAUD
    assert current_purpose() is None


def test_an_error_ends_it() -> None:
    """Whatever ends the block ends the purpose."""
    with pytest.raises(ZeroDivisionError), purpose("care"):
        _ = 1 / 0
    assert current_purpose() is None


def test_a_decorator_states_it_for_each_call() -> None:
    """A function runs inside, also when it calls itself, and keeps its name."""

    @purpose("care", case="7")
    def count(depth: int) -> list[Purpose | None]:
        """Count."""
        return [current_purpose(), *(count(depth - 1) if depth else [])]

    assert count(2) == [Purpose("care", "7")] * 3
    assert current_purpose() is None
    assert (count.__name__, count.__doc__) == ("count", "Count.")


def test_tasks_are_apart() -> None:
    """Coroutines that take turns each see their own purpose."""

    @purpose("care")
    async def decorated() -> Purpose | None:
        await asyncio.sleep(0)
        return current_purpose()

    async def inside(name: str) -> list[str]:
        seen = []
        with purpose(name):
            for _ in range(3):
                await asyncio.sleep(0)
                stated = current_purpose()
                seen.append(stated.name if stated else "")
        return seen

    async def run() -> list[list[str]]:
        assert await decorated() == Purpose("care")
        return list(await asyncio.gather(inside("a"), inside("b")))

    assert asyncio.run(run()) == [["a"] * 3, ["b"] * 3]
    assert current_purpose() is None


def test_a_task_that_outlives_the_block_has_none() -> None:
    """A task begun inside keeps the purpose until the block ends, and not a moment longer."""

    async def run() -> list[Purpose | None]:
        seen: list[Purpose | None] = []
        ended = asyncio.Event()

        async def work() -> None:
            seen.append(current_purpose())
            await ended.wait()
            seen.append(current_purpose())

        with purpose("outer"):
            with purpose("care"):
                task = asyncio.create_task(work())
                await asyncio.sleep(0)
            ended.set()
            await task
        return seen

    assert asyncio.run(run()) == [Purpose("care"), None]


@pytest.mark.parametrize("threads", [False, True])
def test_threads_inherit_only_what_is_handed_on(threads: bool) -> None:
    """A new thread has none; one that runs in a copied context only where that was said."""
    seen: dict[str, Purpose | None] = {}

    def look(name: str) -> None:
        seen[name] = current_purpose()

    with purpose("care", threads=threads):
        plain = threading.Thread(target=look, args=("plain",))
        copied = threading.Thread(target=contextvars.copy_context().run, args=(look, "copied"))
        late = contextvars.copy_context()
        for thread in (plain, copied):
            thread.start()
            thread.join()
    later = threading.Thread(target=late.run, args=(look, "later"))
    later.start()
    later.join()

    assert seen == {"plain": None, "copied": Purpose("care") if threads else None, "later": None}


def test_generators_are_refused() -> None:
    """Between two values the purpose of a generator would hold for whoever iterates."""

    def values() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    for function in (values, later):
        with pytest.raises(TypeError, match="whoever iterates"):
            purpose("care")(function)


def test_a_generator_left_in_the_middle_ends_with_the_block_around() -> None:
    """What a suspended generator left open is closed by the block that encloses it."""

    def values() -> Generator[Purpose | None]:
        with purpose("inner"):
            yield current_purpose()

    with purpose("outer"):
        left = values()
        assert next(left) == Purpose("inner")
    assert current_purpose() is None
    left.close()
    assert current_purpose() is None


@pytest.mark.parametrize(
    "stated",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 1001},
        {"name": "care", "case": ""},
        {"name": "care", "justification": ""},
        {"name": "care", "justification": ("j", " ")},
    ],
    ids=str,
)
def test_what_says_nothing_is_refused(stated: dict[str, str]) -> None:
    """An empty purpose is none."""
    with pytest.raises(InputError):
        purpose(**stated)  # type: ignore[arg-type]


def test_a_block_that_is_left_elsewhere_ends_where_it_was_entered() -> None:
    """A generator is closed by whoever lets it go: what holds there is nobody's business."""

    def rows() -> Generator[int]:
        with purpose("theirs"):
            yield 1

    leaky = rows()
    entered, other = contextvars.copy_context(), contextvars.copy_context()
    entered.run(next, leaky)
    assert entered.run(current_purpose) == Purpose("theirs")

    def elsewhere() -> Purpose | None:
        with purpose("own"):
            leaky.close()
            return current_purpose()

    assert other.run(elsewhere) == Purpose("own")
    assert entered.run(current_purpose) is None
