"""Okta: what its event types are, who acted, and how it ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ombud.collect.okta import OktaSystemLog
from ombud.collect.okta_actions import find_act
from ombud.core.errors import EventError
from ombud.core.event import Event


def parse(**members: Any) -> Event:
    """Return the event of a record with these members."""
    return OktaSystemLog().parse(json.dumps({"uuid": "u", **members}).encode(), now_ms=1)


ACTS = {
    "authenticate": """user.session.start user.session.end user.session.impersonation.initiate
        user.authentication.sso user.authentication.auth_via_mfa policy.evaluate_sign_on
        app.generic.unauth_app_access_attempt app.oauth2.as.token.grant.access_token
        app.oauth2.authorize.code app.oauth2.token.grant.id_token user.session.access_admin_app
        app.inbound_del_auth.login_success
        app.kerberos_rich_client.user_authentication_successful""",
    "reveal": """application.user_membership.show_password
        application.configuration.read_client_secret""",
    "export": """analytics.reports.export.download app.audit_report.download.local.active
        system.export.user_x""",
    "grant": """group.user_membership.add application.user_membership.add
        user.account.privilege.grant group.privilege.grant system.api_token.create
        app.oauth2.admin.consent.grant app.oauth2.as.consent.grant user.account.unlock
        app.oauth2.client.privilege.grant iam.resourceset.bindings.add
        application.user_membership.provision user.lifecycle.unsuspend""",
    "revoke": """group.user_membership.remove application.user_membership.remove
        user.account.privilege.revoke system.api_token.revoke user.lifecycle.suspend
        user.lifecycle.deactivate user.account.lock app.oauth2.as.consent.revoke.user
        app.oauth2.client.privilege.revoke app.app_instance.csr.revoke""",
    "approve": """app.access_request.approver.approve app.access_request.deny
        access.request.resolve certification.remediation.item_x""",
    "justify": "access.request.create app.access_request.request",
    "execute": "inline_hook.executed workflows.user.flow.execute_x",
    "configure": """user.lifecycle.create user.account.update_password user.account.reset_password
        user.mfa.factor.deactivate policy.rule.update policy.lifecycle.delete zone.update
        application.lifecycle.create group.lifecycle.create system.idp.lifecycle.update
        app.keys.rotate app.oauth2.client.lifecycle.activate event_type_x.create
        access.request.condition.create app.ldap.password.change.failed
        app.app_instance.csr.generate workflows.user.table.create_x""",
    "other": """system.org.rate_limit.warning security.threat.detected user.import.x
        application.integration.rate_limit_exceeded system.email.send_factor_verify_message
        app.oauth2.client_id_rate_limit_warning""",
}


@pytest.mark.parametrize(
    ("operation", "action"),
    [(name, action) for action, names in ACTS.items() for name in names.split()],
)
def test_documented_event_types(operation: str, action: str) -> None:
    """One of each documented family has its action."""
    act = find_act(operation)
    assert (act.action, act.is_known) == (action, True)


@pytest.mark.parametrize(
    ("actor", "found"),
    [
        ({"id": "1", "type": "User", "alternateId": "ana@x"}, ("ana@x", "person")),
        ({"id": "1", "type": "SystemPrincipal", "alternateId": "system@okta.com"},
         ("system@okta.com", "service")),
        ({"id": "1", "type": "PublicClientApp", "alternateId": "unknown"}, ("1", "service")),
        ({"id": "1", "type": "AIAgent"}, ("1", "agent")),
        ({"alternateId": "unknown"}, ("unknown", None)),
        ({}, (None, None)),
    ],
)  # fmt: skip
def test_actors(actor: dict[str, Any], found: tuple[str | None, str | None]) -> None:
    """People by their name, clients by their id."""
    event = parse(eventType="user.session.start", actor=actor)
    assert (event.actor_id, event.actor_type) == found


@pytest.mark.parametrize(
    ("operation", "result", "outcome"),
    [
        ("user.session.start", "SUCCESS", "success"),
        ("user.session.start", "FAILURE", "denied"),
        ("app.ad.api.user_import", "FAILURE", "failure"),
        ("policy.evaluate_sign_on", "ALLOW", "success"),
        ("policy.evaluate_sign_on", "DENY", "denied"),
        ("policy.evaluate_sign_on", "CHALLENGE", "unknown"),
        ("policy.evaluate_sign_on", "SOMEHOW", "unknown"),
        ("policy.evaluate_sign_on", None, None),
    ],
)
def test_outcomes(operation: str, result: str | None, outcome: str | None) -> None:
    """A sign-in that failed was refused; what failed otherwise has failed."""
    assert parse(eventType=operation, outcome={"result": result}).outcome == outcome


def test_a_token_is_granted_for_a_user() -> None:
    """A client acts on behalf of the user for whom it is given a token."""
    user = {"type": "User", "alternateId": "ana@x", "id": "2"}
    client = {"type": "PublicClientApp", "id": "0oa"}
    event = parse(eventType="app.oauth2.token.grant", actor=client, target=[user])
    assert (event.on_behalf_of, event.subjects) == (("ana@x",), None)


def test_an_impersonated_user_is_whom_it_is_about() -> None:
    """Whoever enters as somebody else acts themselves; the other is the data subject."""
    user = {"type": "User", "alternateId": "ben@x"}
    actor = {"type": "User", "alternateId": "support@okta"}
    event = parse(eventType="user.session.impersonation.initiate", actor=actor, target=[user])
    assert (event.actor_id, event.on_behalf_of) == ("support@okta", None)
    assert event.subjects == (("account", "ben@x"),)


def test_event_hooks_are_refused() -> None:
    """A hook holds many events and is none."""
    with pytest.raises(EventError, match="event hook"):
        parse(eventType="com.okta.event_hook", data={"events": []})
