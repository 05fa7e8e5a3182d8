"""Okta actions: what the event types of Okta's System Log do, in the closed vocabulary.

Okta documents some 1,270 types, `OBJECT.PART.VERB`; those that open a session,
reveal or export something, or change who may do what stand first, the rest goes
by its verb.
"""

from __future__ import annotations

from ombud.collect.act_table import Act, ActTable
from ombud.core.ocsf_table import (
    ACCOUNT_CHANGE,
    AUTHENTICATION,
    AUTHORIZE_SESSION,
    GROUP_MANAGEMENT,
    USER_ACCESS,
)

_ROWS = (
    ("configure", """system.log_stream.* system.email.template.* security.events.provider.create
        security.events.provider.update security.events.provider.delete
        security.events.provider.activate security.events.provider.deactivate
        security.events.transmitter.* *.settings.create *.settings.update *.settings.delete
        *.configuration.update application.configuration.update_* event_hook.activated
        event_hook.created event_hook.deactivated event_hook.deleted event_hook.updated
        event_hook.verified *.sign_on.update *.sign_on.rule.* *.sign_on_provider.*
        app.saml.sensitive.* system.iwa.create system.iwa.remove system.iwa.update
        system.iwa.promote_primary system.iwa.use_default *.execution_log_stream*
        *.execution_history.* device.posture.check.*"""),
    ("other", """*rate_limit* security.threat.* security.attack.* security.breached_credential.*
        system.org.rate_limit.* *.burst.* core.concurrency.* system.operation.rate_limit.*
        security.behavior.* user.risk.* analytics.feedback.* user.account.report_suspicious_*
        security.events.* *.sms.send_* *.email.send_* system.email.* system.sms.* system.voice.*
        system.push.* policy.entity_risk.* policy.continuous_access.* user.behavior.profile.*
        *.detect_* *.detect *.detected *.expiration.warn *.crl_download_failure
        security.internal.* security.origin.auto_* security.request.blocked
        security.protected_action.attempt user.internal.* core.* application.integration.*
        application.account.* app.rum.* app.user_management
        app.user_management.user_group_import.*
        app.request_new.notify group.user_membership.rule.* device.signals.* org.not_configured_*
        mim.command.* plugin.script_status pam.integration.health_change
        pam.server_account.discovered
        inline_hook.response.* *.bootstrap *.drift.* *.internal.classify.* account.user.classify
        device.custom_push.* *.discover *.account_locked *.warn.* *.failed_processing
        event_hook.delivery* user.import.* system.import.* *.user_import.* *.sync_job.*
        *.api.error.* *.skipping.* *.error *.skip_* system.agent.*.connect*
        system.agent.*.disconnect system.agent.*.reconnect system.agent*.auto_update
        system.agent.*.read* system.agent.*.realtimesync
        directory.*.import* system.ldapi.*"""),
    ("reveal", """application.user_membership.show_password *.read_client_secret *.show_*
        app.keys.read* *.reveal* credential.reveal* pam.secret.reveal pam.secret.read
        privileged_resource.*reveal* *.password.reveal"""),
    ("export", """*.export.* system.export.* *.export *.exported *.download *.download.*
        analytics.reports.export.* app.audit_report.download.* *.report.download*
        system.report.* report.*download*
        plugin.downloaded *csvdownload"""),
    ("authenticate", """user.session.start user.session.end user.session.clear
        user.session.context.change user.session.access_admin_app user.session.impersonation.*
        user.session.expire user.session.* user.authentication.* policy.evaluate_sign_on
        app.generic.unauth_app_access_attempt app.token.* app.oauth2.*.authorize*
        app.oauth2.authorize* app.oauth2.*token.* app.oauth2.token.* app.oauth2.signon
        app.oauth2.as.interact.* app.oauth2.interact.* app.oauth2.as.evaluate.claim
        app.oauth2.*.evaluate.* *.del_auth.* app.inbound_del_auth.* app.kerberos_rich_client.*
        app.rich_client.* *.sign_on* *.signon* *.login* *.logout* user.mfa.attempt_bypass
        user.mfa.okta_verify* app.radius.* *.radius.* *.iwa.* system.iwa.* user.mfa.challenge*
        user.mfa.prompt* security.authenticator.*challenge* security.session.* app.saml.*
        app.ws_fed* device.user.sign* security.trusted_origin.sign* *.authenticate* *.sso
        app.access.* *.ssh_login
        system.iwa_agentless.* user.identity_verification* *.authentication *_token.issue
        *_creds.issue *.request_outside_allowed_range app.oauth2.invalid_client_credentials
        app.ad.password_migration_campaign.user.capture_password"""),
    ("approve", """app.access_request.approver.* app.access_request.grant app.access_request.deny
        access.request.approve* access.request.resolve access.request.deny* *.approve *.approved
        *.deny certification.*decision* certification.remediation.* governance.*.decision
        access.request.action certification.campaign.item.* access.request.reject
        access.review.action access.review.remediate
        user.registration.approve*
        *.review.decide*"""),
    ("justify", """access.request.create app.access_request.request access.request.message*
        *_federation.request"""),
    ("revoke", """app.oauth2.as.token.revoke app.oauth2.token.revoke *.privilege.revoke*
        *.membership.remove *.user_membership.remove
        *.user_membership.revoke* *.user_membership.deprovision group.user_membership.remove
        group.application_assignment.remove user.account.lock* user.lifecycle.suspend
        user.lifecycle.deactivate user.lifecycle.delete* *.consent.revoke* *.revoke *.revoke.*
        *.unassign *.role.*remove *.group_membership.remove iam.role.permissions.delete
        iam.resourceset.bindings.delete
        iam.resourceset.bindings.member.delete user.account.privilege.revoke
        *.access.revoke* *.grant.revoke *.policy.revoke *.user.deprovision
        user.mfa.factor.suspend"""),
    ("grant", """*.privilege.grant* *.membership.add *.user_membership.add
        *.user_membership.approve *.user_membership.provision *.user_membership.restore*
        group.user_membership.add group.application_assignment.add
        group.application_assignment.update system.api_token.create system.api_token.enable
        system.api_token.update user.lifecycle.unsuspend user.lifecycle.reactivate
        user.account.unlock* *.consent.grant* *.grant *.grant.* *.assign *.assigned *.role.*add
        *.group_membership.add *.bulk_membership_change *.reauthorize
        iam.resourceset.bindings.add iam.resourceset.bindings.create
        iam.resourceset.bindings.member.add user.account.privilege.grant *.access.grant*
        iam.role.permissions.add app.keys.generate* *.credentials.lifecycle.create
        user.account.unlock_by_admin"""),
    ("share", "*.share* system.org_to_org* app.publish*"),
    ("search", "*.search* *.query"),
    ("execute", """workflows.*execut* workflows.flow.run* workflows.*.run* *.execute* *.invoke*
        *.trigger* *.run inline_hook.executed event_hook.* scheduled_action.* automation.*
        *.job.* policy.execute* user.lifecycle.jit* *.refresh* *.ping* *.test* *.sync*"""),
    ("read", "*.read* *.view* *.list* *.get* *.verify* *.check* *.evaluate* *.validate*"),
    ("configure", """*.create* *.update* *.delete* *.activate* *.deactivate* *.enable* *.disable*
        *.add* *.remove* *.change* *.reset* *.set* *.suspend* *.unsuspend* *.lifecycle.* *.modify*
        *.edit* *.replace* *.rotate* *.rollover* *.generate* *.publish* *.upload* *.import*
        *.clone*
        *.rename* *.move* *.restore* *.expire* *.lock* *.unlock* *.register* *.enroll* *.unenroll*
        *.start* *.stop* *.cancel* *.upgrade* *.install* *.uninstall* *.associate* *.dissociate*
        *.merge* *.link* *.unlink* *.launch* *.close* *.end* *.schedule* *.transfer* *.config*
        *.migrat* *.reactivate* *.push* *.reassign* *.initialize* *.clear* *.confirm* *.save*
        *.map* *.unmap* *.mark* *.recover* *.retire* *.override* *.pause* *.resume* *.reorder*
        *.copy* *.complete* *.promote* *.submit* *.invalidate* *.credential* user.account.*
        user.mfa.* user.profile.* zone.* policy.* *.provision* *.assign* *.renew* *.issue *.bind
        *.apply
        *.applied *.revert *.duplicate system.identity_sources.* system.dr.* pam.* mim.*
        system.agent* system.mfa.* system.custom_url_domain.* security.* system.feature.*
        system.directory.debugger.* inline_hook.* network_zone.* *.failed* *.operation*"""),
)  # fmt: skip
_CLASSES = (
    (ACCOUNT_CHANGE, 1, "user.lifecycle.create"),
    (ACCOUNT_CHANGE, 2, """user.lifecycle.activate user.lifecycle.reactivate
        user.lifecycle.unsuspend"""),
    (ACCOUNT_CHANGE, 3, "user.account.update_password user.account.change_password"),
    (ACCOUNT_CHANGE, 4, "user.account.reset_password user.account.expire_password"),
    (ACCOUNT_CHANGE, 5, "user.lifecycle.deactivate user.lifecycle.suspend"),
    (ACCOUNT_CHANGE, 6, "user.lifecycle.delete*"),
    (ACCOUNT_CHANGE, 9, "user.account.lock*"),
    (ACCOUNT_CHANGE, 10, "user.mfa.factor.activate"),
    (ACCOUNT_CHANGE, 11, "user.mfa.factor.deactivate user.mfa.factor.reset_all"),
    (AUTHORIZE_SESSION, None, "system.api_token.create"),
    (GROUP_MANAGEMENT, None, "group.user_membership.* group.lifecycle.*"),
    (USER_ACCESS, None, "application.user_membership.add application.user_membership.remove"),
    (AUTHENTICATION, 2, "user.session.end user.session.clear user.authentication.slo"),
)  # fmt: skip
_TABLE = ActTable(_ROWS, classes=_CLASSES)


def find_act(operation: str | None) -> Act:
    """Return what an event does, by its `eventType`."""
    return _TABLE.find(operation)
