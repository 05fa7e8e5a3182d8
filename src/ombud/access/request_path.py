"""Request path: the path of a URI in one reading only; what has two is refused.

A proxy, the decision and the server behind may each read a path in their own way:
escaped slashes, dots, doubled slashes, parameters after a semicolon.  Whoever finds a
path that one reads as permitted and the other as something else is past the check.
So nothing is repaired here: a path that could be read in two ways is none.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from ombud.core.errors import InputError

URI_MAX = 8_192  # Bytes; what proxies take as a rule.
SEGMENTS_MAX = 64
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_PLAIN = re.compile(r"[!-~]+")  # A URI as it is sent: visible ASCII (RFC 3986 §2).
# Parameters by which frameworks let a request name another method.
_OVERRIDES = frozenset({"_method", "x_http_method_override", "x_http_method", "http_method"})
_ODD = re.compile(r"[ .+\[-]")  # Which some readers take for an underscore.


class RequestPath(NamedTuple):
    """The decoded segments of a path, and whether it ends with a slash."""

    segments: tuple[str, ...]
    is_folder: bool


def read_uri(uri: str) -> RequestPath:
    """Return the path of an origin-form URI (RFC 9112 §3.2.1); raises `InputError`."""
    if not uri or len(uri) > URI_MAX:
        raise InputError(f"a request has a URI of 1 to {URI_MAX} characters")
    if not _PLAIN.fullmatch(uri):
        raise InputError("the URI has characters that must be escaped")
    path, _, query = uri.partition("?")
    if not path.startswith("/") or path.startswith("//"):
        raise InputError("the URI does not begin with one slash")
    if "#" in uri or "\\" in path or ";" in path:
        raise InputError("the URI has a fragment, a backslash or path parameters")
    if any(_names_method(part) for part in re.split("[&;]", query)):
        raise InputError("the query names another method")
    if path == "/":
        return RequestPath((), is_folder=True)
    is_folder = path.endswith("/")
    raw = path[1:-1].split("/") if is_folder else path[1:].split("/")
    if len(raw) > SEGMENTS_MAX:
        raise InputError(f"the path has more than {SEGMENTS_MAX} parts")
    return RequestPath(tuple(map(_segment, raw)), is_folder)


def _names_method(parameter: str) -> bool:
    name = parameter.partition("=")[0].encode("ascii")
    text = _decode(name).decode("latin-1").lower().strip(" +")
    return _ODD.sub("_", text) in _OVERRIDES


def _decode(data: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), data)


def _segment(raw: str) -> str:
    """Return a part of a path, decoded once."""
    data = raw.encode("ascii")
    if data.count(b"%") != len(_ESCAPE.findall(data)):
        raise InputError("the path has an escape that is none")
    try:
        text = _decode(data).decode()
    except UnicodeDecodeError as error:
        raise InputError("the path is no UTF-8") from error
    # A second decoding, or a reader that folds wide letters, would make another path of it.
    folded = unicodedata.normalize("NFKC", text)
    if not text or folded in {".", ".."}:
        raise InputError("the path has an empty part, or dots for one")
    # `?` and `#`: a proxy that passes on what it has decoded would end the path there.
    if any(char in "/\\%;?#" for char in folded) or not text.isprintable():
        raise InputError("the path hides a slash, an escape, its end or a control character")
    if folded.strip() != folded or folded.endswith("."):
        raise InputError("the path has a part that some servers read without its end")
    return text
