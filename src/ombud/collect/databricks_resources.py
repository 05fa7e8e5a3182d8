"""Databricks resources: what a call touched, from the parameters its service names.

What holds records (a table, a volume, a secret, a file) is also the dataset.
"""

from __future__ import annotations

from typing import NamedTuple

from ombud.collect.json_record import JsonRecord


class Touched(NamedTuple):
    """Dataset, id and type of what was touched."""

    dataset: str | None = None
    id: str | None = None
    type: str | None = None


# Parameter, type of what it names, whether that is a body of records; most telling first.
_PARAMETERS = (
    ("tablefullname", "TABLE", True),
    ("fullnamearg", "SECURABLE", True),
    ("securablefullname", "SECURABLE", True),
    ("schemafullname", "SCHEMA", True),
    ("volumefullname", "VOLUME", True),
    ("functionfullname", "FUNCTION", False),
    ("modelname", "MODEL", False),
    ("featuretable", "TABLE", True),
    ("indexname", "VECTOR_INDEX", True),
    ("endpointname", "ENDPOINT", False),
    ("servingendpointname", "ENDPOINT", False),
    ("recipientname", "RECIPIENT", False),
    ("recipient", "RECIPIENT", False),
    ("share", "SHARE", True),
    ("sharename", "SHARE", True),
    ("credentialname", "CREDENTIAL", False),
    ("storagecredentialname", "CREDENTIAL", False),
    ("mountpoint", "MOUNT", True),
    ("path", "FILE", True),
    ("notebookfullpath", "NOTEBOOK", False),
    ("workspaceexportdirectdownload", "NOTEBOOK", False),
    ("notebookid", "NOTEBOOK", False),
    ("dashboardid", "DASHBOARD", False),
    ("alertid", "ALERT", False),
    ("spaceid", "GENIE_SPACE", False),
    ("queryid", "QUERY", False),
    ("jobid", "JOB", False),
    ("runid", "RUN", False),
    ("pipelineid", "PIPELINE", False),
    ("experimentid", "EXPERIMENT", False),
    ("warehouseid", "WAREHOUSE", False),
    ("clusterid", "CLUSTER", False),
    ("policyid", "POLICY", False),
    ("instancepoolid", "POOL", False),
    ("repoid", "REPO", False),
    ("tokenid", "TOKEN", False),
    ("targetgroupname", "GROUP", False),
    ("targetusername", "USER", False),
    ("workspaceconfkeys", "SETTING", False),
    ("resourceid", "RESOURCE", False),
    ("id", "RESOURCE", False),
)


def _named(parameters: JsonRecord) -> Touched:
    """Return a table, schema or catalog that is given by the parts of its name."""
    name = parameters.text("name")
    schema = parameters.text("schemaname", "database")
    catalog = parameters.text("catalogname")
    table = parameters.text("tablename", "table") or (name if schema or catalog else None)
    parts = [part for part in (catalog, schema, table) if part]
    if not parts or (len(parts) == 1 and not table and not catalog):
        return Touched(None, name, "SECURABLE") if name else Touched()
    full = ".".join(parts)
    if table:
        kind = parameters.text("tabletype") or ("TABLE" if schema else "SCHEMA")
    else:
        kind = "SCHEMA" if schema else "CATALOG"
    return Touched(full, full, kind)


def _shared(parameters: JsonRecord) -> str | None:
    """Return a table by its name within a share: `share.schema.table`."""
    parts = [parameters.text(name) for name in ("share", "schema", "name")]
    return ".".join(part for part in parts if part) if parts[1] and parts[2] else None


def touched(parameters: JsonRecord) -> Touched:
    """Return what the parameters of a call name."""
    if not parameters:
        return Touched()
    scope, key = parameters.text("scope"), parameters.text("key")
    if scope is not None and key is not None:
        return Touched(scope, f"{scope}/{key}", "SECRET")
    shared = _shared(parameters) if parameters.has("share") else None
    if shared is not None:
        return Touched(shared, shared, "TABLE")
    for parameter, kind, is_dataset in _PARAMETERS:
        value = parameters.text(parameter) if parameters.has(parameter) else None
        if value is not None:
            named = parameters.text("securabletype") if kind == "SECURABLE" else None
            return Touched(value if is_dataset else None, value, (named or kind).upper())
    if scope is not None:
        return Touched(scope, scope, "SECRET_SCOPE")
    return _named(parameters)
