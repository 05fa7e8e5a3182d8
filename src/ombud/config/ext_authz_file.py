"""Proxy file: how requests that a proxy asks about are read as acts; all faults at once.

One file per home, `ext_authz.yaml`.  Reference: `docs/ext-authz.md`.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from ombud.access.routes import VARIABLE, Route, Template, parse_template, variables_of
from ombud.config.home_file import read_home_file
from ombud.config.policy_reader import Fault, Members, Reader, Spot
from ombud.config.strict_yaml import YamlFault, compose_yaml
from ombud.core.errors import FaultyFileError, InputError

FILE_NAME = "ext_authz.yaml"
FILE_SIZE_MAX = 1 << 20  # Bytes: some thousand routes.
ROUTES_MAX = 2_000  # They are looked through in order at each request.
DEPTH_MAX = 8
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HANDLED = ("row_filter", "masks", "aggregate_only", "max_rows", "max_bytes", "watermark", "notify")

_KEYS = ("actor_type", "headers", "cookies", "request_url", "routes")
_COOKIES = ("purpose", "case")
_ROUTE = ("path", "hosts", "actions", "resource", "columns", "subjects", "handles", "purpose")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_COOKIE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HOST = re.compile(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?")


class Headers(msgspec.Struct, frozen=True):
    """The headers that the proxy sets, in lower case; `host` is read where routes have hosts."""

    actor: str = "x-forwarded-user"
    uri: str = "x-original-uri"
    method: str = "x-original-method"
    host: str = "x-forwarded-host"
    purpose: str = "x-ombud-purpose"
    case: str = "x-ombud-case"
    justification: str = "x-ombud-justification-id"


class ProxyFile(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says."""

    routes: tuple[Route, ...]
    headers: Headers = Headers()
    actor_type: str = "person"
    purpose_cookie: str | None = None
    case_cookie: str | None = None
    request_url: str | None = None


class ProxyFileError(FaultyFileError[Fault]):
    """A proxy file with faults, each a line of its own in `faults`."""

    code = "ext_authz"


def load_proxy_file(home: Path) -> ProxyFile | None:
    """Return what the file of a home says, None without one.

    Raises `ProxyFileError` with every fault.
    """
    path = home / FILE_NAME
    text = read_home_file(
        path,
        size_max=FILE_SIZE_MAX,
        error=lambda why: ProxyFileError([Fault(str(path), 0, "", why)]),
    )
    return None if text is None else parse_proxy_file(text, file=str(path))


def parse_proxy_file(text: str, *, file: str) -> ProxyFile:
    """Return what a text says; raises `ProxyFileError` with every fault."""
    try:
        node = compose_yaml(text, depth_max=DEPTH_MAX)
    except YamlFault as fault:
        raise ProxyFileError([Fault(file, fault.line, "", fault.reason)]) from None
    if node is None:
        raise ProxyFileError([Fault(file, 0, "", "says nothing")])
    reader = Reader()
    top = reader.mapping(Spot(file, "", node, 1), _KEYS)
    read = _read(reader, top)
    if reader.faults:
        raise ProxyFileError(reader.faults)
    return read


def _read(reader: Reader, top: Members) -> ProxyFile:
    headers = reader.mapping(top.get("headers"), Headers.__struct_fields__)
    named = {name: _header(headers, name) for name in Headers.__struct_fields__ if name in headers}
    said = Headers(**named)
    names = msgspec.structs.astuple(said)
    if len(set(names)) < len(names):
        reader.fault_at("headers", "two of them have the same name")
    cookies = reader.mapping(top.get("cookies"), _COOKIES)
    routes = [_route(reader, spot) for spot in reader.items(top.get("routes"))]
    if not routes:
        reader.fault_at("routes", "a file without routes permits nothing")
    elif len(routes) > ROUTES_MAX:
        reader.fault_at("routes", f"more than {ROUTES_MAX} routes")
    _check_reach(reader, routes)
    return ProxyFile(
        routes=tuple(routes),
        headers=said,
        actor_type=top.name("actor_type", "person"),
        purpose_cookie=_cookie(cookies, "purpose"),
        case_cookie=_cookie(cookies, "case"),
        request_url=_url(top),
    )


