"""Bounds: what is too large, too slow or too much at once is refused early, and given back."""

from __future__ import annotations

import asyncio
import gzip
import threading
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from doubles.web_home import Client, Services
from ombud.web.app import create_app
from ombud.web.body import STEP, Gunzip
from ombud.web.errors import RequestError
from ombud.web.limits import Budget, Limits

ALL = {"Content-Type": "application/x-ndjson"}


def test_body_of_undeclared_length_is_bounded(client: Client, services: Services) -> None:
    """A body without a length is read no further than the bound."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b"x" * 1000

    answer = client.deliver(endless())

    assert answer.status_code == 413
    assert sent <= 6000
    assert services.delivered == []


def test_bomb_is_seen_before_it_is_expanded(client: Client, services: Services) -> None:
    """A few kilobytes that expand to a hundred megabytes cost a step, not all of them."""
    bomb = gzip.compress(bytes(100 << 20))
    tracemalloc.start()
    answer = client.deliver(bomb[:-8], Content_Encoding="gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert answer.status_code == 413
    assert peak < 16 << 20
    assert services.delivered == []


def test_expansion_goes_in_steps() -> None:
    """No step of an expansion is larger than the bound on steps."""
    steps = list(Gunzip().expand(gzip.compress(bytes(3 * STEP))))

    assert max(map(len, steps)) <= STEP
    assert sum(map(len, steps)) == 3 * STEP


def test_truncated_gzip_is_one_clear_error(client: Client) -> None:
    """Half a gzip records nothing and says why."""
    answer = client.deliver(gzip.compress(b'{"a":1}\n')[:-3], Content_Encoding="gzip")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "the body ends within its gzip"


def test_slow_body_is_given_up(services: Services) -> None:
    """Who sends a body drop by drop does not hold memory for ever."""
    client = Client(create_app(services.as_home(), limits=Limits(body_seconds_max=0.05)))
    released = asyncio.Event()

    async def never() -> AsyncIterator[bytes]:
        yield b"x"
        await released.wait()

    answer = client.deliver(never())

    assert answer.status_code == 408
    assert answer.json()["error"]["code"] == "timeout"


def test_full_budget_pushes_back_and_recovers(client: Client, services: Services) -> None:
    """While too much waits to become durable, senders are told to wait; then all is well again."""
    both_began, finish = threading.Barrier(3), threading.Event()

    def hold() -> None:
        if not finish.is_set():
            both_began.wait(10)
            finish.wait(10)

    services.while_ingesting = hold

    async def deliver() -> list[int]:
        body = b"x" * 3500
        path = "/v1/sources/county/events"
        given = {"content": body, "headers": ALL, "token": "tok-ingest"}
        first = [asyncio.create_task(client.send("POST", path, **given)) for _ in range(2)]
        await asyncio.to_thread(both_began.wait, 10)
        refused = await client.send("POST", path, **given)
        finish.set()
        accepted = [await task for task in first]
        again = await client.send("POST", path, **given)
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["error"]["code"] == "busy"
        return [refused.status_code, *(each.status_code for each in (*accepted, again))]

    assert asyncio.run(deliver()) == [429, 200, 200, 200]


def test_refused_deliveries_give_back_what_they_took(client: Client) -> None:
    """Bodies that were refused half-way do not wear the budget out."""
    for _ in range(20):
        assert client.deliver(b"x" * 3000, kind="application/json").status_code == 400

    assert client.deliver(b"x" * 3000).status_code == 200


def test_delivery_beyond_the_whole_budget_is_too_large(services: Services) -> None:
    """What can never fit is not told to come back later."""
    client = Client(create_app(services.as_home(), limits=Limits(pending_max=100)))

    assert client.deliver(b"x" * 101).status_code == 413


def test_lease_ends_with_its_request() -> None:
    """A lease gives back what it took, also after a refusal."""
    budget = Budget(10)
    with budget.lease() as lease:
        lease.take(6)
        with pytest.raises(RequestError):
            lease.take(6)

    assert budget.taken == 0


def test_too_many_requests_at_once(services: Services) -> None:
    """Beyond the bound requests are refused, but a monitor is still answered."""
    client = Client(create_app(services.as_home(), limits=Limits(requests_max=0)))
    answer = client.ask("GET", "/v1/search", token="tok-search")

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert client.ask("GET", "/healthz").status_code == 200
