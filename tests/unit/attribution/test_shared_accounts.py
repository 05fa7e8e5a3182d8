"""Shared accounts: found by name, addresses, programs and what sessions say."""

from __future__ import annotations

import pytest

from ombud.attribution.shared_accounts import Activity, find_shared

MANY = frozenset({"10.0.0.1", "10.0.0.2", "10.0.0.3"})


@pytest.mark.parametrize(
    ("activity", "is_shared"),
    [
        pytest.param(Activity("clinic_app"), True, id="named like an application"),
        pytest.param(Activity("ana"), False, id="a person"),
        pytest.param(Activity("ana", MANY), False, id="a person at three desks"),
        pytest.param(Activity("ward", MANY, sessions=9), True, id="many at once, from many places"),
        pytest.param(Activity("postgres", MANY, sessions=9), False, id="the server's own"),
        pytest.param(Activity("backup_svc", MANY, sessions=9), False, id="a machine's"),
        pytest.param(Activity("dba", MANY, sessions=9, is_superuser=True), False, id="superuser"),
        pytest.param(
            Activity("x", applications=frozenset({"web;user=ana", "web;user=ben"})),
            True,
            id="sessions that name persons",
        ),
    ],
)
def test_find_shared(activity: Activity, is_shared: bool) -> None:
    """Each sign counts; machines and superusers are left out."""
    assert bool(find_shared([activity])) is is_shared


def test_pattern_follows_what_sessions_say() -> None:
    """The key that sessions use already is the one proposed."""
    programs = frozenset({"portal;login=ana", "portal;login=ben"})
    (shared,) = find_shared([Activity("clinic_app", applications=programs)])

    assert shared.is_named
    assert shared.pattern.pattern == r"login[=:](?P<person>[^;,\s|]+)"
    assert shared.pattern.actors == ("clinic_app",)


def test_connection_value_keeps_the_application() -> None:
    """The line to add names the person and, where it is known, the program."""
    (shared,) = find_shared([Activity("clinic_app", applications=frozenset({"clinic-web"}))])

    assert shared.connection_value() == "user={login};clinic-web"
    assert find_shared([Activity("clinic_app")])[0].connection_value() == "user={login}"
