"""Connecting: one look into a PostgreSQL, and what a person confirmed of what it proposed."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ombud.attribution.catalogue import Catalogue
from ombud.attribution.declarations import Declarations, SystemDeclaration
from ombud.attribution.names import quote_name, split_name
from ombud.attribution.person_tables import worth_sampling
from ombud.attribution.proposal import Proposal, propose
from ombud.attribution.shared_accounts import Activity, SharedAccount, find_shared
from ombud.collect.postgres_catalogue import read_activity, read_catalogue, read_server, sample
from ombud.collect.postgres_connection import described, open_database
from ombud.collect.postgres_settings import (
    Missing,
    Server,
    how_to_install,
    missing_lines,
    unaudited_classes,
)
from ombud.config.attribution_file import FILE_NAME as ATTRIBUTION_FILE
from ombud.config.attribution_file import (
    load_attribution,
    parse_attribution,
    render_attribution,
)
from ombud.config.connect_file import (
    FILE_NAME,
    declared_subjects,
    is_edited,
    merged,
    render_proposed,
)
from ombud.core.errors import InputError, NotFound
from ombud.core.event import Event
from ombud.services.asker import local_owner
from ombud.services.own_events import own_event
from ombud.store.coverage import CONNECT, INSPECTED

CONFIRMED = "connect.confirmed"
ALL, NONE, PROPOSED = "all", "none", "proposed"
SHARED_PREFIX = "shared:"
Json = dict[str, Any]


@dataclass(frozen=True)
class Inspection:
    """What one look into a database found."""

    where: str
    server: Server
    missing: Sequence[Missing]
    catalogue: Catalogue
    proposals: Sequence[Proposal]
    shared: Sequence[SharedAccount]
    sampled: int
    refused: Sequence[str]

    @property
    def system(self) -> str:
        """The name that events of this database carry."""
        return self.server.system

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas in which the server looks for names without one."""
        named = (part.strip().strip('"') for part in self.server.search_path.split(","))
        return tuple(name for name in named if name and name != "$user") or ("public",)

    def limits(self) -> list[str]:
        """Return what could not be seen, and which right would show it."""
        found = []
        if not self.server.sees_settings:
            found.append("some settings are hidden: grant pg_read_all_settings (or pg_monitor)")
        if not self.server.sees_activity:
            found.append("sessions of others are hidden: grant pg_read_all_stats (or pg_monitor)")
        if self.refused:
            found.append(f"{len(self.refused)} tables may not be sampled: grant select, or take"
                         " the proposals from names and keys alone")  # fmt: skip
        if self.catalogue.is_cut:
            found.append(f"only the first {len(self.catalogue.tables)} tables were read")
        return found

    def to_dict(self) -> Json:
        """Return it as JSON values; neither a password nor a sampled value is in it."""
        server = self.server
        return {
            "where": self.where,
            "system": self.system,
            "server": {"version": server.version_text, "pgaudit": server.pgaudit,
                       "extension_created": server.is_created, "log_folder": server.log_folder,
                       "overrides": list(server.overrides)},
            "missing": [{"name": one.name, "line": one.line, "now": one.now, "needs": one.needs,
                         "why": one.why} for one in self.missing],
            "unaudited": unaudited_classes(server),
            "install": how_to_install(server) if server.pgaudit == "missing" else None,
            "tables": len(self.catalogue.tables),
            "sampled_tables": self.sampled,
            "limits": self.limits(),
            "proposals": [{"dataset": one.dataset, "column": one.column, "kind": one.kind,
                           "confidence": one.confidence, "reasons": list(one.reasons)}
                          for one in self.proposals],
            "shared_accounts": [{"account": one.account, "confidence": one.confidence,
                                 "reasons": list(one.reasons), "pattern": one.pattern.pattern,
                                 "application_name": one.connection_value(),
                                 "is_named": one.is_named} for one in self.shared],
        }  # fmt: skip


def inspect(url: str, *, samples: bool, seen: Iterable[Activity] = ()) -> Inspection:
    """Look into a database; `seen` is what the record knows of its accounts.

    Raises `InputError` and `Unavailable`, saying where and what next.
    """
    with open_database(url) as connection:
        server = read_server(connection)
        activities = read_activity(connection)
        catalogue = read_catalogue(connection)
        wanted = worth_sampling(catalogue) if samples else {}
        shapes, refused = sample(connection, catalogue, wanted)
    return Inspection(
        where=described(url),
        server=server,
        missing=missing_lines(server),
        catalogue=catalogue,
        proposals=propose(catalogue, shapes),
        shared=find_shared(_together([*activities, *seen])),
        sampled=len({dataset for dataset, _ in shapes}),
        refused=refused,
    )


def _together(activities: Iterable[Activity]) -> list[Activity]:
    by_account: dict[str, Activity] = {}
    for one in activities:
        before = by_account.get(one.account, one)
        by_account[one.account] = Activity(
            one.account,
            before.addresses | one.addresses,
            before.applications | one.applications,
            max(before.sessions, one.sessions),
            before.is_superuser or one.is_superuser,
        )
    return list(by_account.values())


