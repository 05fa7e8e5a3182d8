"""AuthZEN metadata: where the decision point says what answers where (AuthZEN 1.0, metadata)."""

from __future__ import annotations

import re
from typing import Any

from ombud.core.errors import InputError
from ombud.services.negotiation import OURS, TYPES
from ombud.web.authzen_paths import (
    ACCESS_REQUESTS,
    EVALUATION,
    EVALUATIONS,
    SEARCH_ACTION,
    SEARCH_RESOURCE,
    SEARCH_SUBJECT,
)

ACCESS_REQUEST = "urn:openid:authzen:capability:access-request"
HOST_MAX = 255  # Bytes (RFC 1035 §2.3.4), and a port.
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


def base_of(public_url: str, scheme: str, host: str) -> str:
    """Return the identifier of the decision point: the address that the asker used.

    `public_url` is what the settings say, and wins.  Raises `InputError` for a `Host`
    that is none.
    """
    if public_url:
        return public_url.rstrip("/")
    if len(host) > HOST_MAX + 6 or not _HOST.fullmatch(host):
        raise InputError("the request names no host", origin="host")
    return f"{scheme}://{host}"


def metadata(base: str) -> dict[str, Any]:
    """Return the metadata document of a decision point."""
    return {
        "policy_decision_point": base,
        "access_evaluation_endpoint": base + EVALUATION,
        "access_evaluations_endpoint": base + EVALUATIONS,
        "search_subject_endpoint": base + SEARCH_SUBJECT,
        "search_resource_endpoint": base + SEARCH_RESOURCE,
        "search_action_endpoint": base + SEARCH_ACTION,
        "access_request_endpoint": base + ACCESS_REQUESTS,  # Access request profile, discovery.
        "capabilities": [ACCESS_REQUEST],
        "supported_obligations": list(TYPES),  # Obligations profile, metadata extension.
        "ombud_obligations": list(OURS),
    }
