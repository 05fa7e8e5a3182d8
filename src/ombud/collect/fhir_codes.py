"""FHIR codes: what types, subtypes, actions, outcomes and purposes of an AuditEvent mean.

Codes are DICOM's (DCM), HL7's REST interactions, ISO 21089's lifecycle events
and HL7's v3 ActReason.  Sources: FHIR R4 and R5, value sets of AuditEvent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_CODES_MAX = 64  # Codes of one element looked at.
_DEPTH_MAX = 4  # CodeableConcepts around codings.

BREAK_GLASS = frozenset({"110127", "BTG"})  # Emergency override started; break the glass.
# v3 ActReason: purposes of an emergency; treatment in one need not break any glass.
EMERGENCIES = ("BTG", "ETREAT", "ERTREAT")

OUTCOMES = {
    "0": "success", "success": "success", "success-informational": "success",
    "4": "failure", "8": "failure", "12": "failure", "minor failure": "failure",
    "serious failure": "failure", "major failure": "failure", "error": "failure",
    "fatal": "failure", "warning": "success", "information": "success", "informational": "success",
    "denied": "denied", "forbidden": "denied", "security": "denied", "login": "denied",
    "suppressed": "denied", "unknown": "unknown",
}  # fmt: skip

# Subtypes say most, then types, then the action code.
_BY_CODE = {
    # DICOM, application activity: start and stop; the audit log was used.
    "110120": "execute", "110121": "execute", "110101": "read",
    # DICOM: login, logout, node authentication, user authentication, network entry.
    "110122": "authenticate", "110123": "authenticate", "110126": "authenticate",
    "110114": "authenticate", "110108": "authenticate",
    # DICOM: an emergency override gives oneself access, until it stops.
    "110127": "grant", "110138": "revoke",
    # DICOM: security of objects, roles and users changed.
    "110135": "grant", "110136": "grant", "110137": "configure",
    # DICOM: attach, detach; network, security, hardware and software configuration;
    # audit recording stopped and started.
    "110124": "configure", "110125": "configure", "110128": "configure", "110129": "configure",
    "110130": "configure", "110131": "configure", "110133": "configure", "110134": "configure",
    # DICOM: restricted function used; remote and local service operations.
    "110132": "execute", "110139": "execute", "110140": "execute", "110141": "execute",
    "110142": "execute",
    # REST interactions.
    "read": "read", "vread": "read", "history": "read", "history-instance": "read",
    "history-type": "read", "history-system": "read", "search": "search", "search-type": "search",
    "search-system": "search", "search-compartment": "search", "create": "write",
    "update": "write", "patch": "write", "delete": "delete", "operation": "execute",
    "transaction": "write", "batch": "write", "capabilities": "read",
    # ISO 21089 lifecycle.
    "access": "read", "hold": "configure", "amend": "write", "archive": "write",
    "attest": "approve", "decrypt": "reveal", "deidentify": "write", "deprecate": "write",
    "destroy": "delete", "disclose": "share", "encrypt": "configure", "extract": "export",
    "link": "write", "merge": "write", "originate": "write", "pseudonymize": "write",
    "reactivate": "write", "receive": "write", "reidentify": "reveal", "unhold": "configure",
    "report": "read", "restore": "write", "transform": "write", "transmit": "export",
    "unlink": "write", "unmerge": "write", "verify": "approve",
    # IHE transactions that name themselves.
    "ITI-18": "search", "ITI-41": "write", "ITI-42": "write", "ITI-43": "read", "ITI-38": "search",
    "ITI-39": "read", "ITI-45": "search", "ITI-47": "search", "ITI-55": "search",
    "ITI-65": "write", "ITI-66": "search", "ITI-67": "search", "ITI-68": "read",
    "ITI-78": "search", "ITI-83": "search", "ITI-80": "read", "ITI-40": "authenticate",
    # DICOM, types: transfer, study deleted, export, import, query.
    "110102": "export", "110104": "export", "110105": "delete", "110106": "export",
    "110107": "write", "110112": "search",
}  # fmt: skip
_BY_ACTION = {"C": "write", "R": "read", "U": "write", "D": "delete", "E": "execute"}
# Instances accessed; order, patient and procedure record; REST.
_BY_ACTION_TYPES = frozenset({"110103", "110109", "110110", "110111", "rest"})


@dataclass(slots=True)
class Codes:
    """Codes in order, their readable names, and the free texts beside them."""

    listed: list[str] = field(default_factory=list)
    displays: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def codes(self) -> frozenset[str]:
        """The codes without their order."""
        return frozenset(self.listed)


def codes_of(*values: Any) -> Codes:
    """Return the codes of codings, concepts, or lists of either; texts of a concept too."""
    found = Codes()
    for value in values:
        if value is not None:
            _collect(value, found, 0)
    return found


def _collect(value: Any, found: Codes, depth: int) -> None:
    if value.__class__ is list:
        for item in value[:_CODES_MAX]:
            _collect(item, found, depth + 1)
    elif value.__class__ is dict:
        code = value.get("code")
        if code.__class__ is str and code and code not in found.listed:
            found.listed.append(code)
        display, text = value.get("display"), value.get("text")
        if display.__class__ is str and display:
            found.displays.append(display)
        if text.__class__ is str and text and text not in found.texts:
            found.texts.append(text)
        if depth < _DEPTH_MAX:
            for name in ("coding", "concept"):
                inner = value.get(name)
                if inner is not None:
                    _collect(inner, found, depth + 1)


def find_act(kinds: Codes, subtypes: Codes, action: str | None) -> str | None:
    """Return what was done, or None when neither codes nor action say."""
    for code in subtypes.listed:
        if code in _BY_CODE:
            return _BY_CODE[code]
    by_action = _BY_ACTION.get((action or "").upper()[:1])
    for code in kinds.listed:
        if code in _BY_ACTION_TYPES and by_action is not None:
            return by_action
        if code in _BY_CODE:
            return _BY_CODE[code]
    return by_action
