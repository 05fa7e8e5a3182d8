"""Rule wanted: a rule and a recorded event to be explained to each other, by whatever door."""

from __future__ import annotations

import msgspec


class ExplainWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be explained.

    `event` is the index of a recorded event, or the id of an alert, whose first event
    it then is.  `rule` is the id of a rule that runs here, or of one of those in `text`,
    a file of rules; `path` is what that file is called, `placeholders` what it is filled with.
    """

    event: str
    rule: str | None = None
    text: str | None = None
    path: str = "rules"
    placeholders: dict[str, list[str]] | None = None
    why: str | None = None
    case: str | None = None
