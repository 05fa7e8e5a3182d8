"""AuthZEN paths: where what is answered (Authorization API 1.0, transport)."""

from __future__ import annotations

import re

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCH_SUBJECT = "/access/v1/search/subject"
SEARCH_RESOURCE = "/access/v1/search/resource"
SEARCH_ACTION = "/access/v1/search/action"
METADATA = "/.well-known/authzen-configuration"
ACCESS_REQUESTS = "/access/v1/requests"  # And the tasks below it.
REQUEST_SCHEMA = "/access/v1/request-schema"

# What workers of the decision port leave to the server, by method.
FORWARDED = {
    SEARCH_SUBJECT: b"POST",
    SEARCH_RESOURCE: b"POST",
    SEARCH_ACTION: b"POST",
    METADATA: b"GET",
    REQUEST_SCHEMA: b"GET",
    ACCESS_REQUESTS: b"POST",
}
PUBLIC = frozenset({METADATA, REQUEST_SCHEMA})  # Need no token.
_TASK = re.compile(r"/access/v1/requests/[A-Za-z0-9-]{1,100}(/cancel)?", re.ASCII)


def is_forwarded(method: bytes, path: str) -> bool:
    """Whether workers leave this to the server."""
    if task := _TASK.fullmatch(path):
        return method == (b"POST" if task[1] else b"GET")
    return FORWARDED.get(path) == method
