"""Remote door: a running home, reached over the socket that its server keeps in it.

The socket lies in the home with mode 0600, so whoever can open it is the owner
of the home, and is on record as such.
"""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import orjson

from ombud.app.checkpoint_door import RemoteCheckpoints
from ombud.app.door import Json
from ombud.app.policy_door import REPLAY_SECONDS, Progress, RemotePolicies
from ombud.app.request_door import RemoteRequests
from ombud.core.errors import (
    Conflict,
    Forbidden,
    InputError,
    NotFound,
    OmbudError,
    TamperError,
    Unauthenticated,
    Unavailable,
)
from ombud.services.backtest_wanted import BacktestWanted
from ombud.services.directory_wanted import DirectoryWanted
from ombud.services.rule_wanted import ExplainWanted

TIMEOUT_SECONDS = 120.0  # A catching-up index can take this long after a bulk load.
LOAD_SECONDS = 900.0  # Half a million rows are some 30 s of work, on a machine that may be busy.
KINDS: dict[str, type[OmbudError]] = {
    kind.code: kind
    for kind in (Conflict, Forbidden, InputError, NotFound, TamperError, Unauthenticated)
}


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def wait_for(self, seconds: float) -> None:
        """Wait so long for each part of an answer, from now on."""
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def connect(self) -> None:
        self.sock = connect_unix(self._path)
        self.sock.settimeout(self.timeout)


