"""Door: what a command asks of a home, whether it opens the home or finds it running.

`LocalDoor` holds the home open itself; `RemoteDoor` reaches the server that does,
over the socket in the home.  Both answer with the JSON that the API answers with.
"""

from __future__ import annotations

from typing import Any, Protocol

from ombud.app.checkpoint_door import CheckpointDoor
from ombud.app.policy_door import PolicyDoor, Progress
from ombud.app.request_door import RequestDoor
from ombud.services.backtest_wanted import BacktestWanted
from ombud.services.directory_wanted import DirectoryWanted
from ombud.services.rule_wanted import ExplainWanted

Json = dict[str, Any]


class Door(Protocol):
    """The questions that can be put to a home; raises the errors of `ombud.core.errors`."""

    @property
    def access(self) -> RequestDoor:
        """The questions about requests, grants and emergencies."""

    @property
    def policies(self) -> PolicyDoor:
        """The questions about the policy."""

    @property
    def checkpoints(self) -> CheckpointDoor:
        """The questions about checkpoints, justifications and reference data."""

    def search(
        self,
        query: str,
        *,
        limit: int,
        cursor: str | None,
        why: str | None,
        case: str | None,
        everything: bool = False,
    ) -> Json:
        """Return `{"events" or "rows", "next_cursor"}`, newest first.

        What an answer could not look at, it says in `index_since`.
        """

    def sessions(self, query: str, *, limit: int, why: str | None, case: str | None) -> Json:
        """Return `{"sessions"}`, the latest first."""

    def session(self, session_id: str, *, why: str | None, case: str | None) -> Json:
        """Return `{"session", "events"}`, events in order."""

    def who(self, kind: str, key: str, *, why: str | None, case: str | None) -> Json:
        """Return `{"subject", "people", "left", "not_covered"}`."""

    def alerts(self, *, limit: int) -> Json:
        """Return `{"alerts"}`, the latest first."""

    def alert(self, alert_id: str, *, why: str | None, case: str | None) -> Json:
        """Return `{"alert", "rule", "events"}`; the id may be cut short."""

    def coverage(self, *, since: str | None, until: str | None) -> Json:
        """Return figures of a stretch: `{"total", "sources", "not_observed", "fixes", …}`."""

    def head(self) -> Json:
        """Return the durable size, the root and the signed tree head."""

    def rules(self) -> Json:
        """Return `{"rules", "refused", "never_seen", "silent"}`."""

    def rule_explain(self, wanted: ExplainWanted) -> Json:
        """Return `{"event", "rule", "is_match", "sees", "condition", …}`."""

    def rule_fields(self) -> Json:
        """Return `{"rules", "sources", "never_seen", "silent"}`."""

    def rule_state(self, rule_id: str, *, is_enabled: bool, reason: str | None) -> Json:
        """Switch a rule on or off."""

    def backtest(self, wanted: BacktestWanted, *, on_progress: Progress | None) -> Json:
        """Return what rules would have raised; `on_progress` only where it is here."""

    def token_create(self, wanted: Json) -> Json:
        """Return `{"token", …}`: the only time that the token itself is shown."""

    def token_list(self) -> Json:
        """Return `{"tokens"}`."""

    def token_revoke(self, name: str) -> Json:
        """Revoke a token."""

    def directory_plan(self, wanted: DirectoryWanted) -> Json:
        """Return `{"compared_with", "kinds", "faults", …}`; changes nothing."""

    def directory_load(self, wanted: DirectoryWanted) -> Json:
        """Load the directory; return `{"load", "sha256", "kinds", "spans"}`."""

    def directory_show(
        self, person: str, *, at: int | None, why: str | None, case: str | None
    ) -> Json:
        """Return what the directory says of a person at an instant."""

    def directory_unmatched(self, *, limit: int) -> Json:
        """Return `{"accounts"}`, the most frequent first."""

    def directory_status(self) -> Json:
        """Return which load stands, and how many rows there are."""

    def close(self) -> None:
        """Let go of the home."""
