"""Trino door double: the real door over a policy in text, and a record in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, cast

import orjson

from doubles.memory_record import MemoryRecord
from ombud.access.attempt import Fulfilment, Grant
from ombud.access.model import Policy
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.config.policy_files import read_policy
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.deciding import Deciding, HomeFacts
from ombud.services.drafting import Drafter
from ombud.services.record_port import Appender
from ombud.services.trino import Trino
from ombud.services.trino_acts import TrinoActs
from ombud.services.trino_queries import TrinoQueries
from ombud.services.trino_request import TrinoInput, parse_request
from ombud.services.trino_speaker import Speakers

NOW = 1_795_305_600_000  # 2026-11-22T00:00:00Z
Json = dict[str, Any]
TRINO = Asker(person="trino:test", scopes=frozenset({"decide"}), via="trino")
KEY = bytes(range(32))
POLICY = """
attributes:
  actor: {region: int}
  resource: {trino: string}
  context: {operation: string, case: string}
entities:
  person: {ana: {region: 3}, bob: {region: 1}}
datasets:
  tpch.tiny.nation:
    system: trino
    columns: {nationkey: int, name: string, regionkey: int, comment: string}
  tpch.tiny.region: {system: trino}
  people:
    system: trino
    attributes: {trino: memory.default.people}
  secret: {system: trino, attributes: {trino: vault.hidden.table}}
  hive.a.target: {system: trino}
  hive.a.limited: {system: trino}
  hive.a.marked: {system: trino}
  hive.a.stopped: {system: trino}
  hive.a.lines: {system: trino, columns: {a: string, b: string, x: int}}
  hive.a.open: {system: trino}
  hive.a.counted: {system: trino, columns: {salary: int, unit: string}}
  hive.a.kept: {system: trino, columns: {id: int, unit: string}}
purposes:
  fraud:
    title: Find fraud
    standing: true
    audience: {actors: ["person:ana", "person:bob", "service:nightly"]}
    scope:
      - name: look
        actions: [read]
        resources: [tpch.tiny.nation]
        columns: [nationkey, name]
        row_filter: "row.regionkey == actor.region"
        masks: {name: {kind: hash}}
      - {name: people, actions: [read], resources: [people], masks: {phone: {kind: "null"}}}
      - {name: target, actions: [write, delete, configure], resources: [hive.a.target]}
      - {name: kept, actions: [write, delete], resources: [hive.a.kept],
         row_filter: "row.unit == 'north'"}
      - {name: limited, actions: [read], resources: [hive.a.limited], limits: {rows_per_query: 9}}
      - {name: marked, actions: [read], resources: [hive.a.marked], watermark: true}
      - {name: stopped, actions: [read], resources: [hive.a.stopped]}
      - {name: narrow, actions: [read], resources: [hive.a.lines], columns: [a],
         row_filter: "row.x == 1"}
      - {name: wide, actions: [read], resources: [hive.a.lines], columns: [a, b],
         row_filter: "row.x == 2"}
      - {name: open, actions: [read], resources: [hive.a.open]}
      - {name: counted, actions: [read], resources: [hive.a.counted], columns: [unit, salary],
         aggregate_only: [salary]}
    checkpoints:
      why: {kind: text, prompt: Why?, resources: [hive.a.stopped], length_min: 5}
  other:
    title: Nothing of that
    standing: true
    audience: {types: [person]}
    scope: [{name: region, actions: [read], resources: [tpch.tiny.region]}]
