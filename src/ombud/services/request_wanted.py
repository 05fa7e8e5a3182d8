"""Request wanted: what is asked of requests and grants, as it comes by whatever door."""

from __future__ import annotations

from typing import Any

import msgspec


class RequestWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new request shall ask for.

    `kind`: purpose, dataset or renewal; `actor` is whom the grant is for (`type:id`),
    the asker unless it is stated; `grant` is the one to be renewed.
    """

    text: str
    kind: str = "purpose"
    purpose: str | None = None
    actor: str | None = None
    dataset: str | None = None
    grant: str | None = None
    days: int | None = None
    case: str | None = None


class StepWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of a request: approve, reject, changes, amend, comment or withdraw."""

    step: str
    text: str | None = None
    days: int | None = None
    case: str | None = None


class GrantStepWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done with a grant: revoke, delegate (to `actor`) or recertify."""

    step: str
    text: str
    actor: str | None = None
    days: int | None = None


class BreakGlassWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an emergency needs: which purpose, why, and the secret that shows who asks."""

    purpose: str
    code: str
    text: str
    secret: str
    case: str | None = None
    minutes: int | None = None

    def __repr__(self) -> str:
        """Return it without its secret."""
        return f"BreakGlassWanted(purpose={self.purpose!r}, code={self.code!r})"


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a request that a program carried: for whom, and of which denial.

    `id` is given where the same submission must find the same request again.
    """

    requester: str
    asked: dict[str, Any]
    id: str | None = None
