"""Alerts: the alerts of a home, their events and the state of the engine that finds them.

One transaction holds what a stretch of the record changed, the watermark it
moved to and, when given, the engine's state; so that after a crash the engine
goes on from its last state and finds again what is already here, never twice.
The connection belongs to the caller, one cursor to a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import duckdb
import orjson

from ombud.core.errors import InputError, NotFound, Unavailable
from ombud.detect.alerting.alert import Alert, AlertChange
from ombud.detect.rule import LEVELS
from ombud.query.bindings import Bindings
from ombud.query.columns import Column, Storage
from ombud.query.sql import compile_test
from ombud.query.tree import Match
from ombud.query.world import AlertTest

LIMIT_MAX = 10_000  # Alerts of one page.

_COLUMNS = (
    "id, rule_id, rule_version, title, level, actor_id, group_values, sentence, opened_at, "
    "first_index, first_time, last_index, last_time, event_count"
)
_TESTED = {"alert.rule": "rule_id", "alert.title": "title", "alert.level": "level"}
_SELECT = f"SELECT {_COLUMNS} FROM {{schema}}alert"
_TABLES = (
    """CREATE TABLE IF NOT EXISTS {schema}alert (
        id VARCHAR PRIMARY KEY, rule_id VARCHAR NOT NULL, rule_version VARCHAR NOT NULL,
        title VARCHAR NOT NULL, level VARCHAR NOT NULL, level_rank UTINYINT NOT NULL,
        actor_id VARCHAR, group_values VARCHAR NOT NULL, sentence VARCHAR NOT NULL,
        opened_at BIGINT NOT NULL, first_index BIGINT NOT NULL, first_time BIGINT NOT NULL,
        last_index BIGINT NOT NULL, last_time BIGINT NOT NULL, event_count BIGINT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS {schema}alert_event (
        alert_id VARCHAR NOT NULL, event_index BIGINT NOT NULL, time BIGINT NOT NULL,
        fields VARCHAR NOT NULL, PRIMARY KEY (alert_id, event_index))""",
    # One row: how far alerts have come, and the engine as of `state_watermark`.
    """CREATE TABLE IF NOT EXISTS {schema}alert_state (
        one BOOLEAN PRIMARY KEY, watermark BIGINT NOT NULL,
        state BLOB, state_watermark BIGINT NOT NULL)""",
    "INSERT INTO {schema}alert_state VALUES (true, 0, NULL, 0) ON CONFLICT DO NOTHING",
)


class KeptEvents(NamedTuple):
    """The indices of an alert's events, that which it opened with first.

    `is_whole` is false for an alert that counted more events than it keeps.
    """

    id: str
    indices: list[int]
    is_whole: bool


class AlertStore:
    """Writes what the engine found and answers what alerts there are."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, schema: str = "") -> None:
        self._prefix = f"{schema}." if schema else ""
        self.use(connection)

    def use(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Go on with another connection, after the engine has given up the one before."""
        self._connection = connection
        for statement in _TABLES:
            self._run(statement)

    def _run(self, statement: str, values: Any = None) -> duckdb.DuckDBPyConnection:
        """Run a statement whose `{schema}` is the place of the tables; values are bound."""
        try:
            return self._connection.execute(statement.format(schema=self._prefix), values)
        except (duckdb.IOException, duckdb.FatalException) as error:
            raise _not_now(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):  # A database that was given up has nothing to undo.
                self._connection.execute("ROLLBACK")
            raise
        try:
            self._connection.execute("COMMIT")
        except duckdb.Error as error:  # A full disk.
            raise _not_now(error) from error

    def save(
        self, changes: Sequence[AlertChange], *, watermark: int, state: bytes | None = None
    ) -> None:
        """Write what the events below `watermark` changed; `state` is the engine's at that point.

        Changes that are here already are left as they are.
        """
        with self._transaction():
            self._open([change.opened for change in changes if change.opened is not None])
            if changes:  # Each statement costs a millisecond and more, also on nothing.
                self._grow([change for change in changes if change.count])
                self._keep_events(changes)
            if state is None:
                self._run(
                    "UPDATE {schema}alert_state SET watermark = greatest(watermark, ?)",
                    [watermark],
                )
            else:
                self._run(
                    "UPDATE {schema}alert_state SET watermark = greatest(watermark, $1), "
                    "state = $2, state_watermark = $1",
                    [watermark, state],
                )

    def _open(self, alerts: Sequence[Alert]) -> None:
        """Add alerts in one statement: one for each would take milliseconds apiece."""
        rows = [
            (
                alert.id,
                alert.rule_id,
                alert.rule_version,
                alert.title,
                alert.level,
                LEVELS.index(alert.level),
                alert.actor,
                orjson.dumps(dict(alert.group)).decode(),
                alert.sentence,
                alert.opened_at,
                alert.first_event.index,
                alert.first_event.time,
                alert.first_event.index - 1,  # Below any event: what follows is news.
                alert.first_event.time,
            )
            for alert in alerts
        ]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            values = ", ".join(f"unnest(${number + 1})" for number in range(len(columns)))
            self._run(
                f"INSERT INTO {{schema}}alert SELECT {values}, 0 ON CONFLICT DO NOTHING",
                columns,
            )

    def _grow(self, changes: Sequence[AlertChange]) -> None:
        self._run(
            "UPDATE {schema}alert AS alert SET event_count = news.n, "
            "first_time = news.first_time, last_time = news.last_time, "
            "last_index = news.last_index FROM (SELECT unnest($1) AS id, unnest($2) AS n, "
            "unnest($3) AS first_time, unnest($4) AS last_time, unnest($5) AS last_index) AS news "
            "WHERE alert.id = news.id AND alert.last_index < news.last_index",
            [
                [change.alert_id for change in changes],
                [change.count for change in changes],
                [change.first_time for change in changes],
                [change.last_time for change in changes],
                [change.last_index for change in changes],
            ],
        )

    def _keep_events(self, changes: Sequence[AlertChange]) -> None:
        rows = [(change.alert_id, event) for change in changes for event in change.events]
        if not rows:  # Alerts that count more events than they keep.
            return
        self._run(
            "INSERT INTO {schema}alert_event "
            "SELECT unnest($1), unnest($2), unnest($3), unnest($4) ON CONFLICT DO NOTHING",
            [
                [alert_id for alert_id, _ in rows],
                [event.index for _, event in rows],
                [event.time for _, event in rows],
                [orjson.dumps(event.fields).decode() for _, event in rows],
            ],
        )

    def watermark(self) -> int:
        """Return the index of the first event whose alerts are not here yet."""
        return int(self._one("SELECT watermark FROM {schema}alert_state")[0])

    def state(self) -> bytes | None:
        """Return the engine's state as last saved, at or before the watermark."""
        value = self._one("SELECT state FROM {schema}alert_state")[0]
        return None if value is None else bytes(value)

    def clear(self) -> None:
        """Forget everything, to be found again from the record."""
        with self._transaction():
            self._run("DELETE FROM {schema}alert_event")
            self._run("DELETE FROM {schema}alert")
            self._run(
                "UPDATE {schema}alert_state SET watermark = 0, state = NULL, state_watermark = 0"
            )

    def find(
        self,
        *,
        limit: int = 100,
        rule_id: str | None = None,
        actor_id: str | None = None,
        level_min: str | None = None,
        since: int | None = None,
        before: tuple[int, str] | None = None,
    ) -> list[dict[str, Any]]:
        """Return alerts, the one with the latest event first.

        `since` bounds the time of the last event (milliseconds).  `before` is
        `(last_index, id)` of the last alert of the page before this one.
        """
        if not 0 < limit <= LIMIT_MAX:
            raise InputError(f"limit is not between 1 and {LIMIT_MAX}")
        if level_min is not None and level_min not in LEVELS:
            raise InputError(f"level `{level_min}` is none of {', '.join(LEVELS)}")
        rows = self._run(
            _SELECT + " WHERE "
            "($rule_id IS NULL OR rule_id = $rule_id) AND "
            "($actor_id IS NULL OR actor_id = $actor_id) AND "
            "level_rank >= $level AND last_time >= $since AND "
            "($before IS NULL OR last_index < $before OR (last_index = $before AND id > $id)) "
            "ORDER BY last_index DESC, id LIMIT $limit",
            {
                "rule_id": rule_id,
                "actor_id": actor_id,
                "level": 0 if level_min is None else LEVELS.index(level_min),
                "since": -(1 << 63) if since is None else since,
                "before": before[0] if before else None,
                "id": before[1] if before else "",
                "limit": limit,
            },
        ).fetchall()
        return [_row(row) for row in rows]

    def event_indices(self, alert_ids: Sequence[str]) -> dict[str, Sequence[int]]:
        """Return the indices of the events that each alert keeps, in log order."""
        rows = self._run(
            "SELECT alert_id, list(event_index ORDER BY event_index) "
            "FROM {schema}alert_event WHERE alert_id IN (SELECT unnest($1)) GROUP BY alert_id",
            [list(alert_ids)],
        ).fetchall()
        found = dict(rows)
        return {alert_id: found.get(alert_id, []) for alert_id in alert_ids}

    def events_of(self, test: AlertTest, *, after: str, limit: int) -> list[KeptEvents]:
        """Return up to `limit` alerts that pass a test of a query, in the order of their ids.

        `after` is the id of the last alert of the page before this one, at first nothing.
        """
        bindings = Bindings()
        condition = "true"
        if isinstance(test, Match):
            column = Column(_TESTED[test.field], Storage.TEXT)
            condition = compile_test(column, test.test, bindings)
        page = f"id > {bindings.add(after)} AND {condition} ORDER BY id"
        rows = self._run(
            "SELECT id, first_index, event_count, "
            "list(event_index) FILTER (event_index IS NOT NULL) "
            f"FROM (SELECT * FROM {{schema}}alert WHERE {page} LIMIT {bindings.add(limit)}) "
            "LEFT JOIN {schema}alert_event ON alert_id = id "
            "GROUP BY id, first_index, event_count ORDER BY id",
            bindings.values,
        ).fetchall()
        return [
            KeptEvents(id_, [first, *(kept or ())], is_whole=len(kept or ()) >= count)
            for id_, first, count, kept in rows
        ]

    def get(self, alert_id: str) -> dict[str, Any]:
        """Return one alert with the events it keeps; `alert_id` may be cut short.

        Raises `NotFound` if there is none, or more than one with that beginning.
        """
        rows = self._run(
            _SELECT + " WHERE starts_with(id, ?) LIMIT 2",
            [alert_id],
        ).fetchall()
        if len(rows) != 1 or not alert_id:
            raise NotFound(
                f"{'more than one' if rows else 'no'} alert is `{alert_id}`",
                hint="`ombud alerts` lists those there are",
            )
        alert = _row(rows[0])
        events = self._run(
            "SELECT event_index, time, fields FROM {schema}alert_event "
            "WHERE alert_id = ? ORDER BY event_index",
            [alert["id"]],
        ).fetchall()
        alert["events"] = [
            {"index": index, "time": time, "fields": orjson.loads(fields)}
            for index, time, fields in events
        ]
        return alert

    def counts(self) -> dict[str, int]:
        """Return how many alerts there are of each level."""
        rows = self._run("SELECT level, count(*) FROM {schema}alert GROUP BY level").fetchall()
        found = dict(rows)
        return {level: int(found.get(level, 0)) for level in LEVELS}

    def _one(self, statement: str, values: Any = None) -> tuple[Any, ...]:
        row = self._run(statement, values).fetchone()
        if row is None:
            raise NotFound("the alerts have no state: rebuild them with `ombud reindex`")
        return row


def _not_now(error: duckdb.Error) -> Unavailable:
    return Unavailable(
        f"alerts cannot be read or saved: {error}",
        retry_seconds=5.0,
        hint="free space on their disk: they are found again by themselves",
    )


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    alert = dict(zip(_COLUMNS.split(", "), row, strict=True))
    alert["group"] = orjson.loads(alert.pop("group_values"))
    return alert