"""


class Live:
    """A policy in force that a test can change."""

    def __init__(self, text: str) -> None:
        self.apply(text)

    def apply(self, text: str, grants: Sequence[Grant] = ()) -> None:
        """Put another policy in force."""
        self._policy, faults = read_policy({"policy.yaml": text})
        assert not faults, faults
        self._snapshot = Snapshot.make(compile_policy(self._policy), grants=grants)
        self._epoch = getattr(self, "_epoch", 0) + 1

    def policy(self) -> Policy:
        """Return the policy."""
        return self._policy

    def snapshot(self, now: int | None = None) -> Snapshot:
        """Return the snapshot."""
        del now
        return self._snapshot

    def epoch(self) -> int:
        """Return its number."""
        return self._epoch


class Met:
    """Checkpoints that were met, by id."""

    def __init__(self) -> None:
        self.known: dict[str, Fulfilment] = {}

    def fulfilments(self, ids: Sequence[str], actor: str) -> tuple[Fulfilment, ...]:
        """Return what an actor has met, of these."""
        found = [self.known[one] for one in ids if one in self.known]
        return tuple(one for one in found if f"{one.actor_type}:{one.actor_id}" == actor)

    def claim(self, fulfilments: Iterable[Fulfilment], attempt: str) -> bool:
        """Use nothing up."""
        del fulfilments, attempt
        return True

    def justification(self, ids: Iterable[str], actor: str) -> dict[str, Any]:
        """Say nothing of what was written."""
        del ids, actor
        return {}


class Door:
    """A Trino door, and what it recorded."""

    def __init__(
        self,
        text: str = POLICY,
        *,
        places: Sequence[str] = ("credentials", "group", "user"),
        rows_counted_later: bool = False,
    ) -> None:
        self.live = Live(text)
        self.met = Met()
        self.record = MemoryRecord()
        appender = cast("Appender", self.record)  # It keeps no tree, and nobody asks for one.
        self.seconds = 100.0
        facts = HomeFacts(checkpoints=self.met)
        drafter = Drafter(live=self.live, facts=facts, clock=lambda: NOW)
        deciding = Deciding(drafter=drafter, appender=appender, facts=facts)
        self.queries = TrinoQueries(
            appender=appender, clock=lambda: NOW, monotonic=lambda: self.seconds
        )
        ids = count()
        acts = TrinoActs(
            deciding=deciding,
            queries=self.queries,
            key=lambda _: KEY,
            clock=lambda: NOW,
            new_id=lambda: f"door-{next(ids)}",
            rows_counted_later=rows_counted_later,
        )
        self.trino = Trino(
            speakers=Speakers(places=places, services=("nightly",)),
            acts=acts,
            deciding=deciding,
            queries=self.queries,
            policy=self.live.policy,
        )

    @property
    def events(self) -> list[Event]:
        """Everything that was recorded."""
        return list(self.record.events)

    def decisions(self) -> list[Event]:
        """Return the decisions that were recorded."""
        return [event for event in self.events if event.source == "ombud.decision"]

    def joined(self) -> list[Event]:
        """Return the events of queries, once they have fallen silent."""
        self.seconds += 10
        self.queries.turn()
        return [event for event in self.events if event.operation == "trino.query"]

    def allow(self, operation: str, resource: Json | None = None, **said: Any) -> bool:
        """Ask whether something is allowed."""
        answer = self.trino.allow(ask(operation, resource, **said), asker=TRINO)
        assert isinstance(answer["result"], bool)
        return answer["result"]

    def reasons(self, operation: str, resource: Json | None = None, **said: Any) -> list[str]:
        """Ask for something that is denied; return why."""
        answer = self.trino.allow(ask(operation, resource, **said), asker=TRINO)
        assert answer["result"] is False
        return list(answer.get("reasons", ()))

    def batch(self, operation: str, resources: list[Json], **said: Any) -> list[int]:
        """Ask which of many may be known."""
        asked = ask(operation, filterResources=resources, **said)
        return list(self.trino.batch(asked, asker=TRINO)["result"])

    def filters(self, table: Json, **said: Any) -> list[str]:
        """Ask for the filters of a table."""
        answer = self.trino.row_filters(ask("GetRowFilters", table, **said), asker=TRINO)
        return [one["expression"] for one in answer["result"]]

    def masks(self, table: Json, columns: Mapping[str, str], **said: Any) -> Json:
        """Ask for the masks of columns, given with their types."""
        place = table["table"]
        resources = [
            {"column": {**place, "columnName": name, "columnType": kind}}
            for name, kind in columns.items()
        ]
        asked = ask("GetColumnMask", filterResources=resources, **said)
        answer = self.trino.batch_column_masks(asked, asker=TRINO)["result"]
        names = list(columns)
        return {names[one["index"]]: one["viewExpression"]["expression"] for one in answer}

    def select(self, table: Json, columns: Mapping[str, str], **said: Any) -> bool:
        """Ask all that Trino asks before it reads columns of a table, in its order."""
        for column in self.masks(table, columns, **said):
            self.allow("SelectFromColumns", with_columns(table, column), **said)
        self.filters(table, **said)
        return self.allow("SelectFromColumns", with_columns(table, *columns), **said)


def table(name: str, *columns: str) -> Json:
    """Return a table as the plugin names it."""
    catalog, schema, one = name.split(".")
    place = {"catalogName": catalog, "schemaName": schema, "tableName": one}
    return with_columns({"table": place}, *columns) if columns else {"table": place}


def with_columns(resource: Json, *columns: str) -> Json:
    """Return a table with columns."""
    return {"table": {**resource["table"], "columns": list(columns)}}


def body(
    operation: str,
    resource: Json | None = None,
    *,
    user: str = "ana",
    purpose: str | None = "fraud",
    query: str | None = "q1",
    groups: Sequence[str] = (),
    credentials: Mapping[str, str] | None = None,
    **action: Any,
) -> Json:
    """Return a question as the plugin sends it."""
    said = dict(credentials or {})
    if purpose is not None:
        said["purpose"] = purpose
    identity: Json = {"user": user, "groups": list(groups)}
    if said:
        identity["extraCredentials"] = said
    context: Json = {"identity": identity, "softwareStack": {"trinoVersion": "484"}}
    if query is not None:
        context["queryId"] = query
    asked: Json = {"operation": operation, **action}
    if resource is not None:
        asked["resource"] = resource
    return {"input": {"context": context, "action": asked}}


def ask(operation: str, resource: Json | None = None, **said: Any) -> TrinoInput:
    """Return a question, read."""
    return parse_request(orjson.dumps(body(operation, resource, **said)))