def _header(headers: Members, name: str) -> str:
    text = str(headers.text(name)).lower()
    spot = headers.get(name)
    if text and spot is not None and (not _HEADER.fullmatch(text) or text == "authorization"):
        headers.reader.fault(spot, f"`{text[:60]}` is no name of a header for this")
    return text


def _cookie(cookies: Members, name: str) -> str | None:
    text: str | None = cookies.text(name, None)
    spot = cookies.get(name)
    if text and spot is not None and not _COOKIE.fullmatch(text):
        cookies.reader.fault(spot, f"`{text[:60]}` is no name of a cookie")
    return text


def _url(top: Members) -> str | None:
    text: str | None = top.text("request_url", None)
    spot = top.get("request_url")
    if text and spot is not None:
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("")
        is_plain = text.isascii() and text.isprintable() and " " not in text
        if parts.scheme not in {"https", "http"} or not parts.netloc or not is_plain:
            top.reader.fault(spot, "is no address such as https://ombud.example/requests")
        elif "?" in text or "#" in text:
            top.reader.fault(spot, "has a query or a fragment; the decision is added as one")
    return text


def _route(reader: Reader, spot: Spot) -> Route:
    members = reader.mapping(spot, _ROUTE)
    members.need("path", "actions", "resource")
    path = str(members.text("path"))
    template = _template(reader, members, path)
    resource = reader.mapping(members.get("resource"), ("type", "id"))
    if "resource" in members:
        resource.need("id")
    texts = {
        "resource": [str(resource.text("id"))],
        "subjects": list(members.texts("subjects")),
    }
    known = variables_of(template)
    for name, values in texts.items():
        for value in values:
            _check_variables(reader, members.get(name), value, known)
    for value in texts["subjects"]:
        kind, _, key = value.partition(":")
        if not (kind and key):
            reader.fault_at(f"{spot.key}.subjects", f"`{value[:60]}` is no `kind:key`")
    return Route(
        path=path,
        template=template,
        actions=_actions(reader, members),
        resource_type=resource.name("type", "dataset"),
        resource_id=texts["resource"][0],
        hosts=_hosts(reader, members),
        columns=members.texts("columns", None),
        subjects=tuple(texts["subjects"]),
        handles=_handles(reader, members),
        purpose=members.text("purpose", None),
    )


def _template(reader: Reader, members: Members, path: str) -> Template:
    spot = members.get("path")
    try:
        return parse_template(path or "/")
    except InputError as error:
        if spot is not None:
            reader.fault(spot, error.message)
        return parse_template("/")


def _actions(reader: Reader, members: Members) -> dict[str, str]:
    actions = reader.mapping(members.get("actions"), METHODS)
    found = {method: actions.name(method) for method in METHODS if method in actions}
    spot = members.get("actions")
    if not found and spot is not None:
        reader.fault(spot, "names no method")
    return found


def _hosts(reader: Reader, members: Members) -> tuple[str, ...] | None:
    hosts: tuple[str, ...] | None = members.texts("hosts", None)
    spot = members.get("hosts")
    for host in hosts or ():
        if spot is not None and not _HOST.fullmatch(host):
            reader.fault(spot, f"`{host[:60]}` is no host in lower case")
    return hosts


def _handles(reader: Reader, members: Members) -> tuple[str, ...]:
    handles: tuple[str, ...] = members.texts("handles")
    spot = members.get("handles")
    for one in handles:
        if spot is not None and one not in HANDLED:
            reader.fault(spot, f"no obligation `{one[:60]}`; there are {', '.join(HANDLED)}")
    return handles


def _check_variables(reader: Reader, spot: Spot | None, text: str, known: frozenset[str]) -> None:
    if spot is None:
        return
    unknown = {found[1] for found in VARIABLE.finditer(text)} - known
    if unknown:
        reader.fault(spot, f"`{{{min(unknown)}}}` is no variable of the path")
    elif "{" in VARIABLE.sub("", text) or any(found[2] for found in VARIABLE.finditer(text)):
        reader.fault(spot, "a variable is written `{name}`")


def _check_reach(reader: Reader, routes: list[Route]) -> None:
    seen: dict[tuple[Template, tuple[str, ...] | None], int] = {}
    for number, route in enumerate(routes):
        first = seen.setdefault((route.template, route.hosts), number)
        if first != number:
            message = f"the same path as routes[{first}], which decides alone"
            reader.fault_at(f"routes[{number}].path", message)
