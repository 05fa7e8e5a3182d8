"""Palantir categories: what an audit.3 category says was done, and where it says to what.

The order of the table is the order of consequence: an event of several
categories bears the action of the one that stands first.  Names: Foundry
documentation, "Audit log categories".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ombud.core.ocsf_table import (
    ACCOUNT_CHANGE,
    API_ACTIVITY,
    AUTHENTICATION,
    DATASTORE,
    ENTITY_MANAGEMENT,
    GROUP_MANAGEMENT,
    USER_ACCESS,
)

_NAMES_MAX = 4_096  # Distinct unknown names remembered; a hostile log may make up any number.


class Category(NamedTuple):
    """One category: its rank (0 has most consequence), action, class, and what it names.

    `resources` are the members of request and result that name what was touched,
    `subject` says that these are single records rather than bodies of them.
    """

    rank: int
    action: str
    class_uid: int | None
    resources: tuple[str, ...]
    is_single: bool = False


_DATA, _ACCESS, _API, _ENTITY = DATASTORE, USER_ACCESS, API_ACTIVITY, ENTITY_MANAGEMENT
_ROWS: tuple[tuple[str, str, int | None, str], ...] = (
    # What leaves, and who may see.
    ("dataExport", "export", None, "downloadedResources downloadedResource"),
    ("dataPromote", "export", None, "promotedResources"),
    ("auditDataShareCreate", "share", None, "shareTargets"),
    ("dataShareCreate", "share", None, "dataShareCreateTargets"),
    ("dataShare", "share", None, "dataShareTargets"),
    ("dataShareDisable", "revoke", None, "dataShareDisableTargets"),
    ("managementPermissions", "grant", _ACCESS, "resourcesWithPermissionsChanges"),
    ("managementMarkings", "grant", _ACCESS, "markingPatches"),
    ("managementGroups", "grant", GROUP_MANAGEMENT, "groupPatches"),
    ("mandatoryControlManagement", "grant", _ACCESS, ""),
    ("mandatoryControlApplication", "grant", _ACCESS, ""),
    ("managementUsers", "configure", ACCOUNT_CHANGE, "managedUserIds"),
    ("secretLoad", "reveal", _DATA, "loadedSecretIdentifiers"),
    # What is no more, and what is new.
    ("auditDataRedact", "delete", _DATA, "organizationRid"),
    ("dataDelete", "delete", _DATA, "deletedResources"),
    ("ontologyDataTransform", "write", _DATA,
     "transformedOntologyDataResources ontologyDataTransformTargets"),
    ("dataTransform", "write", _DATA, "transformTargets"),
    ("dataMerge", "write", _DATA, "mergedResult resourcesToMerge"),
    ("dataImport", "write", _DATA, "importResourceId importParentResourceId importedFilename"),
    ("bulkDataImport", "write", _DATA, "bulkImportDestinations bulkImportedFiles"),
    ("dataCreate", "write", _DATA, "createdResources"),
    ("dataUpdate", "write", _DATA, ""),
    ("auditDataTransform", "write", _DATA, "transformTarget transformDestination"),
    # What was run, sought and seen.
    ("codeExecution", "execute", _API, "executedResources executedResourceEnvironment"),
    ("llmInference", "execute", _API, "llmInferenceContext llmInferenceResponseContext"),
    ("llmRoute", "execute", _API, "llmRouteRequest"),
    ("dataSearch", "search", _DATA, "dataSearchResults dataSearchContext"),
    ("ontologyDataSearch", "search", _DATA,
     "searchedOntologyLogicResources ontologyDataSearchResults"),
    ("ontologyDataLoad", "read", _DATA,
     "loadedOntologyDataResources requestedOntologyDataResources"),
    ("dataLoad", "read", _DATA, "loadedResources"),
    ("infraLogsAccess", "read", _API, "infraLogsAccessTarget"),
    # Signing in makes tokens, so it goes before them.
    ("userLogin", "authenticate", AUTHENTICATION, ""),
    ("userLogout", "authenticate", AUTHENTICATION, ""),
    ("tokenGeneration", "grant", _ACCESS, "generatedTokens"),
    ("tokenRevoke", "revoke", _ACCESS, "revokedTokens"),
    ("managementTokens", "configure", _API, "managedTokens"),
    ("secretUse", "execute", _API, "usedSecretIdentifiers"),
    ("secretCreate", "configure", _API, "createdSecretIdentifiers"),
    ("secretDeprecate", "configure", _API, "deprecatedSecretIdentifier"),
    # A checkpoint is a request, so the reason given goes before it.
    ("userJustify", "justify", _ENTITY, ""),
    ("requestApprove", "approve", _ENTITY, "approvedRequestIds"),
    ("requestDisapprove", "approve", _ENTITY, "disapprovedRequestIds"),
    ("reviewInfraAction", "approve", _ENTITY, "reviewInfraActionRequestId"),
    ("requestExecute", "execute", _API, "executeRequestAffectedResources executedRequestIds"),
    ("requestCreate", "write", _ENTITY, "createdRequestAffectedResources createdRequestIds"),
    ("requestUpdate", "write", _ENTITY, "updatedRequestIds"),
    ("requestCancel", "write", _ENTITY, "canceledRequestIds"),
    # What is built: logic, schemas, monitors, applications, machines.
    ("logicDelete", "delete", _API, "deletedLogicResources"),
    ("ontologyLogicDelete", "delete", _API, "deletedOntologyLogicResources"),
    ("ontologyMetaDataDelete", "delete", _API, "deletedOntologyMetaDataResources"),
    ("metaDataDelete", "delete", _DATA, "deletedMetaDataResources"),
    ("logicCreate", "configure", _API, "createdLogicResources"),
    ("logicUpdate", "configure", _API, "updatedLogicResources"),
    ("ontologyLogicCreate", "configure", _API, "createdOntologyLogicResources"),
    ("ontologyLogicUpdate", "configure", _API, "updatedOntologyLogicResources"),
    ("ontologyMetaDataCreate", "configure", _API, "createdOntologyMetaDataResources"),
    ("ontologyMetaDataUpdate", "configure", _API, "updatedOntologyMetaDataResources"),
    ("metaDataCreate", "write", _DATA, "createdMetaDataResources"),
    ("metaDataUpdate", "write", _DATA, "updatedMetaDataResources"),
    ("monitorDelete", "configure", _API, "deletedMonitorResources"),
    ("monitorCreate", "configure", _API, "createdMonitorResources"),
    ("monitorUpdate", "configure", _API, "updatedMonitorResources"),
    ("monitorRun", "execute", _API, "runMonitorTargets"),
    ("appConfigDelete", "configure", _API, "deletedAppConfigIds"),
    ("appConfigCreate", "configure", _API, "createdAppConfigIds"),
    ("appConfigUpdate", "configure", _API, "updatedAppConfigIds"),
    ("systemManagement", "configure", _API, ""),
    ("createInfra", "configure", _API, "createdInfraResources createInfraTargets"),
    ("configureInfra", "configure", _API, "configureInfraTargets"),
    ("upgradeInfra", "configure", _API, "upgradedResources"),
    ("restartInfra", "execute", _API, "restartedResources"),
    ("cancelCodeExecution", "execute", _API,
     "cancelledExecutedResources cancelledExecutedResourceEnvironment"),
    ("containerLaunch", "execute", _API, "launchedContainerIds requestedContainerIdsToLaunch"),
    ("containerStop", "execute", _API, "stoppedContainerIds"),
    # What was sought and seen of what is built.
    ("tokenAccess", "read", _API, "accessedTokens"),
    ("metaDataSearch", "search", _DATA, "metaDataSearchResults"),
    ("ontologyMetaDataSearch", "search", _DATA,
     "ontologyMetaDataSearchedResources ontologyMetaDataSearchResults"),
    ("logicSearch", "search", _API, "logicSearchResults"),
    ("requestSearch", "search", _API, "requestSearchResults"),
    ("monitorSearch", "search", _API, "monitorSearchResults"),
    ("appConfigSearch", "search", _API, "appConfigSearchResults"),
    ("containerSearch", "search", _API, "containerSearchResults"),
    ("metaDataAccess", "read", _DATA, "accessedMetaDataResources"),
    ("ontologyMetaDataLoad", "read", _DATA,
     "loadedOntologyMetaDataResources requestedOntologyMetaDataResources"),
    ("ontologyLogicAccess", "read", _API,
     "loadedOntologyLogicResources requestedOntologyLogicResources"),
    ("logicAccess", "read", _API, "accessedLogicResources"),
    ("requestAccess", "read", _API, "accessedRequestIds"),
    ("monitorAccess", "read", _API, "accessedMonitorResources"),
    ("appConfigAccess", "read", _API, "accessedAppConfigIds"),
    ("containerLoad", "read", _API, "loadedContainerLoadIds requestedContainerLoadIds"),
    ("assetFileLoadV2", "read", _API, "fileIdentifier"),
    ("assetFileLoad", "read", _API, "responseMavenCoordinate requestMavenCoordinate"),
    # Checks, and what only says in which circumstances.
    ("oauth2InitiateAuthFlow", "authenticate", AUTHENTICATION, "oauth2InitiateAuthClientId"),
    ("authenticationCheck", "authenticate", AUTHENTICATION, "authenticationCheckTargets"),
    ("authorizationCheck", "other", _API,
     "authorizationCheckFailedTargets authorizationCheckTargets"),
    ("apiGatewayRequest", "execute", _API, ""),
    ("passThrough", "other", _API, ""),
    ("onBehalfOf", "other", _API, ""),
    ("inApplicationContext", "other", _API, ""),
    ("inEnrollmentContext", "other", _API, ""),
    ("inHubContext", "other", _API, ""),
    ("internal", "other", _API, ""),
)  # fmt: skip
CATEGORIES: dict[str, Category] = {
    name: Category(rank, action, class_uid, tuple(members.split()), name.startswith("ontologyData"))
    for rank, (name, action, class_uid, members) in enumerate(_ROWS)
}
_FOLDED = {name.lower(): name for name in CATEGORIES}
_LAST = len(CATEGORIES)
OTHER = Category(_LAST, "other", _API, ())  # What says nothing, and no row tells what it is.

# What a name says when its category is not in the table, or when there is none (audit.2).
_WORDS: tuple[tuple[str, str], ...] = (
    (r"export|download", "export"),
    (r"share", "share"),
    (r"login|logout|signin|authenticate|authentication", "authenticate"),
    (r"justif\w*", "justify"),
    (r"approve|disapprove|reject", "approve"),
    (r"revoke", "revoke"),
    (r"grant|permission|permissions|role|roles|marking|markings|membership", "grant"),
    (r"delete|remove|trash|purge|redact", "delete"),
    (r"search|query|find", "search"),
    (r"run|execute|execution|launch|trigger|build|start|stop|cancel|restart", "execute"),
    (r"put|create|update|set|add|write|upload|import|transform|merge|move|rename", "write"),
    (r"edit|post|patch|modify|copy", "write"),
    (r"config|configure|enable|disable|install|upgrade", "configure"),
    (r"get|load|read|list|view|access|open|fetch|preview|describe", "read"),
)  # fmt: skip
_PATTERNS = tuple((re.compile(rf"_(?:{words})_"), action) for words, action in _WORDS)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_guessed: dict[str, Category] = {}


def guess_category(name: str) -> Category:
    """Return what a name alone says: a category newer than the table, or an event's name."""
    known = _guessed.get(name)
    if known is not None:
        return known
    words = f"_{_CAMEL.sub('_', name).lower()}_".replace("-", "_")
    action = next((action for pattern, action in _PATTERNS if pattern.search(words)), None)
    guessed = OTHER
    if action is not None:
        like = [category for category in CATEGORIES.values() if category.action == action]
        guessed = Category(like[0].rank if like else _LAST, action, None, ())
    if len(_guessed) < _NAMES_MAX:
        _guessed[name] = guessed
    return guessed


def find_category(name: str) -> Category:
    """Return the category of that name, however it is written: `dataLoad` or `DATA_LOAD`."""
    found = CATEGORIES.get(name)
    if found is None:
        folded = _FOLDED.get(name.replace("_", "").lower())
        found = CATEGORIES[folded] if folded is not None else guess_category(name)
    return found