def connect_unix(path: Path) -> socket.socket:
    """Return a connected stream socket; the path may be of any length.

    Raises `OSError` when nothing listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if len(os.fsencode(path)) < 100:
            connection.connect(str(path))
        else:
            folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
            try:
                connection.connect(f"/proc/self/fd/{folder}/{path.name}")
            finally:
                os.close(folder)
    except OSError:
        connection.close()
        raise
    return connection


class RemoteDoor:
    """A home whose server is running."""

    def __init__(self, socket_path: Path) -> None:
        self._connection = _SocketConnection(socket_path)
        self.access = RemoteRequests(self.call)
        self.policies = RemotePolicies(self.call)
        self.checkpoints = RemoteCheckpoints(self.call)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ready(self) -> Json:
        """Return what `/readyz` says, whether that is good or not."""
        return self._ask("GET", "/readyz", None)[1]

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        seconds: float = TIMEOUT_SECONDS,
        **query: Any,
    ) -> Json:
        """Return the answer of one call; raises what the server answered with."""
        self._connection.wait_for(seconds)
        given = {name: value for name, value in query.items() if value is not None}
        target = path + ("?" + urlencode(given) if given else "")
        status, answer = self._ask(method, target, body)
        if status < http.client.BAD_REQUEST:
            return answer
        raise _error(status, answer)

    def _ask(self, method: str, target: str, body: Any) -> tuple[int, Json]:
        headers = {"Accept": "application/json"}
        payload = None
        if body is not None:
            payload = orjson.dumps(body)
            headers["Content-Type"] = "application/json"
        try:
            self._connection.request(method, target, body=payload, headers=headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"the running server did not answer: {type(error).__name__} {error}",
                hint="see what `ombud serve` printed",
            ) from error
        return response.status, dict(orjson.loads(text) if text else {})

    def search(
        self,
        query: str,
        *,
        limit: int,
        cursor: str | None,
        why: str | None,
        case: str | None,
        everything: bool = False,
    ) -> Json:
        """Return a page of events."""
        return self.call(
            "GET",
            "/v1/search",
            q=query,
            limit=limit,
            cursor=cursor,
            why=why,
            case=case,
            all="true" if everything else None,
        )

    def sessions(self, query: str, *, limit: int, why: str | None, case: str | None) -> Json:
        """Return sessions."""
        return self.call("GET", "/v1/sessions", q=query, limit=limit, why=why, case=case)

    def session(self, session_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one session."""
        path = f"/v1/sessions/{quote(session_id, safe='')}"
        return self.call("GET", path, why=why, case=case)

    def who(self, kind: str, key: str, *, why: str | None, case: str | None) -> Json:
        """Return who touched one person's data."""
        path = f"/v1/who/{quote(kind, safe='')}/{quote(key, safe='')}"
        return self.call("GET", path, why=why, case=case)

    def alerts(self, *, limit: int) -> Json:
        """Return alerts."""
        return self.call("GET", "/v1/alerts", limit=limit)

    def alert(self, alert_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one alert."""
        return self.call("GET", f"/v1/alerts/{quote(alert_id, safe='')}", why=why, case=case)

    def coverage(self, *, since: str | None, until: str | None) -> Json:
        """Return what is known of persons and data subjects."""
        return self.call("GET", "/v1/coverage", since=since, until=until)

    def head(self) -> Json:
        """Return the tree head."""
        return self.call("GET", "/v1/record/head")

    def rules(self) -> Json:
        """Return the rules."""
        return self.call("GET", "/v1/rules")

    def rule_explain(self, wanted: ExplainWanted) -> Json:
        """Explain a rule by a recorded event."""
        return self.call("POST", "/v1/rules/explain", body=_fragment(wanted))

    def rule_fields(self) -> Json:
        """Return which fields of rules no event carries."""
        return self.call("GET", "/v1/rules/fields")

    def rule_state(self, rule_id: str, *, is_enabled: bool, reason: str | None) -> Json:
        """Switch a rule on or off."""
        path = f"/v1/rules/{quote(rule_id, safe='')}/state"
        return self.call("POST", path, body={"enabled": is_enabled, "reason": reason})

    def backtest(self, wanted: BacktestWanted, *, on_progress: Progress | None) -> Json:
        """Return what rules would have raised; how far it is, is not told."""
        del on_progress
        body = orjson.Fragment(msgspec.json.encode(wanted))
        return self.call("POST", "/v1/rules/backtests", body=body, seconds=REPLAY_SECONDS)

    def token_create(self, wanted: Json) -> Json:
        """Create a token."""
        return self.call("POST", "/v1/tokens", body=wanted)

    def token_list(self) -> Json:
        """Return all tokens."""
        return self.call("GET", "/v1/tokens")

    def token_revoke(self, name: str) -> Json:
        """Revoke a token."""
        return self.call("DELETE", f"/v1/tokens/{quote(name, safe='')}")

    def directory_plan(self, wanted: DirectoryWanted) -> Json:
        """Return what files would change in the directory."""
        return self.call("POST", "/v1/directory/plan", body=_fragment(wanted), seconds=LOAD_SECONDS)

    def directory_load(self, wanted: DirectoryWanted) -> Json:
        """Load the directory."""
        return self.call(
            "POST", "/v1/directory/loads", body=_fragment(wanted), seconds=LOAD_SECONDS
        )

    def directory_show(
        self, person: str, *, at: int | None, why: str | None, case: str | None
    ) -> Json:
        """Return what the directory says of a person."""
        path = f"/v1/directory/people/{quote(person, safe='')}"
        return self.call("GET", path, at=at, why=why, case=case)

    def directory_unmatched(self, *, limit: int) -> Json:
        """Return the accounts that the directory does not know."""
        return self.call("GET", "/v1/directory/unmatched", limit=limit)

    def directory_status(self) -> Json:
        """Return which load stands."""
        return self.call("GET", "/v1/directory")


def _fragment(wanted: DirectoryWanted | ExplainWanted) -> orjson.Fragment:
    return orjson.Fragment(msgspec.json.encode(wanted))


def _error(status: int, answer: Json) -> OmbudError:
    stated = answer.get("error", {})
    message = str(stated.get("message", f"the server answered {status}"))
    origin, hint = str(stated.get("origin", "")), str(stated.get("hint", ""))
    code = str(stated.get("code", ""))
    if status in {http.client.SERVICE_UNAVAILABLE, http.client.TOO_MANY_REQUESTS}:
        return Unavailable(message, hint=hint)
    kind = KINDS.get(code, InputError if status < http.client.INTERNAL_SERVER_ERROR else OmbudError)
    return kind(message, origin=origin, hint=hint, code=code or None)
