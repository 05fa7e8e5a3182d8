"""Web double: services that answer plainly, and a client that asks the application in process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
from fastapi import FastAPI

from ombud.core.errors import NotFound, Unauthenticated
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.home import HomeServices
from ombud.services.looks import Page
from ombud.services.told import Told
from ombud.store.persons import Person

SCOPES = {"tok-ingest": "ingest", "tok-search": "search", "tok-admin": "admin"}
LOOK_UP = Event(
    id=7,
    time=1_795_305_600_000,
    ingested_at=1_795_305_600_001,
    source="county",
    action="read",
    actor_id="ana",
    class_uid=6005,
    activity_id=1,
    raw=b"{}",
)
TOLD = Told(LOOK_UP, Person("P-1", "Ana"), None)


@dataclass(frozen=True)
class Ingested:
    """What became of a delivery: one original per line."""

    read: int
    recorded: int
    duplicate: int = 0
    quarantined: int = 0
    first_index: int | None = None
    last_index: int | None = None
    seconds: float = 0.25


@dataclass
class _Directory:
    """A directory that knows nobody and remembers what it was asked."""

    note: Callable[..., None]

    def plan(self, wanted: Any, *, asker: Asker) -> dict[str, Any]:
        """Change nothing."""
        self.note("directory_plan", wanted, asker.person)
        return {"compared_with": 0}

    def load(self, wanted: Any, *, asker: Asker) -> dict[str, Any]:
        """Load nothing."""
        self.note("directory_loads", wanted, asker.person)
        return {"load": 7}

    def show(self, person: str, **asked: Any) -> dict[str, Any]:
        """Know no more than the name."""
        self.note("directory_show", person, asked)
        return {"person": person}

    def unmatched(self, *, limit: int, asker: Asker) -> dict[str, Any]:
        """Find every account known."""
        self.note("directory_unmatched", limit, asker.person)
        return {"accounts": []}

    def status(self, *, asker: Asker) -> dict[str, Any]:
        """Have no directory."""
        self.note("directory_status", asker.person)
        return {"load": None}


@dataclass
class _Policies:
    """Policies that change nothing and remember what they were asked."""

    note: Callable[..., None]

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        """Answer every question with its name."""

        def answer(*asked: Any, asker: Asker, **named: Any) -> dict[str, Any]:
            self.note(f"policy_{name}", *asked, named, asker.person)
            return {"asked": name}

        return answer


@dataclass
class Services:
    """Answers each question plainly and remembers what it was asked."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    delivered: list[bytes] = field(default_factory=list)
    fault: Exception | None = None
    checks: dict[str, bool] = field(default_factory=lambda: {"recorder": True})
    noted: list[str] = field(default_factory=list)
    while_ingesting: Callable[[], None] = lambda: None

    def as_home(self) -> HomeServices:
        """Return these services as those of a home: at this seam only their answers count."""
        return cast("HomeServices", self)

    def _note(self, *asked: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.asked.append(asked)

    def authenticate(self, token: str) -> Asker:
        """Know three tokens, one for each scope."""
        if token not in SCOPES:
            raise Unauthenticated("unknown or revoked token")
        return Asker(person=f"{token}'s owner", scopes=frozenset({SCOPES[token]}))

    def ingest(self, kind: str, chunks: Iterator[bytes], *, asker: Asker) -> Ingested:
        """Take every line for an event."""
        self._note("ingest", kind, asker.person)
        if kind == "no-such":
            raise NotFound("no source of kind `no-such`")
        self.delivered.append(b"".join(chunks))
        self.while_ingesting()
        count = len(self.delivered[-1].splitlines())
        last = {"first_index": 0, "last_index": count - 1} if count else {}
        return Ingested(count, count, **last)

    def search(self, text: str, **asked: Any) -> Page:
        """Find one event, or count."""
        self._note("search", text, asked)
        return (
            Page(rows=[{"actor": "ana", "count": 1}]) if "|" in text else Page([TOLD], None, "c2")
        )

    def since(self) -> dict[str, Any]:
        """Leave nothing out."""
        return {}

    def sessions(self, text: str, **asked: Any) -> list[dict[str, Any]]:
        """Find one session."""
        self._note("sessions", text, asked)
        return [{"id": "s1"}]

    def session(self, session_id: str, **asked: Any) -> list[Told]:
        """Show one event."""
        self._note("session", session_id, asked)
        return [TOLD]

    def who(self, kind: str, key: str, **asked: Any) -> dict[str, Any]:
        """Find one person."""
        self._note("who", kind, key, asked)
        return {"subject": {"kind": kind, "key": key}, "people": [{"person": {"id": "P-1"}}]}

    def alerts(self, *, limit: int, asker: Asker) -> list[dict[str, Any]]:
        """Find one alert."""
        self._note("alerts", limit, asker.person)
        return [{"id": "a1"}]

    def alert(self, alert_id: str, **asked: Any) -> dict[str, Any]:
        """Show one alert."""
        self._note("alert", alert_id, asked)
        return {"alert": {"id": alert_id}, "rule": None, "events": []}

    def coverage(self, **asked: Any) -> dict[str, Any]:
        """Tell of one source."""
        self._note("coverage", asked["since"], asked["until"])
        return {"total": {"events": 8}, "sources": [], "fixes": []}

    def head(self) -> dict[str, Any]:
        """Return a head."""
        self._note("head")
        return {"size": 8}

    def token_create(self, wanted: dict[str, Any], *, asker: Asker) -> dict[str, Any]:
        """Create a token."""
        self._note("token_create", wanted, asker.person)
        return {"token": "ombud_new", "name": wanted["name"]}

    def token_list(self, *, asker: Asker) -> list[dict[str, Any]]:
        """List one token."""
        self._note("token_list", asker.person)
        return [{"name": "collector"}]

    def token_revoke(self, name: str, *, asker: Asker) -> None:
        """Revoke a token."""
        self._note("token_revoke", name, asker.person)

    @property
    def directory(self) -> _Directory:
        """Return the directory."""
        return _Directory(self._note)

    @property
    def policies(self) -> _Policies:
        """Return the policies."""
        return _Policies(self._note)

    @property
    def backtesting(self) -> _Policies:
        """Return what backtests nothing."""
        return _Policies(self._note)

    @property
    def simulating(self) -> _Policies:
        """Return what replays policies."""
        return _Policies(self._note)

    @property
    def explaining(self) -> _Policies:
        """Return what explains attempts."""
        return _Policies(self._note)

    def notes(self) -> list[str]:
        """Return what should not stay."""
        return self.noted

    def health(self) -> Mapping[str, bool]:
        """Return the checks."""
        return self.checks

    def metrics(self) -> Mapping[str, float]:
        """Return two figures."""
        return {"record_size": 8, "alerts_total": 3}


class Client:
    """Asks the application in process, over ASGI."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Send one request from within an event loop."""
        token = given.pop("token", None)
        headers = dict(given.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ombud") as client:
            return await client.request(method, path, headers=headers, **given)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Send one request; `token` becomes the bearer."""
        return asyncio.run(self.send(method, path, **given))

    def deliver(
        self,
        body: Any,
        *,
        path: str = "/v1/sources/county/events",
        kind: str = "application/x-ndjson",
        token: str | None = "tok-ingest",
        **headers: str,
    ) -> httpx.Response:
        """Send one delivery."""
        sent = {"Content-Type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.ask("POST", path, content=body, headers=sent, token=token)
