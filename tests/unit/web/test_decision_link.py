"""Decision link: what waits is committed together, and everybody is told what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision
from ombud.core.errors import OmbudError, Unavailable
from ombud.record.protocol import (
    HEAD_SIZE,
    Status,
    encode_error,
    encode_head,
    encode_receipts,
    parse_batches,
    parse_head,
)
from ombud.record.receipt import Receipt
from ombud.services.asker import Asker
from ombud.services.decision_events import Recordable, decision_row
from ombud.web import decision_link
from ombud.web.decision_link import SECOND_EVENTS, WAITING_MAX, DecisionLink

ATTEMPT = Attempt("user", "alice", "read", "record", "r1")
PEP = Asker(person="gate", scopes=frozenset({"decide"}))
Told = list[OmbudError | None]
Answer = Callable[[int], bytes | None]  # For so many events; None goes away instead.


def row(number: int) -> Recordable:
    """Return an event of a decision."""
    made = Decision(True, ("standing",), "v1", f"d{number}")
    return decision_row(ATTEMPT, made, asker=PEP, now=1)


def receipt(count: int, recorded: int | None = None) -> bytes:
    """Return the answer that so many events are durable."""
    known = count if recorded is None else recorded
    body = encode_receipts([Receipt(0, known, known, 0, 0, known)])
    return encode_head(Status.DONE, len(body)) + body


def refusal(_: int) -> bytes:
    """Return the answer that nothing is taken."""
    body = encode_error(Unavailable("the disk is full"))
    return encode_head(Status.ERROR, len(body)) + body


def run(
    folder: Path, answer: Answer, work: Callable[[DecisionLink, Told], Awaitable[None]]
) -> tuple[list[int], Told]:
    """Run a recorder that answers so; return what it was sent, and what was told."""
    sizes: list[int] = []
    told: Told = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.read(HEAD_SIZE):
                _, size = parse_head(head)
                (batch,) = parse_batches(memoryview(await reader.readexactly(size)))
                sizes.append(batch.count)
                said = answer(batch.count)
                if said is None:
                    return
                writer.write(said)
        finally:
            writer.close()
            await writer.wait_closed()

    async def main() -> None:
        path = folder / "recorder.sock"
        async with await asyncio.start_unix_server(serve, path):
            link = DecisionLink(path)
            await work(link, told)
            link.abort()
            await asyncio.sleep(0.01)

    asyncio.run(main())
    return sizes, told


async def submit(link: DecisionLink, told: Told, count: int) -> None:
    """Hand over so many events at once, and wait until all are told."""
    over = asyncio.Event()
    expected = len(told) + count

    def done(error: OmbudError | None) -> None:
        told.append(error)
        if len(told) >= expected:
            over.set()

    for number in range(count):
        link.submit(row(number), done)
    async with asyncio.timeout(20):
        await over.wait()


def test_what_comes_together_is_committed_together(tmp_path: Path) -> None:
    """A hundred decisions of one turn are one append."""
    sizes, told = run(tmp_path, receipt, lambda link, told: submit(link, told, 100))

    assert sizes == [100]
    assert told == [None] * 100


@pytest.mark.parametrize(
    ("followers", "sizes"),
    [(SECOND_EVENTS - 1, [1, SECOND_EVENTS]), (SECOND_EVENTS, [1, SECOND_EVENTS, 1])],
)
def test_a_second_append_leaves_when_it_is_worth_it(
    tmp_path: Path, followers: int, sizes: list[int]
) -> None:
    """While one is on its way, few wait for its answer and go with those that came since."""

    async def work(link: DecisionLink, told: Told) -> None:
        await submit(link, told, 1)  # So that there is a connection.
        first = asyncio.gather(*(submit_later(link, told, count) for count in (1, followers, 1)))
        async with asyncio.timeout(20):
            await first

    async def submit_later(link: DecisionLink, told: Told, count: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        left = count

        def done(error: OmbudError | None) -> None:
            nonlocal left
            told.append(error)
            left -= 1
            if not left:
                turn.set_result(None)

        for number in range(count):
            link.submit(row(number), done)
        link._flush()  # As at the end of each turn of the loop.
        await turn

    found, told = run(tmp_path, receipt, work)

    assert found == [1, *sizes]
    assert told == [None] * (1 + 1 + followers + 1)


@pytest.mark.parametrize(
    ("name", "answer", "message"),
    [
        ("refused", refusal, "the disk is full"),
        ("fewer", lambda count: receipt(count, count - 1), "did not take every"),
        ("gone", lambda _: None, "went away"),
        ("no answer of ours", lambda _: b"HTTP/1.1 400 Bad\r\n\r\n", "went away"),
        ("no receipt", lambda _: encode_head(Status.DONE, 2) + b"[]", "went away"),
    ],
)
def test_whatever_is_not_a_receipt_is_told_to_all(
    tmp_path: Path, name: str, answer: Answer, message: str
) -> None:
    """Nobody is left waiting, and nobody is told that it is durable."""
    _, told = run(tmp_path, answer, lambda link, told: submit(link, told, 5))

    assert len(told) == 5, name
    assert all(isinstance(error, Unavailable) and message in str(error) for error in told)


def test_without_a_recorder_it_is_refused_at_once(tmp_path: Path) -> None:
    """And tried again with the next."""
    told: Told = []

    async def main() -> None:
        link = DecisionLink(tmp_path / "none.sock")
        await submit(link, told, 1)
        await submit(link, told, 1)

    asyncio.run(main())

    assert [str(error)[:20] for error in told] == ["no recorder answers "] * 2


def test_a_recorder_that_was_gone_is_found_again(tmp_path: Path) -> None:
    """The next decision makes a new connection."""
    answers = iter([None, receipt(1)])

    async def work(link: DecisionLink, told: Told) -> None:
        await submit(link, told, 1)
        await submit(link, told, 1)

    _, told = run(tmp_path, lambda _: next(answers), work)

    assert [type(error) for error in told] == [Unavailable, type(None)]


def test_what_waits_has_a_bound_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand large batches are not held for their small number; room comes again."""
    size = len(row(0)[1])
    monkeypatch.setattr(decision_link, "WAITING_SIZE", 3 * size)

    async def work(link: DecisionLink, told: Told) -> None:
        await submit(link, told, 10)
        await submit(link, told, 2)

    sizes, told = run(tmp_path, receipt, work)

    assert sum(error is None for error in told) == sum(sizes)
    assert 2 < sum(sizes) < 10
    assert told[-2:] == [None, None]


def test_what_waits_has_a_bound(tmp_path: Path) -> None:
    """Beyond it, askers are told to come again."""
    _, told = run(tmp_path, receipt, lambda link, told: submit(link, told, WAITING_MAX + 1))

    assert sum(error is None for error in told) == WAITING_MAX
