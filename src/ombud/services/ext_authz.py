"""Proxy check: a request that a proxy holds up, read as an act and decided like any other.

The proxy's word about who asks, and for which URI and method, is taken because it has
a token; every header is taken once or not at all.  What is no declared act is refused
without a decision, so nothing of it is in the record: the proxy's own log has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision
from ombud.access.request_path import URI_MAX, read_uri
from ombud.access.routes import Found, fill, find_route
from ombud.config.ext_authz_file import ProxyFile
from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.negotiation import CUSTOM, NOTIFICATION, STATED, STATED_OURS

VALUE_MAX = 1_000  # Characters of a purpose, a case, an actor.
OBLIGATIONS_MAX = 4_000  # Bytes of a header; proxies take 4 to 8 KB.
NOTIFY = "notify"
# By which a request tells some servers another method, or another path, than it has.
OVERRIDES = (
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-original-method",
)

Values = Callable[[str], Sequence[str]]  # All values of a header, by its name in lower case.


class Verdict(NamedTuple):
    """What the proxy is told: `is_known` is False when nobody is signed in."""

    permit: bool
    reasons: tuple[str, ...] = ()
    decision_id: str = ""
    is_known: bool = True
    obligations: bytes = b""
    checkpoint: str = ""
    request_url: str = ""


class Decider(Protocol):
    """Decides, and returns when that is on record."""

    def decide(self, attempt: Attempt, *, asker: Asker) -> Decision:
        """Return the decision; raises `Unavailable` when it cannot be recorded."""


class ExtAuthz:
    """Answers the checks of proxies."""

    def __init__(self, file: ProxyFile, decider: Decider) -> None:
        self._file = file
        self._decider = decider

    def check(self, values: Values, *, asker: Asker) -> Verdict:
        """Return whether a request may pass, when that is on record.

        Raises `Forbidden` unless the asker has the scope `decide`.
        """
        asker.require("decide")
        try:
            read = self._read(values)
        except InputError as error:
            return Verdict(False, (f"malformed: {error.message}",))
        if isinstance(read, Verdict):
            return read
        attempt, found = read
        decision = self._decider.decide(attempt, asker=asker)
        return self._verdict(decision, found)

    def _read(self, values: Values) -> tuple[Attempt, Found] | Verdict:
        headers = self._file.headers
        own = set(msgspec.structs.astuple(headers))
        for name in OVERRIDES:
            if name not in own and any(value.strip() for value in values(name)):
                return Verdict(False, (f"override:{name}",))
        uri = _one(values, headers.uri, length_max=URI_MAX)
        method = _one(values, headers.method)
        if uri is None or method is None:
            return Verdict(False, ("proxy_silent",))
        path = read_uri(uri)
        host = (_one(values, headers.host) or "").lower()
        found = find_route(self._file.routes, host, path)
        if found is None:
            return Verdict(False, ("no_route",))
        action = found.route.actions.get(method)
        if action is None:
            return Verdict(False, ("no_route:method",))
        actor = _one(values, headers.actor)
        if actor is None:
            return Verdict(False, ("nobody_signed_in",), is_known=False)
        return self._attempt(values, found, action, method, actor), found

    def _attempt(
        self, values: Values, found: Found, action: str, method: str, actor: str
    ) -> Attempt:
        route, variables = found
        headers, cookies = self._file.headers, _cookies(values)
        context: dict[str, Any] = {
            "route": route.path,
            "method": method,
            STATED: [CUSTOM, *([NOTIFICATION] if NOTIFY in route.handles else [])],
            STATED_OURS: [one for one in route.handles if one != NOTIFY],
        }
        case = _stated(values, headers.case, cookies, self._file.case_cookie)
        if case is not None:
            context["case"] = case
        justification = _one(values, headers.justification)
        if justification is not None:
            context["justification_id"] = justification
        if route.subjects:
            context["subjects"] = [fill(one, variables) for one in route.subjects]
        purpose = _stated(values, headers.purpose, cookies, self._file.purpose_cookie)
        return Attempt(
            self._file.actor_type,
            actor,
            action,
            route.resource_type,
            fill(route.resource_id, variables),
            purpose or route.purpose,
            context=context,
            columns=route.columns,
        )

    def _verdict(self, decision: Decision, found: Found) -> Verdict:
        if not decision.permit:
            checkpoint = decision.checkpoint
            return Verdict(
                False,
                decision.reasons,
                decision.decision_id,
                checkpoint=str(checkpoint.parameters.get("name", "")) if checkpoint else "",
                request_url=self._request_url(decision),
            )
        unmet = [one.id for one in decision.obligations if one.id not in found.route.handles]
        told = [{"id": one.id, **one.parameters} for one in decision.obligations]
        obligations = _ascii_json(told) if told else b""
        if len(obligations) > OBLIGATIONS_MAX:
            unmet.append("too_long")
        if unmet:
            reasons = tuple(f"obligation_unknown:{one}" for one in unmet)
            return Verdict(False, reasons, decision.decision_id)
        return Verdict(True, decision.reasons, decision.decision_id, obligations=obligations)

    def _request_url(self, decision: Decision) -> str:
        if self._file.request_url is None or not decision.is_requestable:
            return ""
        return f"{self._file.request_url}?decision={quote(decision.decision_id, safe='')}"


def _one(values: Values, name: str, *, length_max: int = VALUE_MAX) -> str | None:
    """Return the one value of a header, None for none; raises `InputError` for several."""
    sent = values(name)
    if len(sent) > 1:
        raise InputError(f"`{name}` is sent more than once")
    text = sent[0].strip() if sent else ""
    if len(text) > length_max:
        raise InputError(f"`{name}` is longer than {length_max} characters")
    if not text.isprintable():
        raise InputError(f"`{name}` holds control characters")
    return text or None


def _cookies(values: Values) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for header in values("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            found.setdefault(name.strip(), []).append(value.strip().strip('"'))
    return found


def _stated(
    values: Values, header: str, cookies: Mapping[str, list[str]], cookie: str | None
) -> str | None:
    """Return what a header or a cookie states; raises `InputError` when they differ."""
    sent = cookies.get(cookie, []) if cookie is not None else []
    said = {one for one in (_one(values, header), *sent) if one}
    if len(said) > 1 or len(sent) > 1:
        raise InputError(f"`{header}` is stated twice")
    text = next(iter(said), None)
    if text is not None and (len(text) > VALUE_MAX or not text.isprintable()):
        raise InputError(f"`{header}` is no text of at most {VALUE_MAX} characters")
    return text


def _ascii_json(value: Any) -> bytes:
    """Return JSON that is a header: visible ASCII."""
    text = msgspec.json.encode(value).decode()
    return "".join(char if " " <= char <= "~" else _escaped(char) for char in text).encode("ascii")


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
