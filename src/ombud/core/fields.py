"""Fields: the one table from which the event model is built and documented.

Each row gives an event field its query name, its Python attribute, the field
group whose digest commits to it, its position there, its type, and its home in
OCSF.  The order of the rows of one group is the canonical form, version 1: rows
are only ever added at the end of a group, under a new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

CANONICAL_VERSION = 1
OCSF_VERSION = "1.8.0"


class Group(IntEnum):
    """The field groups of a leaf commitment, in the order in which they are hashed."""

    ACTOR = 1
    DATA_SUBJECT = 2
    CONTENT = 3
    RAW = 4


class Kind(StrEnum):
    """The type of a field's value; every field may also be null."""

    TEXT = "text"
    INTEGER = "integer"  # signed, 64 bits
    INSTANT = "instant"  # milliseconds since 1970-01-01T00:00:00Z
    BOOLEAN = "boolean"
    REAL = "real"
    TEXTS = "texts"  # list of text
    SUBJECTS = "subjects"  # list of (kind, key)
    MAP = "map"  # text to JSON value


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the event model.

    `ocsf` is a dotted path; a path that starts with `ombud.` lies in Ombud's
    OCSF extension object, and `resources.` means the first element of that list.
    """

    name: str
    group: Group
    kind: Kind
    ocsf: str
    meaning: str

    @property
    def attribute(self) -> str:
        """The name of the field on `Event`."""
        return self.name.replace(".", "_")


def _rows(group: Group, *rows: tuple[str, Kind, str, str]) -> tuple[Field, ...]:
    return tuple(Field(name, group, kind, ocsf, meaning) for name, kind, ocsf, meaning in rows)


T, I, B, R, L, M = Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN, Kind.REAL, Kind.TEXTS, Kind.MAP  # noqa: E741

ACTOR_FIELDS = _rows(
    Group.ACTOR,
    ("actor.id", T, "actor.user.uid", "who acted, as the source names them"),
    ("actor.type", T, "actor.user.type", "`person`, `service` or `agent`"),
    ("actor.name", T, "actor.user.name", "the actor's readable name"),
    ("actor.organisation", T, "actor.user.org.uid", "the organisation that acts"),
    ("on_behalf_of", L, "ombud.on_behalf_of", "for whom the actor acted, most upstream first"),
    ("origin.ip", T, "src_endpoint.ip", "address the act came from"),
    ("origin.device", T, "src_endpoint.name", "device or terminal the act came from"),
    ("origin.agent", T, "http_request.user_agent", "program the act came from"),
)

DATA_SUBJECT_FIELDS = _rows(
    Group.DATA_SUBJECT,
    ("subjects", Kind.SUBJECTS, "ombud.data_subjects", "persons the data is about: kind and key"),
    ("resource.id", T, "resources.uid", "the one record or object touched"),
    ("query.text", T, "query_info.query_string", "the statement or search terms as sent"),
    ("place.lat", R, "ombud.place.lat", "latitude of the place searched, degrees"),
    ("place.lon", R, "ombud.place.lon", "longitude of the place searched, degrees"),
    ("place.radius_m", R, "ombud.place.radius_m", "radius searched around the place, metres"),
    ("place.area", T, "ombud.place.area", "named area searched"),
)

CONTENT_FIELDS = _rows(
    Group.CONTENT,
    ("time", Kind.INSTANT, "time", "when it happened"),
    ("time_known", B, "ombud.time_known", "false when `time` is the time of recording"),
    ("source", T, "metadata.log_name", "the kind of source, such as `aws.cloudtrail`"),
    ("action", T, "ombud.action", "what was done, from the closed vocabulary"),
    ("class_uid", I, "class_uid", "OCSF class"),
    ("activity_id", I, "activity_id", "OCSF activity of that class"),
    ("operation", T, "api.operation", "the source's own name for the act"),
    ("sequence", I, "metadata.sequence", "the source's own sequence number"),
    ("native_id", T, "metadata.original_event_uid", "the source's own id of the event"),
    ("observed_by", T, "metadata.log_provider", "the system or host that observed it"),
    ("session.id", T, "actor.session.uid", "session as the source declares it"),
    ("parent.id", T, "metadata.correlation_uid", "act of which this is a part"),
    ("query.id", T, "query_info.uid", "the source's id of the query"),
    ("workflow.id", T, "ombud.workflow_id", "saved query, job, pipeline or app that acted"),
    ("resource.system", T, "resources.namespace", "platform that holds the data"),
    ("resource.dataset", T, "resources.name", "named body of records"),
    ("resource.type", T, "resources.type", "type of the record or object"),
    ("resource.owner", T, "resources.owner.uid", "organisation that owns the data"),
    ("columns.projected", L, "ombud.columns_projected", "columns whose values were returned"),
    ("columns.filtered", L, "ombud.columns_filtered", "columns only filtered on"),
    ("purpose", T, "ombud.purpose", "declared reason for processing"),
    ("legal_basis", T, "ombud.legal_basis", "legal basis of the purpose"),
    ("case", T, "ombud.case_uid", "the organisation's own case or file"),
    ("agreement", T, "ombud.agreement", "agreement between owner and actor's organisation"),
    ("grant", T, "ombud.grant_uid", "grant under which it was done"),
    ("request", T, "ombud.request_uid", "access request it belongs to"),
    ("justification.text", T, "ombud.justification.text", "the reason given, as written"),
    ("justification.verdict", T, "ombud.justification.verdict", "outcome of verifying it"),
    ("justification.checkpoint", T, "ombud.justification.checkpoint", "configuration asked under"),
    ("justification.wording", T, "ombud.justification.wording", "frozen wording shown"),
    ("decision.id", T, "ombud.decision.uid", "the decision that allowed or denied it"),
    ("decision.permit", B, "ombud.decision.permit", "whether it was permitted"),
    ("decision.reasons", L, "ombud.decision.reasons", "stable codes of the reasons"),
    ("decision.obligations", L, "ombud.decision.obligations", "obligations that were met"),
    ("decision.policy", T, "ombud.decision.policy", "policy version decided under"),
    ("outcome", T, "status", "`success`, `failure`, `denied` or `unknown`"),
    ("outcome.reason", T, "status_detail", "the source's code or text for the outcome"),
    ("rows.requested", I, "ombud.rows_requested", "rows asked for"),
    ("rows.returned", I, "ombud.rows_returned", "rows got"),
    ("bytes.requested", I, "ombud.bytes_requested", "bytes asked for"),
    ("bytes.returned", I, "ombud.bytes_returned", "bytes got"),
    ("recipient", T, "ombud.recipient", "who receives an export or share"),
    ("destination", T, "ombud.destination", "where an export or share goes"),
    ("rule.id", T, "ombud.rule_uid", "rule that raised a finding"),
    ("alert.id", T, "ombud.alert_uid", "alert that a finding or act concerns"),
    ("attributes", M, "ombud.attributes", "declared attributes of the source"),
    ("flags", L, "ombud.flags", "what Ombud noticed, such as `id_conflict`"),
    ("unmapped", M, "unmapped", "what has no home in the model"),
)

FIELDS: tuple[Field, ...] = ACTOR_FIELDS + DATA_SUBJECT_FIELDS + CONTENT_FIELDS
BY_NAME: dict[str, Field] = {field.name: field for field in FIELDS}

# Assigned by the record, so part of the leaf and its place and not of a group:
# `id` (metadata.uid), the index in the log, and `ingested_at`
# (metadata.logged_time), the time of recording.
