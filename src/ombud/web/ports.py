"""Ports: what the API needs of an open home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ombud.core.event import Event
from ombud.services.asker import Asker

Json = dict[str, Any]


class Ingested(Protocol):
    """What became of one delivery: read = recorded + duplicate + quarantined."""

    @property
    def read(self) -> int:
        """Originals read."""

    @property
    def recorded(self) -> int:
        """New events."""

    @property
    def duplicate(self) -> int:
        """Originals that are events already."""

    @property
    def quarantined(self) -> int:
        """Originals that could not become an event."""

    @property
    def first_index(self) -> int | None:
        """Index of the first new event; None if there is none."""

    @property
    def last_index(self) -> int | None:
        """Index of the last new event; None if there is none."""

    @property
    def seconds(self) -> float:
        """How long it took until all was durable."""


class Found(Protocol):
    """One page of a search: events newest first, or the rows of an aggregation."""

    @property
    def events(self) -> Sequence[Event]:
        """The events, each with its original."""

    @property
    def rows(self) -> Sequence[Json] | None:
        """The rows of an aggregation; None when events were asked for."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins; None on the last."""


class Services(Protocol):
    """The use cases of one home; all may block, all raise the errors of `ombud.core.errors`."""

    def authenticate(self, token: str) -> Asker:
        """Return who stands behind a token; raises `Unauthenticated`."""

    def ingest(self, kind: str, chunks: Iterator[bytes], *, asker: Asker) -> Ingested:
        """Record what a source of this kind delivers; returns when it is durable."""

    def search(
        self,
        text: str,
        *,
        limit: int,
        cursor: str | None,
        asker: Asker,
        why: str | None,
        case: str | None,
    ) -> Found:
        """Return a page of what matches the query."""

    def sessions(
        self, text: str, *, limit: int, asker: Asker, why: str | None, case: str | None
    ) -> Sequence[Json]:
        """Return the sessions that hold an event that matches."""

    def session(
        self, session_id: str, *, asker: Asker, why: str | None, case: str | None
    ) -> Sequence[Event]:
        """Return every event of one session, in order."""

    def who(
        self, kind: str, key: str, *, asker: Asker, why: str | None, case: str | None
    ) -> Sequence[Json]:
        """Return everyone who touched one person's data."""

    def alerts(self, *, limit: int, asker: Asker) -> Sequence[Json]:
        """Return alerts, the latest first."""

    def head(self) -> Json:
        """Return the durable size, the root and the signed tree head."""

    def token_create(self, wanted: Json, *, asker: Asker) -> Json:
        """Create a token and return it, the only time that it is shown."""

    def token_list(self, *, asker: Asker) -> Sequence[Json]:
        """Return all tokens, without what they are made of."""

    def token_revoke(self, name: str, *, asker: Asker) -> None:
        """Revoke a token."""

    def health(self) -> Mapping[str, bool]:
        """Return each part of the home by name, and whether it works; open to anyone."""

    def metrics(self) -> Mapping[str, float]:
        """Return figures by name; one that ends in `_total` only ever grows; open to anyone."""
