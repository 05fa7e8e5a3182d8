"""Databricks: what its operations are, what they touch, and who had them run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ombud.collect.databricks import DatabricksAudit
from ombud.collect.databricks_actions import find_act
from ombud.collect.sources import get_source
from ombud.collect.streams import stream_blocks
from ombud.core.event import Event


def parse(**members: Any) -> Event:
    """Return the event of a record with these members."""
    record = {"serviceName": "unityCatalog", "actionName": "getTable", **members}
    return DatabricksAudit().parse(json.dumps(record).encode(), now_ms=1)


ACTS = {
    "authenticate": """accounts.login accounts.aadBrowserLogin accounts.tokenLogin accounts.logout
        accounts.accountLoginCodeAuthentication accounts.IpAccessDenied ssh.login
        accounts.accountIpAclsValidationFailed accounts.oidcBrowserLogin accounts.samlLogin
        genie.databricksAccess webTerminal.startSession""",
    "search": """databrickssql.commandSubmit databrickssql.executeAdhocQuery
        databrickssql.executeSavedQuery aibiGenie.genieCreateConversationMessage
        vectorSearch.queryVectorIndex databrickssql.listHistoryQueries""",
    "read": """unityCatalog.getTable unityCatalog.listTables dbfs.read notebook.openNotebook
        unityCatalog.generateTemporaryTableCredential unityCatalog.getPermissions
        unityCatalog.generateTemporaryVolumeCredential secrets.listSecrets filesystem.filesHead
        workspaceFiles.wsfsStreamingRead mlflowAcledArtifact.readArtifact dashboards.getDashboard
        workspace.fileEditorOpenEvent unityCatalog.metadataSnapshot jobs.getRunOutput
        lineageTracking.listTableLineages repos.getRepo unityCatalog.getEffectivePermissions""",
    "reveal": "secrets.getSecret",
    "export": """notebook.downloadLargeResults notebook.downloadPreviewResults
        databrickssql.downloadQueryResult workspace.workspaceExport filesystem.filesGet
        unityCatalog.deltaSharingQueryTable unityCatalog.deltaSharingGetTableData_x""",
    "share": """unityCatalog.createShare unityCatalog.updateShare unityCatalog.createRecipient
        unityCatalog.updateSharePermissions unityCatalog.rotateRecipientToken
        dashboards.publishDashboard deltaSharingControl.createRecipient""",
    "grant": """unityCatalog.updatePermissions accounts.add accounts.addPrincipalToGroup
        accounts.setAdmin accounts.generateDbToken accounts.activateUser clusters.changeClusterAcl
        jobs.changeJobAcl workspace.changeWorkspaceAcl workspace.updateRoleAssignment
        sqlPermissions.grantPermission secrets.putAcl databrickssql.transferObjectOwnership
        accounts.changeDatabricksSqlAcl sqlPermissions.changeSecurableOwner
        unityCatalog.createStorageCredential accountsAccessControl.updateRuleSet
        workspace.updatePermissionAssignment databrickssql.changePermissions
        iamRole.changeIamRoleAcl""",
    "revoke": """accounts.removeAdmin accounts.removePrincipalFromGroup accounts.revokeDbToken
        accounts.delete accounts.deactivateUser sqlPermissions.revokePermission secrets.deleteAcl
        sqlPermissions.removeAllPermissions sqlPermissions.denyPermission
        accounts.garbageCollectDbToken unityCatalog.deleteRecipient""",
    "approve": "modelRegistry.approveTransitionRequest modelRegistry.rejectTransitionRequest",
    "justify": "sqlPermissions.requestPermissions",
    "execute": """notebook.runCommand jobs.runNow jobs.runStart jobs.submitRun clusters.start
        clusters.restart deltaPipelines.startUpdate jobs.cancel notebook.attachNotebook
        databrickssql.startWarehouse jobs.repairRun clusters.resize""",
    "delete": """unityCatalog.deleteTable unityCatalog.deleteSchema dbfs.delete
        notebook.deleteNotebook filesystem.filesDelete secrets.deleteSecret workspace.fileDelete
        mlflowExperiment.deleteMlflowExperiment databrickssql.moveQueryToTrash
        workspace.purgeWorkspaceNodes featureStore.deleteFeatureTable""",
    "write": """unityCatalog.createTable notebook.createNotebook notebook.modifyNotebook
        databrickssql.createQuery dbfs.put dbfs.addBlock filesystem.filesPut secrets.putSecret
        repos.commitAndPush mlflowAcledArtifact.writeArtifact ingestion.proxyFileUpload
        workspaceFiles.wsfsStreamingWrite workspace.fileCreate databrickssql.createDashboard
        modelRegistry.createRegisteredModel notebook.importNotebook repos.pull""",
    "configure": """clusters.create clusters.delete clusters.edit jobs.create jobs.update
        globalInitScripts.create workspace.workspaceConfEdit accounts.createIpAccessList
        dbfs.mount unityCatalog.updateTables unityCatalog.updateMetastore
        clusterPolicies.create instancePools.edit clusterLibraries.installLibraries
        accounts.changePassword databrickssql.setWarehouseConfig deltaPipelines.edit
        accounts.mfaAddKey unityCatalog.enableSystemSchema accounts.updateAccountSettings""",
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
    ("identity", "metadata", "found"),
    [
        pytest.param("ana@x", {}, ("ana@x", "person", None, None), id="person"),
        pytest.param("System-User", {}, ("System-User", "service", None, None), id="system"),
        pytest.param(
            "robot-id", {"runBy": "ana@x", "runAs": "robot-id"},
            ("robot-id", "service", ("ana@x",), None), id="a person's job under a principal",
        ),
        pytest.param(
            "ana@x", {"runBy": "ana@x", "runAs": "readers"},
            ("ana@x", "person", None, "readers"), id="under the rights of a group",
        ),
        pytest.param(
            None, {"runBy": "ana@x", "runAs": "robot-id"},
            ("ana@x", "person", None, "robot-id"), id="identity left out",
        ),
        pytest.param(None, {}, (None, None, None, None), id="nobody"),
    ],
)  # fmt: skip
def test_actors(identity: str | None, metadata: dict[str, str], found: tuple[Any, ...]) -> None:
    """Who acted, who had it run, and under whose rights."""
    event = parse(userIdentity={"email": identity}, identityMetadata=metadata)
    run_as = (event.attributes or {}).get("run_as")
    assert (event.actor_id, event.actor_type, event.on_behalf_of, run_as) == found


@pytest.mark.parametrize(
    ("parameters", "dataset", "resource", "kind"),
    [
        ({"table_full_name": "a.b.c"}, "a.b.c", "a.b.c", "TABLE"),
        ({"full_name_arg": "a.b.c", "securable_type": "view"}, "a.b.c", "a.b.c", "VIEW"),
        ({"catalog_name": "a", "schema_name": "b", "name": "c"}, "a.b.c", "a.b.c", "TABLE"),
        ({"catalog_name": "a", "name": "b"}, "a.b", "a.b", "SCHEMA"),
        ({"catalog_name": "a", "schema_name": "b"}, "a.b", "a.b", "SCHEMA"),
        ({"catalog_name": "a"}, "a", "a", "CATALOG"),
        ({"name": "m"}, None, "m", "SECURABLE"),
        ({"scope": "s", "key": "k"}, "s", "s/k", "SECRET"),
        ({"scope": "s"}, "s", "s", "SECRET_SCOPE"),
        ({"path": "/p"}, "/p", "/p", "FILE"),
        ({"clusterId": "c"}, None, "c", "CLUSTER"),
        ({"share": "s", "schema": "b", "name": "c"}, "s.b.c", "s.b.c", "TABLE"),
        ({"share": "s"}, "s", "s", "SHARE"),
        ({"database": "b"}, None, None, None),
        ({}, None, None, None),
        (None, None, None, None),
    ],
)
def test_resources(
    parameters: dict[str, str] | None, dataset: str | None, resource: str | None, kind: str | None
) -> None:
    """What parameters name, and what of it holds records."""
    event = parse(requestParams=parameters)
    found = (event.resource_dataset, event.resource_id, event.resource_type)
    assert found == (dataset, resource, kind)


@pytest.mark.parametrize(
    ("members", "outcome", "reason"),
    [
        ({"response": {"statusCode": 200}}, "success", None),
        ({"response": {"statusCode": 403, "errorMessage": "no"}}, "denied", "no"),
        ({"response": {"statusCode": 401}}, "denied", "401"),
        ({"response": {"statusCode": 500}}, "failure", "500"),
        ({"response": {"errorMessage": "x"}}, "failure", "x"),
        ({}, None, None),
        ({"actionName": "IpAccessDenied"}, "denied", None),
        ({"requestParams": {"status": "failed"}, "response": {"statusCode": 200}},
         "failure", "failed"),
    ],
)  # fmt: skip
def test_outcomes(members: dict[str, Any], outcome: str | None, reason: str | None) -> None:
    """The status decides; a refused address is a refusal whatever else it says."""
    event = parse(**members)
    assert (event.outcome, event.outcome_reason) == (outcome, reason)


def test_taking_away_is_revoking() -> None:
    """A change of permissions that adds none takes away."""
    add, remove = {"principal": "a", "add": ["X"]}, {"principal": "a", "remove": ["X"]}
    for changes, action in (([remove], "revoke"), ([remove, add], "grant"), ([], "grant")):
        event = parse(actionName="updatePermissions", requestParams={"changes": changes})
        assert event.action == action


def test_documents_of_azure_are_cut() -> None:
    """The records inside one document come out as they stand."""
    document = b'{"records": [{"operationName":"Microsoft.Databricks/jobs/runNow"}, {"a": 1}]}'
    source = get_source("databricks.audit")
    (raw, _) = [raw for block in stream_blocks(source, "x", [document]) for raw in block.raws]

    event = source.parse(raw, now_ms=1)
    assert (event.operation, event.action) == ("jobs.runNow", "execute")
    assert raw in document
