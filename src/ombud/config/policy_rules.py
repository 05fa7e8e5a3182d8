"""Policy rules: audiences, approvals, prohibitions, checkpoints, terms and reason codes, read."""

from __future__ import annotations

from ombud.access.condition_types import compile_pattern
from ombud.access.model import (
    Approval,
    Audience,
    Checkpoint,
    CheckpointKind,
    Limits,
    Prohibition,
    ReasonCode,
    Terms,
)
from ombud.config.policy_reader import Members, Reader, Spot

AUDIENCE = ("actors", "types", "units", "roles", "when")
APPROVAL = ("approvers", "quorum", "barred")
LIMITS = ("rows_per_query", "bytes_per_query", "rows_per_day", "bytes_per_day", "subjects_per_day")
PROHIBITION = ("reason", "actions", "resources", "type", "columns", "classifications",
               "audience", "when")  # fmt: skip
CHECKPOINT = (
    "kind", "prompt", "actions", "resources", "type", "classifications", "audience", "areas",
    "rows_min", "when", "every_minutes", "per", "pattern", "length_min", "choices", "multiple",
    "with_text", "approvers", "verify",
)  # fmt: skip
TERMS = ("jurisdiction", "reason", "words", "codes")
REASON_CODE = ("title", "allowed")
QUORUM_MAX = 20  # People who all have to agree.
COUNT_MAX = 10**15  # Rows, bytes, subjects.
MINUTES_MAX = 527_040  # A year.
LENGTH_MAX = 2_000  # Characters that can be demanded of a justification.

_ONLY = {  # Keys that only some kinds of checkpoint have.
    "pattern": (CheckpointKind.TEXT, CheckpointKind.CASE),
    "length_min": (CheckpointKind.TEXT,),
    "choices": (CheckpointKind.CHOICE,),
    "multiple": (CheckpointKind.CHOICE,),
    "with_text": (CheckpointKind.CHOICE,),
    "approvers": (CheckpointKind.SECOND_PERSON,),
}


def read_audience(reader: Reader, spot: Spot | None) -> Audience | None:
    """Return who is meant; None where nothing is written."""
    if spot is None:
        return None
    members = reader.mapping(spot, AUDIENCE)
    audience = Audience(
        actors=members.actors("actors"),
        types=members.names("types"),
        units=members.texts("units"),
        roles=members.texts("roles"),
        when=members.text("when", None),
    )
    if audience == Audience():
        reader.fault(spot, "means nobody: name actors, types, units or roles, or give `when`")
    return audience


def read_approval(reader: Reader, spot: Spot | None) -> Approval:
    """Return who decides on requests."""
    if spot is None:
        return Approval()
    members = reader.mapping(spot, APPROVAL)
    members.need("approvers")
    approval = Approval(
        approvers=read_audience(reader, members.get("approvers")) or Audience(),
        quorum=members.whole("quorum", 1, QUORUM_MAX, 1),
        barred=read_audience(reader, members.get("barred")) or Audience(),
    )
    who = approval.approvers
    named = len(set(who.actors) - set(approval.barred.actors))
    if who.actors and not (who.types or who.units or who.roles) and named < approval.quorum:
        place = members.get("quorum") or members.get("approvers") or spot
        reader.fault(place, f"{approval.quorum} must agree, but only {named} may")
    return approval


def read_limits(reader: Reader, spot: Spot | None) -> Limits:
    """Return how much."""
    members = reader.mapping(spot, LIMITS)
    limits = Limits(**{name: members.whole(name, 0, COUNT_MAX) for name in LIMITS})
    for unit in ("rows", "bytes"):
        query = getattr(limits, f"{unit}_per_query")
        day = getattr(limits, f"{unit}_per_day")
        place = members.get(f"{unit}_per_query")
        if query is not None and day is not None and place is not None and query > day:
            reader.fault(place, f"more than `{unit}_per_day`")
    return limits


