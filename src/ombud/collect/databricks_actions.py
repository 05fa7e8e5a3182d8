"""Databricks actions: what the operations of a Databricks audit log do, in the closed vocabulary.

Some 700 are documented, each `SERVICE.ACTION`.  Those that read, export or share
data or change who may do what stand first; the rest goes by its verb.
"""

from __future__ import annotations

from ombud.collect.act_table import Act, ActTable
from ombud.core.ocsf_table import ACCOUNT_CHANGE, GROUP_MANAGEMENT

_ROWS = (
    ("authenticate", """*.*login *.login* *.*logout *.*authentication *.ipaccessdenied
        *.*ipaclsvalidationfailed *.ssoconfig*login *.oauthlogin* *.tokenlogin ssh.*
        *.mintoauthtoken *.mintoauthauthorizationcode accounts.*redirect
        accounts.validateemail genie.databricksaccess *.*federationtoken*
        oauth2.*authorize* oauth2.*token* webterminal.startsession webterminal.closesession"""),
    ("reveal", "secrets.getsecret unitycatalog.retrieverecipienttoken gitcredentials.getgitcred*"),
    ("export", """*.download* *.*download *.workspaceexport *.workspaceexportdirectdownload
        *.*exportresult* unitycatalog.deltasharingquer* unitycatalog.deltasharinggettabledata*
        deltasharing*.*query* dashboards.*export* jobs.export* notebook.*export*
        workspacefiles.wsfsexport* *.exportdashboard filesystem.filesget
        *.deltasharing*cdf* *.deltasharinggeneratetemporary* databrickssql.exportquery*
        aibigenie.*export* aibigenie.*download* lakeview*.export* mlflow*.downloadartifact
        marketplace*.download*"""),
    ("search", """databrickssql.commandsubmit databrickssql.commandfinish databrickssql.execute*
        databrickssql.runquery* dashboards.execute* dashboards.query* aibigenie.geniecreate*
        aibigenie.geniestart* aibigenie.*message* aibigenie.*executequery* aibigenie.*ask*
        aibigenie.updateconversation* vectorsearch.*query* *.search* *.query* *.*queryvector*
        unitycatalog.search* *.lookup* sqlanalytics.*query* *.listhistoryqueries
        *.gethistoryquer*"""),
    ("read", """unitycatalog.generatetemporary*credential* unitycatalog.metadata*snapshot
        unitycatalog.getpermissions unitycatalog.geteffectivepermissions dbfs.read dbfs.getstatus
        dbfs.getsessioncredentials dbfs.getsessiontokendbfs filesystem.*head* filesystem.*get*
        secrets.list* secrets.getacl secrets.list* notebook.opennotebook
        workspace.fileeditoropenevent notebook.takenotebooksnapshot
        workspacefiles.*streamingread workspacefiles.*read* mlflowacledartifact.readartifact
        *.get* *.list* *.*read *.show* *.describe* *.view* *.open* *.resolve* *.head* *.fetch*
        *.batchget* *.check* *.validate* *.preview* *.test* *.poll* *.download*status
        unitycatalog.deltasharing* *.summarize* *.*readartifact *.count* *.inspect*"""),
    ("share", """deltasharing*.* unitycatalog.*share unitycatalog.*sharepermissions
        unitycatalog.createshare unitycatalog.updateshare unitycatalog.*recipient
        unitycatalog.rotaterecipienttoken unitycatalog.createrecipient *.publish*dashboard
        dashboards.publish* dashboards.unpublish* *.createsubscription* *.addsubscriber*
        cleanroom*.create* cleanroom*.add* cleanrooms.* marketplaceprovider.create*
        marketplaceprovider.publish* *.share* databrickssql.*subscri* dashboards.*subscri*
        *.sendemail* *.subscribe*"""),
    ("revoke", """*.revoke* *.removeadmin *.removeprincipal* *.removeuser* *.removemember*
        *.deactivateuser *.denypermission *.removeallpermissions secrets.deleteacl
        accounts.delete accounts.deleteuser accounts.removegroup *.deleteuser *.*removepermission*
        *.garbagecollectdbtoken *.removeaccountadmin *.removeworkspaceassignment
        *.deletepermission* *.deleteserviceprincipal* *.delete*credential* *.delete*token*
        *.deleteroleassignment *.deletegroup* *.removepermission* *.remove*member*
        *.deleteworkspacepermission* *.deletepolicy*assignment *.disable*user* *.removeacl*
        unitycatalog.deleterecipient unitycatalog.deleteshare"""),
    ("approve", """*.approve* *.reject* *.accept* *.deny* *.confirm* *.resolverequest*
        modelregistry.*transitionrequest"""),
    ("justify", "*.requestpermissions *.requestaccess* *.request*access*"),
    ("grant", """*.grant* *.setadmin *.addprincipal* *.addmember* *.adduser* *.activateuser
        accounts.add *.adminadd* *.updatepermissions *.updateroleassignment *.*permissionassign*
        *.setpermission* *.set*permissions *.change*acl *.change*acls *.change*owner* *.*acl
        *.*acls *.generatedbtoken *.createtoken* *.create*token *.transfer*ownership*
        *.transferobjectownership *.setaccountadmin *.updateruleset* *.update*permission*
        *.change*permission* *.addpermission* *.create*credential* *.update*credential*
        *.createuser *.createserviceprincipal* *.setadmins *.set*admin* *.assign*
        *.updatesecurableowner* *.putacl secrets.putacl *.addgroup* *.updatemember*
        *.createroleassignment *.resetjobacl *.update*accesscontrol* *.invite* *.elevate*
        *.*ruleset *.updateowner* *.setowner* *.generate*secret*
        *.createservice*secret *.add*credential* *.rotate*token* accountsaccesscontrol.*
        *.updateusergroup* *.addworkspaceassignment"""),
    ("execute", """*.run* *.submit* *.executecommand *.execute* *.start* *.stop* *.restart*
        *.cancel* *.trigger* *.repairrun *.attach* *.detach* *.invoke* *.resume* *.pause*
        *.setup* *.abort* *.snapshot* *.terminate* *.resize* *.retry* *.evaluate* *.send*
        *.sync* *.schedule* *.predict* *.refresh* *.settaskvalue *.command* *.generate*
        *.wake* *.warm* agentframework.* *.completion* *.chat* *.process*"""),
    ("delete", """unitycatalog.delete* unitycatalog.drop* dbfs.delete filesystem.*delete
        workspace.filedelete *.trash* *.move*totrash *.permanentdelete* *.purge* notebook.delete*
        secrets.deletesecret secrets.deletescope mlflowexperiment.delete* modelregistry.delete*
        *.deletequery* *.deletedashboard* *.deletenotebook* *.deletefolder* *.deletefile*
        *.deleterepo *.deleterun *.deletetable* *.deleteschema* *.drop* *.truncate*
        featurestore.delete* vectorsearch.delete* *.destroy* *.deleteconversation*
        *.deletevolume* *.deletefeature* dashboards.delete* databrickssql.delete*
        workspacefiles.*delete"""),
    ("write", """unitycatalog.createtable* unitycatalog.undelete* unitycatalog.createvolume*
        unitycatalog.createschema unitycatalog.createcatalog dbfs.create dbfs.put dbfs.addblock
        dbfs.close dbfs.move dbfs.mkdirs dbfs.rename dbfs.*upload* filesystem.*put
        filesystem.create*
        *.createnotebook *.importnotebook *.clonenotebook *.modifynotebook *.renamenotebook
        *.movenotebook *.restorenotebook *.*folder *.filecreate *.createquery* *.updatequery*
        *.createdashboard* *.updatedashboard* *.clonedashboard *.importdashboard *.forkquery
        *.createvisualization *.updatevisualization *.putsecret *.commitandpush *.createrepo
        *.updaterepo *.pull *.checkoutbranch *.discard *.writeartifact *.*write *.write*
        *.proxyfileupload *.*upload* *.import* *.*fileimport* vectorsearch.upsert*
        featurestore.create* featurestore.update* featurestore.add* *.createcomment*
        *.updatecomment* workspacefiles.* *.insert* *.upsert* *.append* *.copy* *.rename*
        *.renameworkspacenode *.moveworkspacenode *.restore* *.favorite* *.unfavorite*
        *.create*widget* *.update*widget* *.add*widget* mlflowexperiment.* modelregistry.create*
        modelregistry.update* modelregistry.set* modelregistry.transition* *.move* *.clone*
        *.createdraft* *.createsampledashboard *.createdatapreview* *.create*draft
        *.updatedraft* *.convert* *.createtable* ingestion.*"""),
    ("other", "*.reachmaxquotacreation *.sendrunwebhook *.heartbeat*"),
    ("configure", """*.create* *.update* *.edit* *.*edit *.delete* *.remove* *.change* *.set*
        *.add* *.enable* *.disable* *.install* *.uninstall* *.mount *.unmount *.put* *.reset*
        *.mfa* *.mute* *.unmute* *.batch* *.reorder* *.register* *.deregister* *.archive*
        *.deprovision* *.provision* *.activate* *.deactivate* *.modify* *.replace* *.rotate*
        *.configure* *.upgrade* *.migrate* *.link* *.unlink* *.pin* *.unpin* *.patch*
        *.reattach* *.unmark* *.mark* *.apply* *.accessrequest* *.bind* *.unbind* *.tag*
        *.untag* *.allow* *.block* *.*config *.*conf *.*settings *.close* *.connect*
        *.disconnect* *.associate* *.dissociate* *.map* *.complete* *.publish* *.initialize*
        *.build* *.deploy*"""),
)  # fmt: skip
_CLASSES = (
    (ACCOUNT_CHANGE, 1, "accounts.add accounts.createuser"),
    (ACCOUNT_CHANGE, 2, "accounts.activateuser"),
    (ACCOUNT_CHANGE, 3, "accounts.changepassword"),
    (ACCOUNT_CHANGE, 4, "accounts.resetpassword"),
    (ACCOUNT_CHANGE, 5, "accounts.deactivateuser"),
    (ACCOUNT_CHANGE, 6, "accounts.delete accounts.deleteuser"),
    (ACCOUNT_CHANGE, 10, "*.mfaaddkey"),
    (ACCOUNT_CHANGE, 11, "*.mfadeletekey"),
    (GROUP_MANAGEMENT, None, "*.addprincipal*togroup *.removeprincipal*fromgroup"),
)  # fmt: skip
_TABLE = ActTable(_ROWS, classes=_CLASSES)


def find_act(operation: str | None) -> Act:
    """Return what an operation does, by `SERVICE.ACTION`."""
    return _TABLE.find(operation)
