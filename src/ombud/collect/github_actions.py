"""GitHub actions: what the operations of a GitHub audit log do, in the closed vocabulary.

Some 900 operations are documented, each `CATEGORY.VERB`; the table names those
that matter to oversight and leaves the rest to their verbs.
"""

from __future__ import annotations

from ombud.collect.act_table import Act, ActTable
from ombud.core.ocsf_table import ACCOUNT_CHANGE, AUTHENTICATION, ENTITY_MANAGEMENT

_ROWS = (
    ("configure", """copilot.*_changed copilot.*_updated copilot.*instructions_created
        copilot.*enabled copilot.*disabled copilot.*_opt_* copilot.*policy* codespaces.*_updated
        codespaces.policy_group_* codespaces.*_update checks.auto_trigger_* checks.delete_logs
        actions_cache.configure* billing.* user.add_email user.remove_email
        user.remove_integration_secret two_factor_account_recovery.two_factor_destroy
        two_factor_account_recovery.abort two_factor_account_recovery.ignore"""),
    ("approve", """code_scanning.alert_closure_approved code_scanning.alert_closure_denied
        *.decline *.declined *.*_approve *.*_decline *.*_approved *.*_declined"""),
    ("authenticate", """two_factor_authentication.*_sms user.forgot_password *.recovery_code_used
        *.recovery_code_failed"""),
    ("delete", "user.destroy user.async_delete"),
    ("justify", """code_scanning.alert_closed_by_user code_scanning.alert_closure_requested
        *.alert_closure_requested *_access_requested"""),
    ("other", "code_scanning.alert_* *rate_limit* *_warning"),
    ("grant", """copilot.*seat_added copilot.*seat_assignment_created copilot.*seat_assignment_re*
        *_access_granted *_access_unblocked *_manager_added *.restore_member *.generate_token
        user.grant_*"""),
    ("revoke", """copilot.access_revoked copilot.*seat_cancelled* copilot.*seat_assignment_un*
        *_access_revoked *_access_blocked *_manager_removed"""),
    ("reveal", """*.recovery_codes_viewed *.recovery_codes_downloaded *.recovery_codes_printed
        user.two_factor_recovery_codes_*
        secret_scanning_alert.reveal*"""),
    ("authenticate", """user.login user.logout user.failed_login user.two_factor_challenge_*
        user.two_factor_requested user.two_factor_recover user.new_device_used user.sign_in_*
        *.sso_response user.sso_response user.device_verification_* staff.fake_login
        staff.unfake_login user.remember_device user_session.* user.passkey_*authenticat*
        security_key.login oauth_access.authenticate"""),
    ("export", """git.clone git.fetch repo.download_zip *.audit_log_export
        *.audit_log_git_event_export *.export_member* *.export_licensing* *.export_*
        account_recovery.export user.export_* codespaces.export* migration.create
        migration.start repo.download *.download_* *.download gist.download
        org.members_can_export enterprise.export_*  user_data_export.* packages.package_downloaded
        codespaces.export_environment dependency_graph.export_sbom repo.export_sbom
        artifact.download *.audit_log_export_*"""),
    ("write", """git.push repo.create repo.rename repo.restore repo.unarchived repo.import
        issue.create issue.transfer issue.update issue.pinned issue_comment.create
        issue_comment.update pull_request.create pull_request.close pull_request.reopen
        pull_request.merge pull_request.converted_to_draft pull_request.ready_for_review
        pull_request.indirect_merge pull_request.create_review_request
        pull_request.remove_review_request pull_request_review.submit
        pull_request_review_comment.create pull_request_review_comment.update discussion.create
        discussion.update discussion_comment.* discussion_post.update discussion_post_reply.update
        gist.create gist.update project.create project.update_* wiki.create
        packages.package_published packages.package_version_published
        packages.package_version_restored packages.package_restored release.create
        release.update release.publish pages.create artifact.create commit_comment.update
        codespaces.create codespaces.update repo.merge repo.create_branch team_discussions.*
        repo.pages_* marketplace_listing.create custom_property_value.* repo.custom_property*
        profile_picture.update user.update_* commit_comment.create
        repo.staff_unlock pull_request.* issue.* projects_v2*"""),
    ("delete", """repo.destroy issue.destroy issue_comment.destroy pull_request.destroy
        pull_request_review.delete pull_request_review_comment.delete discussion.destroy
        discussion_comment.destroy discussion_post.destroy discussion_post_reply.destroy
        gist.destroy release.destroy commit_comment.destroy packages.package_deleted
        packages.package_version_deleted artifact.destroy actions_cache.delete wiki.destroy
        workflows.delete_workflow_run workflows.destroy_workflow_run_logs
        codespaces.destroy user.delete *.delete_actions_artifact repo.delete_branch
        org.delete business.delete enterprise.delete account.delete project.delete"""),
    ("share", """repo.access repo.transfer repo.transfer_start repo.transfer_outgoing
        repo.transfer_* repo.change_visibility repo.actions_enabled_public gist.share
        *.visibility_change codespaces.share* repo.create_deploy_key deploy_key.*create*
        project.access project.link repo_advisory.collaborator* advisory.share
        *.set_fork_policy *.enable_private_repository_forking repo.publicized
        private_repository_forking.enable packages.*visibility* *.transfer *.transfer_outgoing
        pages.public security_advisory.publish repository_advisory.publish"""),
    ("approve", """workflows.approve_workflow_job workflows.reject_workflow_job
        pull_request_review.dismiss environment.approve* *_request.approve* *_request.deny
        *_request.reject* *.approve *.approved *.access_request_approved *.accept
        org.oauth_app_access_approved org.oauth_app_access_denied *.approve_* *.deny_*
        personal_access_token.request_denied *.dismissal_request_* *_bypass_request.*
        deployment.approve* marketplace_listing.approve integration_installation_request.close"""),
    ("justify", """*push_protection*bypass* *.dismiss *.dismissed *_alert.close
        *_alert.resolve *_bypass.create"""),
    ("revoke", """*.remove_member *.remove_user *.remove_collaborator *.remove_outside_collaborator
        *.remove_admin *.remove_owner *.remove_organization *.remove_repository
        *.remove_billing_manager *.remove_repositories *.revoke *.revoked *.access_revoked
        *.cancel_invitation *.destroy_invitation *.block_user *.suspend *.suspended
        *.demote *.remove_actor* *.remove_contributor *.cancel_invite* *.remove_*member*
        public_key.delete public_key.destroy deploy_key.destroy oauth_access.destroy
        oauth_access.revoke oauth_authorization.destroy oauth_application.revoke_*
        personal_access_token.destroy personal_access_token.revoke* gpg_key.destroy
        ssh_certificate_authority.destroy integration_installation.destroy user.suspend
        user.demote user.remove_* org_credential_authorization.deauthorize *.deauthorize
        *.deauthorized external_identity.deprovision *.unlink *.remove_from_* *.removed_*
        *.restrict_member* team.remove_repository *.revoke_* *.user_suspended
        *.remove_security_manager *.org_moderators_remove organization_role.revoke
        *.delete_deploy_key api_token.destroy enterprise_announcement.revoke scim*.remove"""),
    ("grant", """*.add_member *.add_user *invite_member *.update_member *.add_collaborator
        *.add_outside_collaborator *.add_admin *.add_owner *.add_organization *.add_repository
        *.add_billing_manager *.add_repositories *.grant *.granted *.access_granted *.invite*
        *.update_repository_permission *.update_permission* *.update_team* *.promote
        *.unblock_user *.unsuspend *.add_actor* *.update_actors* *.add_*member*
        public_key.create public_key.verify public_key.update deploy_key.create
        oauth_access.create oauth_authorization.create oauth_access.regenerate
        oauth_access.update personal_access_token.create personal_access_token.update
        personal_access_token.regenerate* personal_access_token.credential_regenerated
        personal_access_token.request_created gpg_key.create ssh_certificate_authority.create
        integration_installation.create integration_installation.unsuspend
        integration_installation.repositories_added integration_installation.version_updated
        integration_installation_request.create user.promote user.add_* user.unsuspend
        org_credential_authorization.grant external_identity.provision external_identity.update
        *.add_to_* team.change_privacy team.change_parent_team *.set_permission*
        *.add_security_manager organization_role.assign *.assign *.update_default_repository_*
        role.create role.update repo.update_member repo.add_topic_member api_token.create
        *.accept_invitation *.join *.member_invited *.link *.add_contributor"""),
    ("execute", """workflows.* codespaces.connect codespaces.suspend_codespace codespaces.*
        checks.* deployment.* actions.run* copilot.*_session* copilot.swe_agent* agent_session.*
        repo.run_* hook.ping hook.test pages.build environment.deploy* runner.run*
        merge_queue.* repository_dispatch.* dependabot.run* migration.* repo.dispatch
        copilot.* cascading_delete.*"""),
    ("search", """*.search_audit_log staff.search_* *.code_search search.* staff.audit_log_search
        api.search *.audit_log_search"""),
    ("read", """staff.view_* staff.* *.view *.viewed *.view_* *.read *.list *.get *.show
        *.access_log api.* git.*"""),
    ("other", """*_alert.create *_alert.created *_alert.reopen* *_alert.auto_* *_alert.appeared*
        *_alert.fix* *_alert.validate* *_alert.* sponsors.*
        restrict_notification_delivery.* *.rate_limit* *.page_view
        repository_vulnerability_alert.* marketplace_* discussion_post.*
        discussion_post_reply.*"""),
    ("configure", """*.create* *.destroy* *.delete* *.update* *.enable* *.disable* *.add* *.remove*
        *.set_* *.change* *.archived *.unarchived *.rename* *.restore* *.edit* *.clear* *.reset*
        *.register* *.policy_override *.modify* *.config* *.cancel* *.activate* *.deactivate*
        *.unset* *.upgrade* *.downgrade* *.extend* *.sync* *.lock* *.unlock* *.pin* *.unpin*
        *.rotate* *.*_enabled *.*_disabled *.*enable* *.*disable* *.*update* *.*_changed
        *.transform* *.attach* *.detach* *.connect* *.disconnect* *.require* *.opt_* *.publish*
        *.unpublish* *.revert* *.event_* *.check* *.replace* *.allow* *.saml_* *.display_*
        *.hide* *.unhide* *.move* *.start* *.stop* *.schedule* *.verify* *.confirm* *.merge*
        *.convert* *.block* *.unblock* *.mark* *.unmark* *.close* *.reopen* *.save* *.plan_*
        *.runner_* *.self_hosted_* *.request* *.recover* *.revise* *.ownership_* *.failed*
        *.complete* *.expire* *.install* *.uninstall* *.suspend* *.unsuspend* *.threshold*
        *.default_* *linked* *.resume* *.recreate *.show_* *_change *.*_destroy *.*_delete
        *.*_create *.*_update *.*_add *.*_remove *.*_granted *.*_revoked *.members_can_*
        *.advanced_security_* *.codeowners* *.secret* *.grace*
        *.*_created *.*_deleted *.*_added *.*_removed *.*_set *.*_cleared *.*_updated *.submit*"""),
)  # fmt: skip
_CLASSES = (
    (AUTHENTICATION, 2, "user.logout staff.unfake_login"),
    (ACCOUNT_CHANGE, None, "user.suspend user.unsuspend user.promote user.demote user.delete"),
    (ACCOUNT_CHANGE, 3, "user.change_password user.reset_password user.forgot_password"),
    (ENTITY_MANAGEMENT, None, "workflows.approve_* workflows.reject_* *_request.approve*"),
)

_TABLE = ActTable(_ROWS, classes=_CLASSES)
_BARE = {"invite_member": "org.invite_member"}


def find_act(operation: str | None) -> Act:
    """Return what an operation does, by the `action` of its record."""
    return _TABLE.find(_BARE.get(operation, operation) if operation is not None else None)