def read_prohibitions(reader: Reader, spot: Spot | None) -> tuple[Prohibition, ...]:
    """Return prohibitions in the order of the file."""
    found = []
    for name, entry in reader.entries(spot).items():
        reader.check_name(entry, name)
        members = reader.mapping(entry, PROHIBITION)
        members.need("reason")
        found.append(
            Prohibition(
                name=name,
                reason=members.text("reason"),
                actions=members.names("actions", None),
                resources=members.texts("resources", None),
                type=members.name("type", "dataset"),
                columns=members.texts("columns", None),
                classifications=members.texts("classifications", None),
                audience=read_audience(reader, members.get("audience")),
                when=members.text("when", None),
            )
        )
    return tuple(found)


def read_checkpoints(reader: Reader, spot: Spot | None) -> tuple[Checkpoint, ...]:
    """Return checkpoints in the order of the file."""
    entries = reader.entries(spot)
    for name, entry in entries.items():
        reader.check_name(entry, name)
    return tuple(_checkpoint(reader, name, entry) for name, entry in entries.items())


def _checkpoint(reader: Reader, name: str, spot: Spot) -> Checkpoint:
    members = reader.mapping(spot, CHECKPOINT)
    members.need("kind", "prompt")
    kind = members.choice("kind", [kind.value for kind in CheckpointKind], "text")
    _check_kind(reader, members, CheckpointKind(kind))
    if name == "acknowledgement":
        reader.fault(spot, "this name belongs to the acknowledgement of a purpose")
    return Checkpoint(
        name=name,
        kind=CheckpointKind(kind),
        prompt=members.text("prompt"),
        actions=members.names("actions", None),
        resources=members.texts("resources", None),
        type=members.name("type", "dataset"),
        classifications=members.texts("classifications", None),
        audience=read_audience(reader, members.get("audience")),
        areas=members.texts("areas", None),
        rows_min=members.whole("rows_min", 1, COUNT_MAX),
        when=members.text("when", None),
        every_minutes=members.whole("every_minutes", 0, MINUTES_MAX, 0),
        per=members.choice("per", ("resource", "actor"), "resource"),
        pattern=_pattern(reader, members),
        length_min=members.whole("length_min", 1, LENGTH_MAX),
        choices=members.texts("choices"),
        multiple=members.flag("multiple"),
        with_text=members.flag("with_text"),
        approvers=read_audience(reader, members.get("approvers")),
        verify=members.choice("verify", ("flag", "refuse"), "flag"),
    )


def _check_kind(reader: Reader, members: Members, kind: CheckpointKind) -> None:
    if "kind" not in members:
        return
    for key, kinds in _ONLY.items():
        spot = members.get(key)
        if spot is not None and kind not in kinds:
            reader.fault(spot, f"has no meaning for kind `{kind}`")
    if kind == CheckpointKind.CHOICE:
        members.need("choices")
        if "choices" in members and len(members.texts("choices")) < 2:
            reader.fault_at(f"{members.spot.key if members.spot else ''}.choices",
                            "a choice needs two or more")  # fmt: skip
    elif kind == CheckpointKind.SECOND_PERSON:
        members.need("approvers")


def _pattern(reader: Reader, members: Members) -> str | None:
    spot = members.get("pattern")
    if spot is None:
        return None
    pattern = reader.text(spot)
    try:
        compile_pattern(pattern)
    except ValueError as error:
        reader.fault(spot, str(error))
    return pattern


def read_terms(reader: Reader, spot: Spot | None) -> tuple[Terms, ...]:
    """Return the reasons that law forbids."""
    found = []
    for name, entry in reader.entries(spot).items():
        reader.check_name(entry, name)
        members = reader.mapping(entry, TERMS)
        members.need("jurisdiction", "reason")
        terms = Terms(
            name=name,
            jurisdiction=members.text("jurisdiction"),
            reason=members.text("reason"),
            words=members.texts("words"),
            codes=members.texts("codes"),
        )
        if not (terms.words or terms.codes):
            reader.fault(entry, "bars nothing: give `words` or `codes`")
        found.append(terms)
    return tuple(found)


def read_reason_codes(reader: Reader, spot: Spot | None) -> tuple[ReasonCode, ...]:
    """Return the codes that the vendor's access may carry."""
    found = []
    for code, entry in reader.entries(spot).items():
        reader.check_name(entry, code)
        members = reader.mapping(entry, REASON_CODE)
        found.append(
            ReasonCode(
                code=code,
                title=members.text("title"),
                allowed=members.flag("allowed", default=True),
            )
        )
    return tuple(found)
