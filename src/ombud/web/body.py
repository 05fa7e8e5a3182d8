"""Bodies: read piece by piece, expanded if compressed, and never beyond a bound."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus

import msgspec
from starlette.requests import ClientDisconnect, Request

from ombud.core.errors import InputError
from ombud.web.errors import RequestError
from ombud.web.limits import Lease, Limits

STEP = 256 << 10  # Bytes expanded at once: bounds what a bomb costs before it is seen as one.
JSON = "application/json"
NDJSON = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
_json_document = msgspec.json.Decoder(msgspec.Raw)


def media_type(request: Request) -> str:
    """Return the media type of the body; raises `RequestError` (415) for what is not read."""
    name, _, parameters = request.headers.get("content-type", "").partition(";")
    name, charset = name.strip().lower(), parameters.strip().lower()
    if (name == JSON or name in NDJSON) and charset in {"", "charset=utf-8", 'charset="utf-8"'}:
        return name
    raise RequestError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"content type `{request.headers.get('content-type', '')[:80]}` is not read here",
        code="media_type",
        hint=f"send `{JSON}` or `application/x-ndjson`, in UTF-8",
        headers={"Accept": f"{JSON}, application/x-ndjson"},
    )


def _too_large(size_max: int) -> RequestError:
    return RequestError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the body is larger than {size_max} bytes",
        code="too_large",
        hint="send it in pieces, or read the file with `ombud ingest`",
    )


def _expander(request: Request) -> Gunzip | None:
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in {"identity", ""}:
        return None
    if coding in {"gzip", "x-gzip"}:
        return Gunzip()
    raise RequestError(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"content encoding `{coding[:80]}` is not read here",
        code="media_type",
        hint="send it as it is, or as one gzip",
        headers={"Accept-Encoding": "gzip, identity"},  # RFC 9110 §12.5.3.
    )


class Gunzip:
    """Expands gzip step by step; several members follow each other as one (RFC 1952 §2.2)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    def expand(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece expands to, at most `STEP` bytes at once."""
        while piece:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            try:
                expanded = self._member.decompress(piece, STEP)
            except zlib.error as error:
                raise InputError("the body is not gzip", origin="content-encoding") from error
            if expanded:
                yield expanded
            piece = self._member.unconsumed_tail or self._member.unused_data

    def end(self) -> None:
        """Raise `InputError` if the end of the body is not the end of a member."""
        if not self._member.eof:
            raise InputError("the body ends within its gzip", origin="content-encoding")


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    expander = _expander(request)
    async for piece in request.stream():
        if expander is None:
            yield piece
        else:
            for expanded in expander.expand(piece):
                yield expanded
    if expander is not None:
        expander.end()


async def read_body(
    request: Request, *, size_max: int, seconds_max: float, lease: Lease | None = None
) -> list[bytes]:
    """Return the expanded body in pieces.

    Raises `RequestError`: 413 beyond `size_max`, 429 beyond what `lease` grants, 408
    after `seconds_max`; and `InputError` for broken gzip.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > size_max:
        raise _too_large(size_max)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds_max):
            async for piece in _pieces(request):
                size += len(piece)
                if size > size_max:
                    raise _too_large(size_max)
                if lease is not None:
                    lease.take(len(piece))
                pieces.append(piece)
    except TimeoutError as error:
        raise RequestError(
            HTTPStatus.REQUEST_TIMEOUT,
            f"the body did not arrive within {seconds_max:g} seconds",
            code="timeout",
            hint="send smaller pieces",
            headers={"Connection": "close"},
        ) from error
    except ClientDisconnect as error:
        raise InputError("the sender went away before the body ended") from error
    return pieces


async def read_delivery(request: Request, limits: Limits, lease: Lease) -> list[bytes]:
    """Return the body of a delivery; as JSON it must be one document, as NDJSON it may be any.

    Nothing is recorded before the whole body is there: a delivery that is refused
    has left nothing behind.
    """
    kind = media_type(request)
    pieces = await read_body(
        request,
        size_max=min(limits.body_max, limits.pending_max),
        seconds_max=limits.body_seconds_max,
        lease=lease,
    )
    if kind == JSON:
        body = b"".join(pieces)
        _check_json(body)
        return [body]
    return pieces


async def read_question(request: Request, limits: Limits, *, size_max: int | None = None) -> bytes:
    """Return the JSON body of a request that is not a delivery: a small one, unless told."""
    if media_type(request) != JSON:
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"this takes `{JSON}` only", code="media_type"
        )
    pieces = await read_body(
        request,
        size_max=limits.question_max if size_max is None else size_max,
        seconds_max=limits.body_seconds_max,
    )
    return b"".join(pieces)


def _check_json(body: bytes) -> None:
    try:
        _json_document.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(
            f"the body is not JSON: {error}",
            origin="body",
            hint="several documents, one per line, are `application/x-ndjson`",
        ) from error
