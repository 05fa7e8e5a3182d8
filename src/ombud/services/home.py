"""Home services: everything that can be asked of one open home, by whatever door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ombud.collect.intake import IntakeResult
from ombud.record.resting import RestingRecord
from ombud.services.access_requests import AccessRequests
from ombud.services.alert_looks import AlertLooks
from ombud.services.asker import Asker
from ombud.services.background import Background
from ombud.services.backtesting import Backtesting
from ombud.services.checkpoint_desk import CheckpointDesk
from ombud.services.coverage import CoverageReports
from ombud.services.deciding import Deciding
from ombud.services.directory import Directory
from ombud.services.explaining import Explaining
from ombud.services.ext_authz import ExtAuthz
from ombud.services.ingesting import Ingesting
from ombud.services.live_policy import LivePolicy
from ombud.services.looks import Looks, Page
from ombud.services.not_covered import NotCovered
from ombud.services.policies import Policies
from ombud.services.record_port import Record
from ombud.services.retaining import Retention
from ombud.services.rule_fields import RuleFields
from ombud.services.rule_looks import RuleLooks
from ombud.services.rule_states import RuleStates
from ombud.services.rule_wanted import ExplainWanted
from ombud.services.searching import Searching
from ombud.services.simulating import Simulating
from ombud.services.tokens import Tokens
from ombud.services.told import Told, where_it_went
from ombud.services.trino import Trino
from ombud.services.trino_access import TrinoAccess
from ombud.services.watching import Watch
from ombud.store.control import ControlStore
from ombud.store.index import Index
from ombud.tlog.tree_head import TreeHead

Json = dict[str, Any]


class HomeServices:
    """The use cases of one home, wired by the composition root."""

    def __init__(
        self,
        *,
        appender: Record,
        looks: Looks,
        ingesting: Ingesting,
        tokens: Tokens,
        rule_states: RuleStates,
        directory: Directory,
        access: AccessRequests,
        desk: CheckpointDesk,
        policies: Policies,
        simulating: Simulating,
        explaining: Explaining,
        live_policy: LivePolicy,
        deciding: Deciding,
        searching: Searching,
        ext_authz: ExtAuthz | None,
        trino: Trino,
        trino_access: TrinoAccess,
        watch: Watch,
        control: ControlStore,
        index: Index,
        coverage: CoverageReports,
        background: Background,
        retention: Retention,
        backtesting: Backtesting,
        not_covered: NotCovered,
    ) -> None:
        self._appender = appender
        self._looks = looks
        self._ingesting = ingesting
        self._tokens = tokens
        self._rule_states = rule_states
        self._rule_looks = RuleLooks(looks=looks, watch=watch)
        self._rule_fields = RuleFields(looks=looks, watch=watch)
        self.directory = directory
        self.access = access
        self.desk = desk
        self.policies = policies
        self.simulating = simulating
        self.backtesting = backtesting
        self.explaining = explaining
        self.live_policy = live_policy
        self.deciding = deciding
        self.searching = searching
        self.ext_authz = ext_authz
        self.trino = trino
        self.trino_access = trino_access
        self._watch = watch
        self._alerts = AlertLooks(looks=looks, watch=watch)
        self._control = control
        self._index = index
        self._coverage = coverage
        self._background = background
        self._retention = retention
        self._not_covered = not_covered

    def authenticate(self, token: str) -> Asker:
        """Return who stands behind a token; raises `Unauthenticated`."""
        return self._tokens.authenticate(token)

    def ingest(self, kind: str, chunks: Iterator[bytes], *, asker: Asker) -> IntakeResult:
        """Record what a source of this kind delivers; returns when it is durable."""
        asker.require("ingest")
        return self._ingesting.deliver(kind, chunks)

    def search(
        self,
        text: str,
        *,
        limit: int,
        cursor: str | None,
        asker: Asker,
        why: str | None,
        case: str | None,
        everything: bool = False,
    ) -> Page:
        """Return a page of what matches the query."""
        return self._looks.search(
            text,
            limit=limit,
            cursor=cursor,
            asker=asker,
            why=why,
            case=case,
            everything=everything,
        )

    def since(self) -> Json:
        """Return from when on the index holds events; empty when it holds them all."""
        return self._retention.since()

    def sessions(
        self, text: str, *, limit: int, asker: Asker, why: str | None, case: str | None
    ) -> list[Json]:
        """Return the sessions that hold an event that matches."""
        return self._looks.sessions(text, limit=limit, asker=asker, why=why, case=case)

    def session(
        self, session_id: str, *, asker: Asker, why: str | None, case: str | None
    ) -> list[Told]:
        """Return every event of one session, in order."""
        return self._looks.session(session_id, asker=asker, why=why, case=case)

    def who(self, kind: str, key: str, *, asker: Asker, why: str | None, case: str | None) -> Json:
        """Return everyone who touched one data subject, where it went, and what is not covered."""
        people = self._looks.who(kind, key, asker=asker, why=why, case=case)
        return {
            "subject": {"kind": kind, "key": key},
            "people": people,
            "left": where_it_went(people),
            "not_covered": self._not_covered.report(kind, asker=asker),
        }

    def alerts(self, *, limit: int, asker: Asker) -> list[Json]:
        """Return alerts, the latest first; the look is on record."""
        return self._alerts.list(limit=limit, asker=asker)

    def alert(self, alert_id: str, *, asker: Asker, why: str | None, case: str | None) -> Json:
        """Return one alert with its rule and its events; the look is on record."""
        return self._alerts.get(alert_id, asker=asker, why=why, case=case)

    def coverage(self, *, since: str | None, until: str | None, asker: Asker) -> Json:
        """Return what is known of persons and data subjects; the look is on record."""
        return self._coverage.report(since=since, until=until, asker=asker)

    def head(self) -> Json:
        """Return the durable size, the root and the signed tree head."""
        size, note = self._appender.head()
        if not size:
            return {"size": 0, "root": None, "note": note.decode()}
        head = TreeHead.parse(note.decode().partition("\n\n")[0] + "\n")
        return {"size": size, "root": head.root.hex(), "note": note.decode()}

    def token_create(self, wanted: Json, *, asker: Asker) -> Json:
        """Create a token and return it, the only time that it is shown."""
        return self._tokens.create(wanted, asker=asker)

    def token_list(self, *, asker: Asker) -> list[Json]:
        """Return all tokens, without what they are made of."""
        asker.require("admin")
        return [
            {
                "id": row.id,
                "name": row.name,
                "person": row.person,
                "scopes": list(row.scopes),
                "units": list(row.units),
                "systems": list(row.systems),
                "created_at": row.created_at,
                "expires_at": row.expires_at,
                "revoked_at": row.revoked_at,
            }
            for row in self._control.tokens()
        ]

    def token_revoke(self, name: str, *, asker: Asker) -> None:
        """Revoke a token."""
        self._tokens.revoke(name, asker=asker)

    def rules(self, *, asker: Asker) -> Json:
        """Return the rules with their states, and what they cannot do here."""
        asker.require("search")
        return self._rule_states.report()

    def rule_explain(self, wanted: ExplainWanted, *, asker: Asker) -> Json:
        """Return what a rule makes of a recorded event; the look is on record."""
        asker.require("search")
        return self._rule_looks.explain(wanted, asker=asker)

    def rule_fields(self, *, asker: Asker) -> Json:
        """Return which fields of rules no event carries; the look is on record."""
        return self._rule_fields.report(asker=asker)

    def rule_state(
        self, rule_id: str, *, is_enabled: bool, reason: str | None, asker: Asker
    ) -> Json:
        """Switch a rule on or off."""
        return self._rule_states.set_state(
            rule_id, is_enabled=is_enabled, reason=reason, asker=asker
        )

    def health(self) -> dict[str, bool]:
        """Return each part of the home by name, and whether it works."""
        failing = self._background.failures
        parts = {name: name not in failing for name in ("index", "rules", "tick")}
        parts["record"] = self._appender.ping()
        parts["policy"] = self.live_policy.is_usable()
        if isinstance(self._appender, RestingRecord):
            parts["resumed"] = False
        return parts | dict.fromkeys(failing, False)

    def notes(self) -> list[str]:
        """Return what everybody should know who looks after the home, without names."""
        return self.policies.notes()

    def metrics(self) -> dict[str, float]:
        """Return figures by name; one that ends in `_total` only ever grows."""
        size, _ = self._appender.head()
        figures: dict[str, float] = {
            "record_events_total": size,
            "index_lag_events": max(0, size - self._index.watermark()),
            "rules_lag_events": max(0, size - self._watch.watermark()),
            "rules_loaded": len(self._watch.rules) + len(self._watch.correlations),
            "rules_refused": len(self._watch.refusals),
            "background_failing": len(self._background.failures),
        }
        figures.update(self._ingesting.totals())
        figures.update({f"alerts_{level}": n for level, n in self._watch.counts().items()})
        return figures
