"""Google Workspace actions: what an event of an application's audit log does.

Looked up as `application:name`; an activity of several events bears the one of
most consequence.  Names: Admin SDK documentation, "Activity events".
"""

from __future__ import annotations

from ombud.collect.act_table import Act, ActTable
from ombud.core.ocsf_table import (
    ACCOUNT_CHANGE,
    AUTHENTICATION,
    DATASTORE,
    FILE_HOSTING,
    GROUP_MANAGEMENT,
)

_ROWS = (
    ("authenticate", """login:login_success login:login_failure login:login_verification
        login:login_challenge login:logout login:suspicious_login*
        login:suspicious_programmatic_login login:risky_sensitive_action_*
        saml:login_success saml:login_failure ldap:* context_aware_access:access_deny_event
        context_aware_access:access_deny_internal_error_event
        context_aware_access:monitor_mode_access_deny_event chrome:login_event
        chrome:chrome_os_login_event chrome:chrome_os_login_failure_event
        chrome:chrome_os_login_logout_event mobile:*unlock* meet:*_authentication*
        login:user_signed_out* login:passkey* user_accounts:*login*"""),
    ("export", """drive:download drive:sync_item_content drive:print drive:copy_to_external
        drive:source_copy drive:item_downloaded* vault:*export* vault:download*
        data_studio:download_report data_studio:data_export data_studio:*download*
        takeout:* user_accounts:*takeout* chat:attachment_download chat:*export* keep:*export*
        keep:download* calendar:export_calendar calendar:print_preview_calendar
        gmail:*download* admin:download_* admin:customer_takeout_* admin:email_log_export*
        admin:alert_center_batch* groups:*download* groups_enterprise:*export* classroom:*export*
        chrome:*download* chrome:sensitive_data_transfer chrome:content_transfer meet:*download*
        directory_sync:*export* data_migration:* admin:*export* admin:*takeout*
        drive:connected_sheets_query_export"""),
    ("share", """drive:change_user_access* drive:change_acl_editors
        drive:change_document_visibility* drive:change_document_access_scope*
        drive:change_owner* drive:team_drive_membership_change
        drive:shared_drive_membership_change drive:publish_change drive:email_as_attachment
        drive:email_collaborators drive:shared_drive_access_scope* drive:change_owner_hierarchy*
        drive:add_to_folder_shared calendar:change_calendar_acls calendar:add_event_guest
        calendar:change_event_guest* data_studio:change_report* data_studio:change_user_access
        data_studio:change_document* data_studio:*share* chat:*external* keep:*share*
        gmail:*forward* admin:*email_forwarding* user_accounts:email_forwarding_out_of_domain
        classroom:*share* meet:*livestream* looker_studio:*share*"""),
    ("grant", """drive:approve_access_request token:authorize admin:assign_role admin:add_privilege
        admin:create_role admin:grant_admin_privilege admin:grant_delegated_admin_privileges
        admin:add_group_member admin:authorize_api_client_access admin:add_application_to_whitelist
        admin:add_to_trusted_oauth2_apps admin:change_group_setting groups:add_user
        groups:add_member groups:approve_join_request groups:invite_user groups:accept_invitation
        groups:join groups:change_acl_permission groups:add_info_setting groups:request_to_join
        groups_enterprise:add_member groups_enterprise:add_member_role
        groups_enterprise:accept_invitation groups_enterprise:approve_join_request
        groups_enterprise:invite_member groups_enterprise:join
        groups_enterprise:change_security_setting chat:add_room_member chat:invite_accept
        chat:invite_send chat:add_member chat:room_member_added gcp:import_ssh_public_key
        admin:*delegate* vault:add_collaborator vault:*add_collaborator* admin:*_add_delegat*
        user_accounts:app_specific_password_generate* admin:generate_*_token admin:*oauth2_app*
        admin:toggle_service_enabled admin:transfer_document_ownership classroom:*invit*"""),
    ("revoke", """token:revoke admin:unassign_role admin:remove_privilege admin:delete_role
        admin:revoke_admin_privilege admin:revoke_delegated_admin_privileges
        admin:remove_group_member admin:remove_api_client_access admin:suspend_user
        admin:remove_application_from_whitelist admin:revoke_3lo_token admin:revoke_asp
        admin:delete_user admin:archive_user admin:turn_off_2_step_verification
        admin:security_key_registered_for_user_revoked admin:revoke_security_key
        admin:remove_from_trusted_oauth2_apps admin:revoke_* admin:sign_out_user admin:block_*
        groups:remove_user groups:remove_member groups:ban_user_with_moderation groups:leave
        groups:revoke_invitation groups:reject_invitation groups:reject_join_request
        groups:unsubscribe_via_mail groups_enterprise:remove_member groups_enterprise:leave
        groups_enterprise:remove_member_role groups_enterprise:ban_member
        groups_enterprise:reject_* groups_enterprise:revoke_* chat:remove_room_member
        chat:room_member_removed chat:block_user chat:remove_member vault:remove_collaborator
        gcp:delete_posix_profile login:account_disabled_* drive:expire_access_request
        drive:deny_access_request drive:team_drive_settings_access_removed"""),
    ("approve", """drive:approval_* drive:*approval* groups:approve_* admin:approve_*
        admin:action_approved* access_approval:* rules:*approved* vault:*approve*"""),
    # Google's own people: Access Transparency.
    ("read", "access_transparency:* "),
    ("delete", """drive:trash drive:delete drive:remove_from_folder drive:purge gmail:*delete*
        gmail:*trash* calendar:delete_event calendar:delete_calendar calendar:remove_* keep:*delete*
        keep:trash* chat:*delete* groups:delete_* groups_enterprise:delete_group vault:*delete*
        vault:remove_* admin:delete_* admin:delete_group data_studio:delete* data_studio:trash*
        classroom:*delete* admin:remove_mail* meet:*delete*"""),
    ("search", """vault:*search* vault:*query* vault:*count* admin:email_log_search
        admin:email_undelete admin:security_investigation_query
        admin:security_investigation_chart_create cloud_search:* drive:*search* gmail:*search*
        rules:*query* admin:*investigation_query* data_studio:*query* chat:*search*"""),
    ("read", """drive:view drive:preview drive:item_content_accessed drive:request_access
        drive:prefetch* drive:connected_sheets_query token:activity vault:view* vault:*view*
        calendar:view* keep:view* keep:read* data_studio:view* data_studio:*view* gmail:open*
        gmail:view* gmail:*read* chat:*view* chat:*read* admin:view_* admin:security_investigation_*
        admin:alert_center_view admin:alert_center_list* admin:alert_center_get* meet:*view*
        groups:view* classroom:*view* admin:*view*"""),
    ("write", """drive:create drive:upload drive:edit drive:copy drive:move drive:rename
        drive:untrash drive:add_to_folder drive:add_comment drive:*comment* drive:*suggestion*
        drive:add_lock drive:remove_lock drive:label_* drive:*label* drive:unlock*
        drive:team_drive_settings_change drive:shared_drive_settings_change drive:deny*
        drive:change_* drive:*change* drive:script_* drive:apply*
        calendar:create_event calendar:change_event* calendar:create_calendar
        calendar:*event* calendar:* gmail:* chat:message_* chat:attachment_upload chat:*
        keep:* groups:create_* groups:post* groups:change_* groups:* groups_enterprise:create_group
        data_studio:create* data_studio:* classroom:* jamboard:* gplus:* currents:*"""),
    ("configure", """admin:* login:2sv_* login:password_* login:recovery_* login:titanium_*
        login:*enroll* login:* user_accounts:* groups_enterprise:* vault:* mobile:* gcp:* chrome:*
        token:* saml:* context_aware_access:* assignments:* tasks:* devices:* directory_sync:*
        profile:* contacts:*"""),
    ("execute", "meet:* gemini*:* app_scripts:* apps_script:*"),
    ("other", "rules:* alerts:*"),
)  # fmt: skip
_CLASSES = (
    (AUTHENTICATION, 2, "login:logout login:user_signed_out* chrome:*logout*"),
    (FILE_HOSTING, 2, "drive:download drive:sync_item_content"),
    (FILE_HOSTING, 3, "drive:edit"),
    (FILE_HOSTING, 5, "drive:rename"),
    (FILE_HOSTING, 6, "drive:copy drive:source_copy"),
    (FILE_HOSTING, 7, "drive:move drive:add_to_folder"),
    (FILE_HOSTING, 8, "drive:untrash"),
    (FILE_HOSTING, 9, "drive:preview"),
    (FILE_HOSTING, None, "drive:*"),
    (DATASTORE, None, "gmail:* vault:*search* vault:*query*"),
    (GROUP_MANAGEMENT, 3, "groups*:add_* admin:add_group_member"),
    (GROUP_MANAGEMENT, 4, "groups*:remove_* admin:remove_group_member"),
    (ACCOUNT_CHANGE, 1, "admin:create_user"),
    (ACCOUNT_CHANGE, 3, "login:password_edit admin:change_password"),
    (ACCOUNT_CHANGE, 5, "admin:suspend_user"),
    (ACCOUNT_CHANGE, 6, "admin:delete_user"),
)  # fmt: skip
_TABLE = ActTable(_ROWS, classes=_CLASSES)
NAMELESS = _TABLE.find(None)
# Of several events of one activity, that of most consequence.
_RANKS = (
    "export", "share", "reveal", "grant", "revoke", "delete", "approve", "justify", "write",
    "configure", "execute", "search", "read", "authenticate", "tick", "other",
)  # fmt: skip
RANK = {action: rank for rank, action in enumerate(_RANKS)}


def find_act(application: str | None, name: str | None) -> Act:
    """Return what an event of an application does."""
    if name is None:
        return NAMELESS
    return _TABLE.find(f"{application or ''}:{name.replace(' ', '_')}")
