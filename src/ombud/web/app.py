"""Application: the API of one home, put together."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware

from ombud import __version__
from ombud.services.home import HomeServices
from ombud.web import ext_authz, front, looks, reference
from ombud.web.authzen import authzen_routes
from ombud.web.authzen_requests import access_request_routes
from ombud.web.checkpoints import checkpoint_routes
from ombud.web.directory import directory_routes
from ombud.web.errors import add_error_handlers
from ombud.web.guard import Guard
from ombud.web.ingest import ingest_routes
from ombud.web.limits import Budget, Limits
from ombud.web.metrics import Metrics
from ombud.web.policy import policy_routes
from ombud.web.reference_data import reference_data_routes
from ombud.web.requests import request_routes
from ombud.web.rules import rule_routes
from ombud.web.state import state_routes
from ombud.web.tokens import token_routes
from ombud.web.trino import trino_routes

DESCRIPTION = (
    "Every refusal has one shape: an error with code, message, origin and hint."
    " Every look is itself an event; say why in `X-Ombud-Why` and `X-Ombud-Case`."
)


def create_app(
    services: HomeServices, *, limits: Limits | None = None, public_url: str = ""
) -> FastAPI:
    """Return the application that answers for a home.

    `public_url` is the address under which others reach it, when that is another one.
    """
    limits = limits or Limits()
    pending = Budget(limits.pending_max)
    metrics = Metrics(pending)
    app = FastAPI(
        title="Ombud",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # These pages would load script from another origin.
        redoc_url=None,
        middleware=[Middleware(Guard, limits=limits, metrics=metrics)],
        redirect_slashes=False,
    )
    app.state.services = services
    add_error_handlers(app)
    for router in (
        ingest_routes(limits, pending),
        looks.router,
        token_routes(limits),
        directory_routes(limits),
        policy_routes(limits),
        request_routes(limits),
        access_request_routes(limits, public_url=public_url),
        checkpoint_routes(limits),
        reference_data_routes(limits),
        rule_routes(limits),
        ext_authz.router,
        authzen_routes(limits, public_url=public_url),
        state_routes(metrics),
        trino_routes(limits),
        front.router,
        reference.router,
    ):
        app.include_router(router)
    return app
