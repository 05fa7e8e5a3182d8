"""What the web tests share: services, bounds and a client."""

from __future__ import annotations

import pytest

from doubles.web_home import Client, Services
from ombud.web.app import create_app
from ombud.web.limits import Limits


@pytest.fixture
def services() -> Services:
    """Return services that know nothing yet."""
    return Services()


@pytest.fixture
def limits() -> Limits:
    """Return small bounds, so that tests reach them."""
    return Limits(
        pending_max=10_000,
        body_max=4_000,
        body_seconds_max=5,
        question_max=500,
        directory_max=2_000,
    )


@pytest.fixture
def client(services: Services, limits: Limits) -> Client:
    """Return a client to an application with small bounds."""
    return Client(create_app(services.as_home(), limits=limits))
