"""Microsoft 365 actions: what an operation of the unified audit log does.

Names of activities come first, then administrators' cmdlets and the phrases of
Entra by pattern, then what a name ends or begins with.  Names: Microsoft
Purview documentation, "Audit log activities".
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
    ("authenticate", """userloggedin userloginfailed userloggedoff mailboxlogin teamssessionstarted
        signinevent passwordlogoninitialauthusingpassword passwordlogoncookiecopyusingdainlogin
        forgotpassword* foreignrealmindexlogon* authentication*"""),
    # Looking at data.
    ("read", """fileaccessed fileaccessedextended filepreviewed pageviewed pageviewedextended
        clientviewsignaled listviewed listitemviewed mailitemsaccessed folderbind messagebind
        previewitemlisted previewitemviewed previewitemrendered viewdocument viewedsearchexported
        viewedsearchpreviewed searchpreviewed searchreport messageslisted messageread chatretrieved
        messagehostedcontentread meetingdetail meetingparticipantdetail viewreport viewdashboard
        viewtile viewdataset labelcontentexploreraccesseditem quarantinepreview quarantineviewheader
        anonymouslinkused companylinkused securelinkused sharinglinkused supervisorylistviewed
        viewform viewresponse viewresponses listforms viewedformresponses streamviewvideo
        usageanalyticsview viewedinsight"""),
    ("search", """searchqueryperformed searchqueryinitiatedexchange searchqueryinitiatedsharepoint
        searchcreated searchstarted searchupdated auditsearchcreated auditsearchstarted
        auditsearchcompleted createworkingsetsearch addquerytoworkingset peoplesearch
        searchcompleted new-compliancesearch start-compliancesearch set-compliancesearch
        search-mailbox search-unifiedauditlog search-adminauditlog search-mailboxauditlog
        new-mailboxsearch start-mailboxsearch new-mailboxauditlogsearch
        new-adminauditlogsearch huntingquery* advancedhunting*"""),
    ("export", """filedownloaded filesyncdownloadedfull filesyncdownloadedpartial
        searchexported searchexportdownloaded previewitemdownloaded downloaddocument exportjob
        messagesexported recordingexported transcriptsexported auditsearchexport*
        new-mailboxexportrequest new-compliancesearchaction exportreport exportartifact exporttile
        downloadreport printreport printdashboard analyzedbyexternalapplication
        analyzeinexcel exportdataflow exportform exportresponses streamdownloadvideo
        filecopiedtoremovablemedia fileuploadedtocloud filecopiedtoclipboard fileprinted
        filecopiedtonetworkshare filetransferredbybluetooth quarantineexport bulkexport*"""),
    ("write", """fileuploaded filemodified filemodifiedextended filemoved filerenamed filerestored
        filecopied filecheckedin filecheckedout filecheckoutdiscarded filesyncuploadedfull
        filesyncuploadedpartial foldercreated foldermodified foldermoved folderrenamed
        folderrestored foldercopied listcreated listupdated listrestored listitemcreated
        listitemupdated listitemrestored create update move copy send messagesent messageupdated
        messagecreatedhaslink messageeditedhaslink messagecreatednotification chatcreated
        chatupdated reactedtomessage accessrequestcreated applyrecord commentcreated
        submitresponse createform editform filecreated filecreatedonremovablemedia"""),
    ("delete", """filedeleted filedeletedfirststagerecyclebin filedeletedsecondstagerecyclebin
        filerecycled filepermanentlydeleted fileversion*recycled fileversions*recycled
        folderdeleted* folderrecycled listdeleted listitemdeleted listitemrecycled recorddelete
        compliancerecorddelete softdelete harddelete movetodeleteditems messagedeleted
        searchresultspurged prioritycleanupdelete quarantinedeletemessage deleteform
        deleteallresponses commentdeleted"""),
    # Who else gets to see it.
    ("share", """sharingset anonymouslinkcreated anonymouslinkupdated companylinkcreated
        companylinkupdated securelinkcreated securelinkupdated addedtosecurelink
        sharinginvitationcreated sharinginvitationupdated sharinglinkcreated sharinglinkupdated
        sharinginvitationaccepted addpermissionslevel sendas sendonbehalf sharereport
        sharedashboard publishtowebreport invitesent formsshare* streaminvite*
        allowshareformforcopy createsharedsummarylink"""),
    ("grant", """addedtogroup sitecollectionadminadded permissionleveladded accessrequestaccepted
        accessrequestapproved addfolderpermissions modifyfolderpermissions updatefolderpermissions
        updatecalendardelegation memberadded memberrolechanged searchpermissioncreated
        searchpermissionupdated caseadminadded casememberadded sharinginheritancebroken
        permissionlevelsinheritancebroken sitepermissionsmodified permissionlevelmodified
        webmemberscansharemodified add-mailboxpermission add-recipientpermission
        add-mailboxfolderpermission set-mailboxfolderpermission add-rolegroupmember
        add-distributiongroupmember add-unifiedgrouplinks add-ediscoverycaseadmin
        add-compliancecasemember new-managementroleassignment update-rolegroupmember
        update-compliancecasemember consent_to_application
        add_member_to_* add_owner_to_* add_eligible_member_to_* add_scoped_member_to_*
        add_app_role_assignment_* add_delegated_permission_grant add_delegation_entry
        add_service_principal_credentials add_registered_* add_oauth2permissiongrant
        add_*credentials* add_partner_to_company add_role_assignment* add_passwordless*
        addpowerbiworkspace* addgroupmembers
        addmembertogroup updateappownership*"""),
    ("revoke", """sharingrevoked anonymouslinkremoved companylinkremoved securelinkremoved
        sharinginvitationrevoked sharinginvitationblocked sharinglinkdeleted removedfromsecurelink
        removedfromgroup sitecollectionadminremoved permissionlevelremoved removefolderpermissions
        memberremoved sharinginheritancereset searchpermissionremoved caseadminremoved
        casememberremoved remove-mailboxpermission remove-recipientpermission
        remove-mailboxfolderpermission remove-rolegroupmember remove-distributiongroupmember
        remove-unifiedgrouplinks remove-ediscoverycaseadmin remove-compliancecasemember
        remove-managementroleassignment remove_member_from_* remove_owner_from_*
        remove_eligible_member_from_* remove_scoped_member_from_* remove_app_role_assignment_*
        remove_delegated_permission_grant remove_oauth2permissiongrant
        remove_delegation_entry remove_service_principal_credentials
        remove_registered_* remove_role_assignment* disable_account revoke_* deletegroupmembers
        unpublish* delete_user remove_partner_from_company"""),
    ("approve", """accessrequestdenied accessrequestupdated approverequest denyrequest
        approve-* deny-* quarantinereleasemessage quarantinerequestreleasemessage
        quarantinereleaserequestdeny* consentapproved"""),
    ("execute", """copilotinteraction aiinteraction aiappinteraction runalgo loadjob tagjob
        runemailsubscription refreshdataset requestdataflowrefresh searchresultssenttozoom
        addremediateddata errorremediationjob botaddedtoteam startflow* runflow* launchpowerapp
        connectedaiappinteraction airemove* commandexecuted runantivirusscan liveresponse*
        isolatedevice* collectinvestigationpackage"""),
    # Alerts and notes of Microsoft's own machines: known, and nobody's act on data.
    ("other", """dlprulematch dlpruleundo dlpinfo alerttriggered alertentitygenerated alertupdated
        filemalwaredetected tiurlclickdata timaildata pageprefetched airinvestigationdata
        airmanualinvestigation validaterbacaccesscheck userrestricted* heartbeat"""),
    # Administrators' cmdlets, and the phrases of Entra.
    ("read", "get-* test-* show-* find-* view-* read-* list-*"),
    ("search", "search-*"),
    ("export", "export-* download_* download-* export_*"),
    ("revoke", "remove-*permission* remove-*member* revoke-* block-*"),
    ("grant", "add-*permission* add-*member* add-*owner* grant-*"),
    ("execute", "start-* stop-* invoke-* resume-* suspend-* send-* import-*"),
    ("configure", """new-* set-* remove-* add-* enable-* disable-* update-* install-* uninstall-*
        move-* clear-* complete-* connect-* release-* restore-* undo-* upgrade-* validate-*
        add_* update_* set_* delete_* remove_* enable_* disable_* reset_* change_* restore_*
        hard_delete_* user_* verify_* invite_* create_* import_* promote_* register_* unregister_*
        admin_* generate_* assign_* convert_*"""),
    # What a name ends or begins with.
    ("export", "*downloaded *exported *printed *download export* download* print*"),
    ("read", "*viewed *accessed *previewed *read *listed *opened view* get* list* access*"),
    ("search", "*search *searched *queryperformed search* query*"),
    ("share", "*shared share* *linkcreated"),
    ("revoke", "*revoked *permissionremoved *memberremoved revoke* unshare*"),
    ("grant", "*permissionadded *memberadded *adminadded *ownertransferred grant*"),
    ("delete", "*deleted *recycled *purged delete* purge*"),
    ("approve", "*approved *rejected *declined approve*"),
    ("execute", "*started *stopped *ran *launched run* start* stop* *job"),
    ("configure", """*created *added *removed *updated *modified *changed *set *enabled *disabled
        *applied *installed *uninstalled *renamed *restored *locked *unlocked *configured *joined
        *unjoined *registered create* update* add* remove* set* edit* change* enable* disable*
        apply* install* *record *policy *settings connect* publish* patch* tag* hold* case*
        label* sensitivitylabel* move* copy* rename* *moved *edited *scheduled *assigned"""),
)  # fmt: skip
_CLASSES = (
    (AUTHENTICATION, 2, "userloggedoff"),
    (FILE_HOSTING, 9, "filepreviewed"),
    (FILE_HOSTING, 2, "filedownloaded filesyncdownloaded*"),
    (FILE_HOSTING, 1, "fileuploaded filesyncuploaded*"),
    (FILE_HOSTING, 3, "filemodified*"),
    (FILE_HOSTING, 5, "filerenamed folderrenamed"),
    (FILE_HOSTING, 6, "filecopied foldercopied"),
    (FILE_HOSTING, 7, "filemoved foldermoved"),
    (FILE_HOSTING, 8, "filerestored folderrestored"),
    (DATASTORE, None, """mailitemsaccessed folderbind messagebind send sendas sendonbehalf create
        update move copy softdelete harddelete movetodeleteditems searchquery* searche*
        message*"""),
    (FILE_HOSTING, None, """file* folder* page* listitem* listviewed listcreated listupdated
        listdeleted sharing* anonymouslink* companylink* securelink* addedtosecurelink
        removedfromsecurelink"""),
    (ACCOUNT_CHANGE, 1, "add_user"),
    (ACCOUNT_CHANGE, 3, "change_user_password"),
    (ACCOUNT_CHANGE, 4, "reset_user_password"),
    (ACCOUNT_CHANGE, 5, "disable_account"),
    (ACCOUNT_CHANGE, 6, "delete_user"),
    (GROUP_MANAGEMENT, 3, "add_member_to_group addedtogroup memberadded"),
    (GROUP_MANAGEMENT, 4, "remove_member_from_group removedfromgroup memberremoved"),
)  # fmt: skip
_TABLE = ActTable(_ROWS, classes=_CLASSES)


def find_act(operation: str | None) -> Act:
    """Return what an operation does; `Add member to role.` is looked up as `add_member_to_role`."""
    if operation is None:
        return _TABLE.find(None)
    return _TABLE.find(operation.strip().rstrip(".").replace(" ", "_"))
