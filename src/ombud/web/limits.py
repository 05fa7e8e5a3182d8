"""Limits: how much the API takes at once, and how it says "later".

All counting happens on the event loop, so that it needs no lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from ombud.web.errors import RequestError

RETRY_SECONDS = 1  # A group commit takes milliseconds; a second lets a queue drain.


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server; sizes in bytes."""

    pending_max: int = 64_000_000  # Input taken and not yet durable, of all requests together.
    body_max: int = 32 << 20  # One delivery, expanded; what is larger comes in pieces.
    body_seconds_max: float = 60.0  # A sender that is slower holds memory for too long.
    question_max: int = 64 << 10  # The body of a request that is not a delivery.
    directory_max: int = (
        66 << 20
    )  # The files of a load (48 MiB) as base64, and what is around them.
    # The files of a policy (16 MiB), which JSON may write twice as long, and what is around them.
    policy_max: int = 33 << 20
    trino_max: int = 16 << 20  # A question of Trino: it may list every table of a catalog.
    requests_max: int = 256  # Requests answered at once; each may hold a thread.


class Budget:
    """What is taken and not yet answered, of something of which there is only so much."""

    def __init__(self, amount_max: int) -> None:
        self.amount_max = amount_max
        self.taken = 0

    def take(self, amount: int) -> None:
        """Take some; raises `RequestError` (429) when there is not enough left."""
        if self.taken + amount > self.amount_max:
            raise RequestError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "more is waiting to become durable than this server holds",
                code="busy",
                hint="send the same again after `Retry-After` seconds: what was recorded by then"
                " counts as duplicate",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        self.taken += amount

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Yield a lease; what was taken through it is given back at its end."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            self.taken -= lease.amount


class Lease:
    """What one request has taken of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.amount = 0

    def take(self, amount: int) -> None:
        """Take more."""
        self._budget.take(amount)
        self.amount += amount
