"""AuthZEN paths: where what is answered (Authorization API 1.0, transport)."""

from __future__ import annotations

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCH_SUBJECT = "/access/v1/search/subject"
SEARCH_RESOURCE = "/access/v1/search/resource"
SEARCH_ACTION = "/access/v1/search/action"
METADATA = "/.well-known/authzen-configuration"

# What workers of the decision port leave to the server, by method.
FORWARDED = {
    SEARCH_SUBJECT: b"POST",
    SEARCH_RESOURCE: b"POST",
    SEARCH_ACTION: b"POST",
    METADATA: b"GET",
}
