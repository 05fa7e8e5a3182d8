"""Local door: a home that this process holds open itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ombud.app.checkpoint_local import LocalCheckpoints
from ombud.app.door import Json
from ombud.app.home import open_here
from ombud.app.policy_door import Progress
from ombud.app.policy_local import LocalPolicies
from ombud.app.request_local import LocalRequests
from ombud.services.asker import local_owner
from ombud.services.backtest_wanted import BacktestWanted
from ombud.services.directory_wanted import DirectoryWanted
from ombud.services.home import HomeServices
from ombud.services.rule_wanted import ExplainWanted


class LocalDoor:
    """The services of a home, asked by its owner, answering as the API does."""

    def __init__(self, services: HomeServices, *, catch_up: Callable[[], None]) -> None:
        self._services = services
        self._catch_up = catch_up
        self._asker = local_owner()
        self.access = LocalRequests(services.access, self._asker)
        self.policies = LocalPolicies(services, self._asker)
        self.checkpoints = LocalCheckpoints(services.desk, self._asker)

    def close(self) -> None:
        """Leave the home to whoever opened it."""

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
        """Return a page of events."""
        page = self._services.search(
            query,
            limit=limit,
            cursor=cursor,
            asker=self._asker,
            why=why,
            case=case,
            everything=everything,
        )
        since = {} if everything else self._services.since()
        return page.to_dict() | since

    def sessions(self, query: str, *, limit: int, why: str | None, case: str | None) -> Json:
        """Return sessions."""
        found = self._services.sessions(query, limit=limit, asker=self._asker, why=why, case=case)
        return {"sessions": found, **self._services.since()}

    def session(self, session_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one session."""
        events = self._services.session(session_id, asker=self._asker, why=why, case=case)
        found = [told.to_ocsf() for told in events]
        return {"session": session_id, "events": found, **self._services.since()}

    def who(self, kind: str, key: str, *, why: str | None, case: str | None) -> Json:
        """Return who touched one person's data."""
        found = self._services.who(kind, key, asker=self._asker, why=why, case=case)
        return found | self._services.since()

    def alerts(self, *, limit: int) -> Json:
        """Return alerts, as of the last durable event."""
        self._catch_up()
        return {"alerts": self._services.alerts(limit=limit, asker=self._asker)}

    def alert(self, alert_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one alert, as of the last durable event."""
        self._catch_up()
        return self._services.alert(alert_id, asker=self._asker, why=why, case=case)

    def coverage(self, *, since: str | None, until: str | None) -> Json:
        """Return what is known of persons and data subjects."""
        return self._services.coverage(since=since, until=until, asker=self._asker)

    def head(self) -> Json:
        """Return the tree head."""
        return self._services.head()

    def rules(self) -> Json:
        """Return the rules, as of the last durable event."""
        self._catch_up()
        return self._services.rules(asker=self._asker)

    def rule_explain(self, wanted: ExplainWanted) -> Json:
        """Explain a rule by a recorded event, alerts as of the last durable one."""
        self._catch_up()
        return self._services.rule_explain(wanted, asker=self._asker)

    def rule_fields(self) -> Json:
        """Return which fields of rules no event carries, as of the last durable event."""
        self._catch_up()
        return self._services.rule_fields(asker=self._asker)

    def rule_state(self, rule_id: str, *, is_enabled: bool, reason: str | None) -> Json:
        """Switch a rule on or off."""
        return self._services.rule_state(
            rule_id, is_enabled=is_enabled, reason=reason, asker=self._asker
        )

    def backtest(self, wanted: BacktestWanted, *, on_progress: Progress | None) -> Json:
        """Return what rules would have raised, beside the alerts up to the last durable event."""
        self._catch_up()
        return self._services.backtesting.backtest(
            wanted, asker=self._asker, on_progress=on_progress
        )

    def token_create(self, wanted: Json) -> Json:
        """Create a token."""
        return self._services.token_create(wanted, asker=self._asker)

    def token_list(self) -> Json:
        """Return all tokens."""
        return {"tokens": self._services.token_list(asker=self._asker)}

    def token_revoke(self, name: str) -> Json:
        """Revoke a token."""
        self._services.token_revoke(name, asker=self._asker)
        return {"revoked": name}

    def directory_plan(self, wanted: DirectoryWanted) -> Json:
        """Return what files would change in the directory."""
        return self._services.directory.plan(wanted, asker=self._asker)

    def directory_load(self, wanted: DirectoryWanted) -> Json:
        """Load the directory."""
        return self._services.directory.load(wanted, asker=self._asker)

    def directory_show(
        self, person: str, *, at: int | None, why: str | None, case: str | None
    ) -> Json:
        """Return what the directory says of a person."""
        return self._services.directory.show(person, at=at, asker=self._asker, why=why, case=case)

    def directory_unmatched(self, *, limit: int) -> Json:
        """Return the accounts that the directory does not know, as of the last durable event."""
        self._catch_up()
        return self._services.directory.unmatched(limit=limit, asker=self._asker)

    def directory_status(self) -> Json:
        """Return which load stands."""
        return self._services.directory.status(asker=self._asker)


@contextmanager
def open_local_door(home: Path) -> Iterator[LocalDoor]:
    """Open a home that is not running, in this process; raises `Unavailable` if it is in use."""
    with open_here(home) as opened:
        yield LocalDoor(opened.services, catch_up=opened.follow_rules)
