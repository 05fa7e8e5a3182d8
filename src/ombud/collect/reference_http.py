"""Reference HTTP: a JSON answer of the organisation's service, within bytes and seconds.

Over TLS, or on the loopback.  A redirect to anywhere else is refused, so that
neither the token nor the question leaves for where nobody meant it to go.  A server
that sends a byte now and then is cut off when its time is over.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import orjson

from ombud.access.reference import ReferenceTable
from ombud.collect.reference_values import Read, SourceRow, read_rows
from ombud.core.errors import InputError, Unavailable
from ombud.directory.faults import Faults

SIZE_MAX = 256 << 20  # Bytes of an answer with a whole table.
ONE_CASE_SIZE_MAX = 4 << 20
REDIRECTS_MAX = 3
STEP = 64 << 10
CASE_MARK = "{case}"
AGENT = "ombud-reference"
_MOVED = frozenset({301, 302, 303, 307, 308})


def read_http(declared: ReferenceTable, *, environ: Mapping[str, str]) -> Read:
    """Return the facts of a whole table; raises `Unavailable` or `InputError`."""
    url = (declared.url or "").replace(CASE_MARK, "")
    body = _get(declared, url, environ, size_max=SIZE_MAX, seconds=declared.seconds_max)
    if body is None:
        raise Unavailable(f"`{declared.name}`: there is nothing at its URL (404)")
    faults = Faults()
    return read_rows(declared, _items(declared, body, faults), faults=faults)


def read_http_case(
    declared: ReferenceTable, case: str, *, environ: Mapping[str, str], seconds: int
) -> Read:
    """Return the facts of one case, asked for now; 404 means that there is no such case."""
    url = (declared.url or "").replace(CASE_MARK, quote(case, safe=""))
    body = _get(declared, url, environ, size_max=ONE_CASE_SIZE_MAX, seconds=seconds)
    faults = Faults()
    if body is None:
        return Read([], faults)
    return read_rows(declared, _items(declared, body, faults), faults=faults)


def _items(declared: ReferenceTable, body: bytes, faults: Faults) -> Iterator[SourceRow]:
    try:
        found: Any = orjson.loads(body)
    except ValueError:
        raise InputError(f"`{declared.name}`: the answer is not JSON") from None
    for step in (declared.items or "").split(".") if declared.items else ():
        found = found.get(step) if isinstance(found, dict) else None
    rows = [found] if isinstance(found, dict) else found
    if not isinstance(rows, list):
        at = f" at `{declared.items}`" if declared.items else ""
        raise InputError(f"`{declared.name}`: the answer has no list of objects{at}")
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            yield number, row
        else:
            faults.add(declared.name, number, "is no object")


def _get(
    declared: ReferenceTable, url: str, environ: Mapping[str, str], *, size_max: int, seconds: int
) -> bytes | None:
    """Return the body of an answer, none for 404."""
    name = declared.name
    headers = {"Accept": "application/json", "User-Agent": AGENT, "Accept-Encoding": "identity"}
    if declared.secret:
        secret = environ.get(declared.secret)
        if secret is None:
            raise Unavailable(f"`{name}`: the environment variable `{declared.secret}` is not set")
        headers["Authorization"] = f"Bearer {secret}"
    for _ in range(REDIRECTS_MAX + 1):
        try:
            with _asked(name, url, headers, seconds) as response:
                if response.status in _MOVED:
                    url = _moved(name, url, response.headers.get("Location", ""))
                    continue
                if response.status == HTTPStatus.NOT_FOUND:
                    return None
                if response.status != HTTPStatus.OK:
                    raise Unavailable(f"`{name}`: answered with status {response.status}")
                return _body(name, response, size_max)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(
                f"`{name}`: no answer within {seconds} s, or none that is HTTP"
                f" ({type(error).__name__})"
            ) from None
    raise Unavailable(f"`{name}`: redirected more than {REDIRECTS_MAX} times")


@contextmanager
def _asked(
    name: str, url: str, headers: dict[str, str], seconds: int
) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer to a request; all of it must be over within the seconds."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=seconds, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    # A time-out of the socket begins anew with each byte; this one does not.
    is_cut = threading.Event()
    timer = threading.Timer(seconds, _cut, [connection, is_cut])
    timer.daemon = True
    timer.start()
    try:
        target = parts.path or "/"
        connection.request("GET", f"{target}?{parts.query}" if parts.query else target,
                           headers=headers)  # fmt: skip
        with connection.getresponse() as response:
            yield response
    finally:
        timer.cancel()
        connection.close()
        if is_cut.is_set():  # What was read by then may look like a whole answer.
            raise Unavailable(f"`{name}`: no answer within {seconds} s") from None


def _cut(connection: http.client.HTTPConnection, is_cut: threading.Event) -> None:
    is_cut.set()
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _body(name: str, response: http.client.HTTPResponse, size_max: int) -> bytes:
    pieces, size = [], 0
    while piece := response.read(STEP):
        size += len(piece)
        if size > size_max:
            raise InputError(f"`{name}`: the answer is larger than {size_max} bytes")
        pieces.append(piece)
    if response.length:  # Cut off before what was declared had come.
        raise Unavailable(f"`{name}`: the answer ended early")
    return b"".join(pieces)


def _moved(name: str, url: str, location: str) -> str:
    """Return where a redirect leads, if that is the same place."""
    there = urljoin(url, location)
    old, new = urlsplit(url), urlsplit(there)
    if (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
        raise Unavailable(f"`{name}`: redirects to another place, which is not followed")
    return there
