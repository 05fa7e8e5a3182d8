"""GitHub: what its operations are, who acted, and for whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ombud.collect.github import GitHubAudit
from ombud.collect.github_actions import find_act
from ombud.core.event import Event


def parse(**members: Any) -> Event:
    """Return the event of a record with these members."""
    return GitHubAudit().parse(json.dumps(members).encode(), now_ms=1)


ACTS = {
    "authenticate": "user.login user.failed_login user.logout org.sso_response staff.fake_login",
    "export": """git.clone git.fetch repo.download_zip org.audit_log_export
        business.audit_log_git_event_export packages.package_downloaded""",
    "write": """git.push repo.create issue.create pull_request.merge pull_request_review.submit
        gist.create packages.package_version_published discussion_post.update""",
    "delete": """repo.destroy issue.destroy gist.destroy packages.package_deleted release.destroy
        pull_request_review_comment.delete workflows.delete_workflow_run""",
    "share": "repo.access repo.transfer gist.visibility_change project.access",
    "approve": """workflows.approve_workflow_job workflows.reject_workflow_job
        org.oauth_app_access_approved personal_access_token.request_denied""",
    "justify": "secret_scanning_push_protection.bypass secret_scanning_alert.dismiss",
    "grant": """org.add_member org.invite_member invite_member org.update_member repo.add_member
        team.add_member team.add_repository team.update_repository_permission public_key.create
        deploy_key.create oauth_authorization.create oauth_access.create user.promote
        integration_installation.create personal_access_token.access_granted
        org_credential_authorization.grant business.add_admin organization_role.assign
        org.unblock_user external_identity.provision role.create""",
    "revoke": """org.remove_member repo.remove_member team.remove_member team.remove_repository
        public_key.delete oauth_authorization.destroy oauth_access.revoke user.suspend
        integration_installation.destroy personal_access_token.access_revoked
        org_credential_authorization.revoke org.remove_outside_collaborator
        organization_role.revoke org.block_user org.cancel_invitation user.demote""",
    "execute": """workflows.created_workflow_run workflows.rerun_workflow_run hook.ping
        codespaces.connect""",
    "search": "staff.search_audit_log",
    "read": "staff.view_audit_log",
    "configure": """org.enable_two_factor_requirement org.disable_saml protected_branch.create
        protected_branch.policy_override hook.create hook.destroy repo.archived repo.rename_x
        repository_ruleset.update environment.create
        dependabot_alerts.disable secret_scanning.enable ip_allow_list.enable
        ip_allow_list_entry.create org.set_actions_fork_pr_approvals_policy team.create
        org.saml_disabled business.set_sso_x audit_log_streaming.create
        audit_log_streaming.destroy repo.config.disable_x org.create_actions_secret
        environment.remove_actions_secret copilot_x.settings_changed""",
    "other": "secret_scanning_alert.create repository_vulnerability_alert.create",
}


@pytest.mark.parametrize(
    ("operation", "action"),
    [(name, action) for action, names in ACTS.items() for name in names.split()],
)
def test_documented_operations(operation: str, action: str) -> None:
    """One of each documented family has its action."""
    act = find_act(operation)
    assert (act.action, act.is_known) == (action, True)


@pytest.mark.parametrize(
    ("members", "actor", "kind", "behalf"),
    [
        pytest.param({"actor": "ana"}, "ana", "person", None, id="person"),
        pytest.param({"actor": "x[bot]", "user": "ana"}, "x[bot]", "service", None, id="bot"),
        pytest.param({"actor": "x", "actor_is_bot": True}, "x", "service", None, id="bot by flag"),
        pytest.param(
            {"actor": "deploy_key", "programmatic_access_type": "Deploy key"},
            "deploy_key", "service", None, id="deploy key",
        ),
        pytest.param(
            {"actor": "ana", "programmatic_access_type": "GitHub App user-to-server token"},
            "ana", "person", None, id="an app for its user",
        ),
        pytest.param(
            {"actor": "Copilot", "actor_is_agent": True, "user": "ana"},
            "Copilot", "agent", ("ana",), id="agent",
        ),
        pytest.param({"actor_id": 7}, "7", "person", None, id="number only"),
        pytest.param({}, None, None, None, id="nobody"),
    ],
)  # fmt: skip
def test_actors(
    members: dict[str, Any], actor: str | None, kind: str | None, behalf: tuple[str, ...] | None
) -> None:
    """People, bots and agents; only an agent's `user` is the one it acted for."""
    event = parse(action="git.push", **members)
    assert (event.actor_id, event.actor_type, event.on_behalf_of) == (actor, kind, behalf)
    assert event.subjects == ((("account", "ana"),) if kind == "service" and "user" in members
                              else None)  # fmt: skip


@pytest.mark.parametrize(
    ("members", "action", "outcome"),
    [
        ({"request_method": "GET", "url_path": "/repos/a/b", "status_code": 200},
         "read", "success"),
        ({"request_method": "DELETE", "url_path": "/repos/a/b", "status_code": 404},
         "delete", "failure"),
        ({"request_method": "POST", "url_path": "/x", "status_code": 401}, "write", "denied"),
        ({"request_method": "GET", "url_path": "/search/code"}, "search", "success"),
        ({}, "read", "success"),
    ],
)  # fmt: skip
def test_api_requests(members: dict[str, Any], action: str, outcome: str) -> None:
    """A request to the API is what its method does, and ended as its status says."""
    event = parse(action="api.request", actor="ana", **members)
    assert (event.action, event.outcome) == (action, outcome)


def test_operation_type_stands_in() -> None:
    """An operation that no row knows goes by the kind that the record states."""
    assert parse(action="x.wobble", operation_type="transfer").action == "share"
    assert parse(action="x.wobble", operation_type="transfer").flags == ("time_unknown",)
    assert parse(action="x.wobble", operation_type="odd").flags == (
        "action_unknown",
        "time_unknown",
    )