def write_proposed(home: Path, inspection: Inspection) -> tuple[Path, bool]:
    """Write the proposal file, unless somebody has edited it; return it and whether it is new."""
    path = home / FILE_NAME
    if path.exists() and is_edited(path.read_text(encoding="utf-8")):
        return path, False
    text = render_proposed(
        inspection.system, inspection.proposals, inspection.shared,
        search_path=inspection.search_path,
    )  # fmt: skip
    _write(path, text)
    return path, True


def chosen(home: Path, inspection: Inspection, text: str) -> SystemDeclaration:
    """Return what a person confirms: `all`, `none`, `proposed`, or columns and shared accounts.

    A column may be given a kind: `visits.patient_id=patient`.  Raises `InputError`
    that names every word that is neither proposed nor a column with its kind.
    """
    if text == PROPOSED:
        return _from_file(home, inspection.system)
    shared, proposals = list(inspection.shared), list(inspection.proposals)
    if text != ALL:
        words = [] if text == NONE else [word.strip() for word in text.split(",") if word.strip()]
        accounts = {word.removeprefix(SHARED_PREFIX) for word in words if _is_shared(word)}
        proposals = _picked(inspection, [word for word in words if not _is_shared(word)])
        unknown = accounts - {one.account for one in shared}
        if unknown:
            raise InputError(f"no shared account `{min(unknown)}` is proposed")
        shared = [one for one in shared if one.account in accounts]
    return SystemDeclaration(
        system=inspection.system,
        subjects=declared_subjects(proposals),
        search_path=inspection.search_path,
        persons=tuple(one.pattern for one in shared),
        shared_accounts=frozenset(one.account for one in shared),
    )


def _is_shared(word: str) -> bool:
    return word.startswith(SHARED_PREFIX)


def _from_file(home: Path, system: str) -> SystemDeclaration:
    path = home / FILE_NAME
    if not path.exists():
        raise NotFound(f"there is no `{path}`", hint="run the command without --confirm first")
    declared = parse_attribution(path.read_text(encoding="utf-8"), origin=str(path))
    if system not in declared:
        raise InputError(f"`{path}` says nothing of {system}", hint="it was written for another"
                         " database; remove it and run the command without --confirm")  # fmt: skip
    return declared[system]


def _picked(inspection: Inspection, words: Sequence[str]) -> list[Proposal]:
    picked, faults = [], []
    for word in words:
        name, _, kind = word.partition("=")
        found = [one for one in inspection.proposals if _is_named(one.dataset, one.column, name)]
        if len(found) == 1:
            one = found[0]
            picked.append(Proposal(one.dataset, one.column, kind or one.kind, one.confidence))
            continue
        places = [
            (table.dataset, column.name)
            for table in inspection.catalogue.tables.values()
            for column in table.columns
            if _is_named(table.dataset, column.name, name)
        ]
        if kind and len(places) == 1:
            picked.append(Proposal(*places[0], kind, 1.0))
        elif len(found) > 1 or len(places) > 1:
            faults.append(f"`{name}` is in more than one schema")
        elif places:
            faults.append(f"`{name}` is not proposed: say its kind, `{name}=KIND`")
        else:
            faults.append(f"there is no column `{name}`")
    if faults:
        raise InputError("; ".join(faults), hint="write [SCHEMA.]TABLE.COLUMN, separated by commas")
    return picked


def _is_named(dataset: str, column: str, name: str) -> bool:
    table = (split_name(dataset) or ("", dataset))[1]
    return name in {f"{dataset}.{column}", f"{quote_name(('x', table))[2:]}.{column}"}


def confirm(home: Path, declaration: SystemDeclaration) -> tuple[str, Declarations]:
    """Add what was confirmed to the home's attribution file; return the difference, if any.

    The file before is kept beside it.  What was declared before stays as it was.
    """
    path = home / ATTRIBUTION_FILE
    before = load_attribution(home)
    after = merged(before, declaration)
    text = render_attribution(after)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if before == after:
        return "", after
    parse_attribution(text, origin=str(path))  # Refused whole before it is written.
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), text.splitlines(keepends=True),
        ATTRIBUTION_FILE, ATTRIBUTION_FILE,
    )  # fmt: skip
    if old:
        _write(path.with_suffix(".before.yaml"), old)
    _write(path, text)
    return "".join(lines), after


def _write(path: Path, text: str) -> None:
    """Write a file that only the owner reads, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def inspected_event(inspection: Inspection, *, time: int) -> Event:
    """Return the event that somebody looked into a database, and what it had set."""
    server = inspection.server
    return own_event(
        time=time, source=CONNECT, action="read", operation=INSPECTED,
        actor_id=local_owner().person, actor_type="person", resource_dataset=inspection.system,
        attributes={
            "system": inspection.system, "where": inspection.where,
            "version": server.version_text, "missing": [one.name for one in inspection.missing],
            "unaudited": unaudited_classes(server), "overrides": list(server.overrides),
            "tables": len(inspection.catalogue.tables), "sampled_tables": inspection.sampled,
            "proposed": len(inspection.proposals),
        },
    )  # fmt: skip


def confirmed_event(declaration: SystemDeclaration, *, difference: str, time: int) -> Event:
    """Return the event that somebody confirmed what names data subjects and persons."""
    return own_event(
        time=time, source=CONNECT, action="configure", operation=CONFIRMED,
        actor_id=local_owner().person, actor_type="person", resource_dataset=declaration.system,
        attributes={"system": declaration.system, "difference": difference},
    )  # fmt: skip
