"""Access: who asks, and what they say about why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ombud.core.errors import Forbidden, InputError, Unauthenticated
from ombud.services.asker import Asker, local_owner
from ombud.services.home import HomeServices

TOKEN_MAX = 256  # Characters; a token has 49.
ROOT = 0

bearer = HTTPBearer(auto_error=False, description="A token of `ombud token create`.")


def services_of(request: Request) -> HomeServices:
    """Return the home's services, as handed to the application."""
    services: HomeServices = request.app.state.services
    return services


def socket_owner(uid: int) -> Asker:
    """Return the asker behind the home's own socket; raises `Forbidden` for anyone else.

    The socket's mode lets in the owner alone; this says so again, in case it was changed.
    """
    if uid not in {os.geteuid(), ROOT}:
        raise Forbidden("only the owner of the home comes in here without a token")
    return local_owner(uid)


def asker(
    request: Request,
    services: Annotated[HomeServices, Depends(services_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Asker:
    """Return who asks; raises `Unauthenticated`."""
    if credentials is not None:
        if len(credentials.credentials) > TOKEN_MAX:
            raise Unauthenticated("that is no token")
        return services.authenticate(credentials.credentials)
    # Set by the server from the kernel's word about the peer, never from the request.
    uid = getattr(request.state, "peer_uid", None)
    if isinstance(uid, int) and "authorization" not in request.headers:
        return socket_owner(uid)
    raise Unauthenticated(
        "this needs a token", hint="send `Authorization: Bearer TOKEN`; see `ombud token create`"
    )


def asker_still(request: Request, services: HomeServices, known: Asker) -> Asker:
    """Return who asks, when their body has come; raises `Unauthenticated` if that is over.

    A body may take a minute, and a token may be revoked meanwhile.
    """
    if known.token_id is None:
        return known
    token = request.headers.get("authorization", "").partition(" ")[2].strip()
    return services.authenticate(token)


def _text(value: str | None) -> str | None:
    """Return a header as the UTF-8 that it was sent as (the transport decodes Latin-1)."""
    if value is None:
        return None
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody looks, and for which case."""

    why: str | None
    case: str | None


def _one(name: str, stated: str | None, header: str | None) -> str | None:
    in_header = _text(header)
    if stated is not None and in_header is not None and stated != in_header:
        raise InputError(f"`{name}` is stated twice, and differently", origin=f"X-Ombud-{name}")
    return in_header if stated is None else stated


def reason(
    why: Annotated[str | None, Query(description="Why you look.")] = None,
    case: Annotated[str | None, Query(description="Your organisation's case.")] = None,
    x_ombud_why: Annotated[str | None, Header(description="As `why`.")] = None,
    x_ombud_case: Annotated[str | None, Header(description="As `case`.")] = None,
) -> Reason:
    """Return the reason for a look; both become part of the record."""
    return Reason(_one("why", why, x_ombud_why), _one("case", case, x_ombud_case))


ServicesPart = Annotated[HomeServices, Depends(services_of)]
AskerPart = Annotated[Asker, Depends(asker)]
ReasonPart = Annotated[Reason, Depends(reason)]
