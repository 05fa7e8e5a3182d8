"""References: the organisation's own tables, loaded as events and kept by their hash.

A load replaces a table whole or not at all; one that fails leaves the table as it
was, visibly: `tables` says what failed, and facts that grow old count no more.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ombud.access.reference import Origin, References, ReferenceTable
from ombud.collect.reference_read import read_case, read_reference
from ombud.collect.reference_values import Read
from ombud.config.reference_file import FILE_NAME, load_references
from ombud.core.clock import Clock
from ombud.core.errors import InputError, NotFound, OmbudError, Unavailable
from ombud.services.asker import Asker, local_owner
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.services.reference_book import Book, ask_live, open_book
from ombud.store.checkpoint import CheckpointTables, LoadRow
from ombud.store.checkpoint_events import REFERENCE_LOADED
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL, SETTING_CHANGED
from ombud.store.reference import ReferenceStore

log = logging.getLogger("ombud")
Json = dict[str, Any]

FOLDER = "reference"
SETTING = "reference"  # The name by which the record has what is declared.
FAULTS_SHOWN = 100
REASON_MAX = 4_000  # Characters.
LOADS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Failure:
    at: int
    said: str


class ReferenceData:
    """Loads declared tables, and answers what they say of cases and people."""

    def __init__(
        self,
        home: Path,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        clock: Clock,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._home = home
        self._appender = appender
        self._control = control
        self._tables: CheckpointTables = control.checkpoints
        self._project = project
        self._clock = clock
        self._environ = os.environ if environ is None else environ
        self._store = ReferenceStore(home / FOLDER)
        self._loading = threading.Lock()
        self._failures: dict[str, _Failure] = {}
        self._declared: tuple[tuple[int, int], References] | None = None

    def declared(self) -> References:
        """Return what the home declares now; raises `SettingsError` with every fault."""
        try:
            at = (self._home / FILE_NAME).stat()
            mark = (at.st_ctime_ns, at.st_size)
        except OSError:
            mark = (0, 0)
        known = self._declared
        if known is None or known[0] != mark:
            found = load_references(self._home)
            self._note_declared(found)
            known = self._declared = (mark, found)
        return known[1]

    def _note_declared(self, declared: References) -> None:
        """Record what is declared, where that is not on record: before anything is judged by it.

        The file is edited by hand; who points a table elsewhere makes cases of their own.
        """
        path = self._home / FILE_NAME
        said: Json | None = None
        if path.exists():
            tables = {table.name: described(table) for table in declared.tables}
            said = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "tables": tables}
        if said == self._control.settings().get(SETTING):
            return
        event = own_event(
            time=self._clock(),
            source=CONTROL,
            action="configure",
            operation=SETTING_CHANGED,
            actor_id=local_owner().person,
            actor_type="person",
            attributes={"name": SETTING, "value": said},
        )
        record_events(self._appender, [event])
        self._project()

    def book(
        self, *, cases: Collection[str], people: Collection[str], is_live: bool = False
    ) -> Book:
        """Return what tables say of cases and people; with `is_live`, as they are now."""
        book = open_book(self.declared(), self._tables, self._store, cases=cases, people=people)
        if is_live:
            for case in cases:
                ask_live(book, case, ask=self._ask, clock=self._clock)
        return book

    def _ask(self, table: ReferenceTable, case: str) -> Read:
        return read_case(table, case, home=self._home, environ=self._environ)

    def check(self, names: Sequence[str], *, asker: Asker) -> Json:
        """Read tables as they are now and say what is wrong with each; loads nothing."""
        asker.require("admin")
        return {"tables": [self._read(table)[0] for table in self._named(names)]}

    def load(self, names: Sequence[str], *, asker: Asker, why: str | None = None) -> Json:
        """Load tables, all if none is named; each whole or not at all."""
        asker.require("admin")
        reason = (why or "").strip() or None
        if len(reason or "") > REASON_MAX:
            raise InputError(f"the reason is longer than {REASON_MAX} characters")
        tables = self._named(names)
        with self._loading:
            return {"tables": [self._load(table, asker, reason) for table in tables]}

    def tables(self, *, asker: Asker) -> Json:
        """Return every table with the load that stands, how fresh it is and what failed."""
        _require_any(asker, "search", "admin")
        now, loads = self._clock(), self._tables.last_loads()
        declared = self.declared()
        return {
            "tables": [self._told(table, loads.get(table.name), now) for table in declared.tables],
            "require": [aspect.value for aspect in declared.require],
            "days": declared.days,
        }

    def loads(self, name: str, *, asker: Asker) -> Json:
        """Return the latest loads of one table."""
        _require_any(asker, "search", "admin")
        found = self._tables.loads(name, limit=LOADS_SHOWN)
        if not found:
            raise NotFound(f"no load of `{name}`", hint="`ombud reference list` lists tables")
        return {
            "name": name,
            "loads": [
                {**_load_json(row), "is_kept": self._store.has(name, row.sha256)} for row in found
            ],
        }

    def turn(self, now: int) -> None:
        """Refresh the tables that are due.

        Raises `Unavailable` when one could not be, after all were tried.
        """
        failed = []
        for table in self.declared().tables:
            if table.refresh_minutes is None or not self._is_due(table, now):
                continue
            with self._loading:
                said = self._load(table, None, None)
            if not said["is_loaded"]:
                failed.append(f"`{table.name}`: {said['error']}")
        if failed:
            raise Unavailable(f"reference data was not refreshed: {'; '.join(failed)}")

    def _is_due(self, table: ReferenceTable, now: int) -> bool:
        period = (table.refresh_minutes or 0) * 60_000
        load, failure = self._tables.last_loads().get(table.name), self._failures.get(table.name)
        last = max(0 if load is None else load.as_of, 0 if failure is None else failure.at)
        return now - last >= period

    def _named(self, names: Sequence[str]) -> list[ReferenceTable]:
        by_name = {table.name: table for table in self.declared().tables}
        if not by_name:
            raise NotFound(
                f"no reference data is declared in `{self._home / FILE_NAME}`",
                hint="docs/reference-data.md says how",
            )
        for name in names:
            if name not in by_name:
                raise NotFound(f"no table `{name}`", hint=f"there are {', '.join(by_name)}")
        return [by_name[name] for name in dict.fromkeys(names)] if names else [*by_name.values()]

    def _read(self, table: ReferenceTable) -> tuple[Json, Read | None]:
        """Return what is to be told of a reading, and the rows of one without a fault."""
        told: Json = {"name": table.name, "kind": table.kind, "origin": described(table),
                      "rows": 0, "faults": [], "fault_count": 0, "error": None}  # fmt: skip
        try:
            read = read_reference(table, home=self._home, environ=self._environ)
        except OmbudError as error:
            return told | {"error": str(error)}, None
        faults = read.faults
        told["rows"] = len(read.rows)
        told["fault_count"] = faults.count
        told["faults"] = [str(fault) for fault in faults.shown[:FAULTS_SHOWN]]
        if faults:
            told["error"] = f"{faults.count} faults, the first: {told['faults'][0]}"
        return told, None if faults else read

    def _load(self, table: ReferenceTable, asker: Asker | None, reason: str | None) -> Json:
        as_of = self._clock()
        told, read = self._read(table)
        if read is None:
            self._failures[table.name] = _Failure(as_of, told["error"])
            log.warning("reference `%s` was not loaded: %s", table.name, told["error"])
            return told | {"is_loaded": False}
        stands = self._tables.last_loads().get(table.name)
        sha256 = self._store.write(table.name, table.kind, read.rows)
        made = {"sha256": sha256, "rows": len(read.rows), "as_of": as_of}
        self._record(table, made, asker, reason)
        self._failures.pop(table.name, None)
        self._prune(table.name)
        is_unchanged = stands is not None and stands.sha256 == sha256
        return told | {"is_loaded": True, "sha256": sha256, "is_unchanged": is_unchanged}

    def _record(
        self, table: ReferenceTable, made: Json, asker: Asker | None, reason: str | None
    ) -> None:
        load = secrets.token_hex(8)
        event = own_event(
            time=self._clock(),
            source=CONTROL,
            action="configure",
            operation=REFERENCE_LOADED,
            actor_id="ombud" if asker is None else asker.person,
            actor_type="service" if asker is None else "person",
            justification_text=reason,
            attributes={
                "load": load,
                "table": table.name,
                "kind": table.kind,
                "origin": described(table),
                **made,
                "via": "serve" if asker is None else asker.via,
            },
        )
        record_events(self._appender, [event])
        self._project()

    def _prune(self, name: str) -> None:
        latest = self._tables.loads(name, limit=self.declared().keep)
        used = {sha256 for table, sha256 in self._tables.facts_in_use() if table == name}
        self._store.prune(name, keep=used | {row.sha256 for row in latest})

    def _told(self, table: ReferenceTable, load: LoadRow | None, now: int) -> Json:
        failure = self._failures.get(table.name)
        fresh_until = None if load is None else load.as_of + table.fresh_minutes * 60_000
        return {
            "name": table.name,
            "kind": table.kind,
            "origin": described(table),
            "live": table.live,
            "load": None if load is None else _load_json(load),
            "is_fresh": fresh_until is not None and now <= fresh_until,
            "fresh_until": fresh_until,
            "failed_at": None if failure is None else failure.at,
            "error": None if failure is None else failure.said,
        }


def _load_json(row: LoadRow) -> Json:
    return {
        "sha256": row.sha256,
        "rows": row.row_count,
        "origin": row.origin,
        "as_of": row.as_of,
        "loaded_at": row.loaded_at,
        "loaded_by": row.loaded_by,
        "event": row.event_index,
    }


def _require_any(asker: Asker, *scopes: str) -> None:
    if asker.scopes.isdisjoint(scopes):
        asker.require(scopes[0])


def described(table: ReferenceTable) -> str:
    """Return where a table is read from, for people and for the record: without a secret.

    The query of a URL is left out, for keys are put there.
    """
    if table.origin in {Origin.CSV, Origin.PARQUET}:
        return f"{table.origin.value} {table.path}"
    parts = urlsplit(table.url or "")
    port = f":{parts.port}" if parts.port else ""
    place = f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
    return f"{place} {table.table}" if table.origin is Origin.SQL else place
