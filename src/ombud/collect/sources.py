"""Sources: the kinds of source there are, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ombud.attribution.attribution import Attribution
from ombud.attribution.declarations import Declarations
from ombud.collect import (
    cloudtrail,
    databricks,
    fhir,
    github,
    google_workspace,
    microsoft365,
    ocsf_source,
    okta,
    palantir,
    pgaudit,
    snowflake,
    trino,
)
from ombud.collect.cloudtrail import CloudTrail
from ombud.collect.databricks import DatabricksAudit
from ombud.collect.fhir import FhirAuditEvent
from ombud.collect.github import GitHubAudit
from ombud.collect.google_workspace import GoogleWorkspace
from ombud.collect.mapping import MappedSource
from ombud.collect.mapping_file import load_mapping, suggest
from ombud.collect.microsoft365 import Microsoft365
from ombud.collect.ocsf_source import Ocsf
from ombud.collect.okta import OktaSystemLog
from ombud.collect.palantir import Palantir
from ombud.collect.pgaudit import PgAudit
from ombud.collect.snowflake import SnowflakeQueryHistory
from ombud.collect.source import Attributable, Source
from ombud.collect.trino import TrinoEvents
from ombud.core.errors import InputError

MAPPING = "mapping"
BUILT_IN: dict[str, Callable[[], Source]] = {
    cloudtrail.KIND: CloudTrail,
    fhir.KIND: FhirAuditEvent,
    google_workspace.KIND: GoogleWorkspace,
    microsoft365.KIND: Microsoft365,
    ocsf_source.KIND: Ocsf,
    palantir.KIND: Palantir,
    databricks.KIND: DatabricksAudit,
    github.KIND: GitHubAudit,
    okta.KIND: OktaSystemLog,
    pgaudit.KIND: PgAudit,
    snowflake.KIND: SnowflakeQueryHistory,
    trino.KIND: TrinoEvents,
}
KINDS = (*sorted(BUILT_IN), MAPPING)


def get_source(
    kind: str,
    *,
    mapping: Path | None = None,
    declarations: Declarations | Attribution | None = None,
) -> Source:
    """Return the source of that kind; `mapping` is the file that describes it.

    A mapping may be asked for as `mapping` or by the name it gives itself.
    `declarations` say whose data its statements touch and who acted; compiled
    ones may serve several sources.
    Raises `InputError` for an unknown kind, `MappingError` for a bad mapping.
    """
    source = _build(kind, mapping)
    if declarations and isinstance(source, Attributable):
        if not isinstance(declarations, Attribution):
            declarations = Attribution(declarations)
        source.attribute(declarations)
    return source


def _build(kind: str, mapping: Path | None) -> Source:
    if mapping is not None:
        source = MappedSource(load_mapping(mapping))
        if kind not in (MAPPING, source.kind):
            raise InputError(f"mapping `{mapping}` is for source `{source.kind}`, not `{kind}`")
        if source.kind in BUILT_IN:
            raise InputError(f"mapping `{mapping}`: `{source.kind}` is a source of its own")
        return source
    if kind == MAPPING:
        raise InputError("source `mapping` needs a mapping file", hint="add --mapping FILE")
    build = BUILT_IN.get(kind)
    if build is None:
        known = ", ".join(KINDS)
        raise InputError(f"no such source: `{kind}`{suggest(kind, KINDS)}", hint=f"known: {known}")
    return build()
