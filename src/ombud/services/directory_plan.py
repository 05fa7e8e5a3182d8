"""Directory plan: what files would change, and everything that is wrong with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from ombud.config.directory_files import DirectoryFile, Offered, read_directory_files
from ombud.config.directory_values import zone_names
from ombud.directory.checks import check_parts, check_rows
from ombud.directory.diff import KindDiff, compare_kind
from ombud.directory.faults import Faults
from ombud.directory.kinds import KINDS, Rows, body_of, row_id
from ombud.services.directory_wanted import DirectoryWanted
from ombud.store.directory import DirectoryTables, bodies_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load would do.

    `rows` is the whole directory as it would be, `base` the load it was compared
    with.  With faults there are no differences: what could not be read is not gone.
    """

    base: int
    rows: Rows
    faults: Faults
    diffs: list[KindDiff]
    sha256: str
    files: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each kind are given."""
        return {diff.kind.name: diff.count for diff in self.diffs}

    def to_dict(self) -> dict[str, Any]:
        """Return it for a person to decide on."""
        return {
            "compared_with": self.base,
            "files": self.files,
            "sha256": self.sha256,
            "kinds": {diff.kind.name: diff.to_dict() for diff in self.diffs},
            "is_empty": all(diff.is_empty for diff in self.diffs),
            "faults": [{**one.to_dict(), "text": str(one)} for one in self.faults.shown],
            "fault_count": self.faults.count,
        }


def make_plan(wanted: DirectoryWanted, tables: DirectoryTables, *, zone: str) -> Plan:
    """Return what a load would do; raises `InputError` for options that are wrong."""
    offered = read_directory_files(
        [DirectoryFile(one.name, one.data) for one in wanted.files],
        zone=wanted.zone or zone,
        encoding=wanted.encoding,
        kind=wanted.kind,
    )
    base = tables.stamp()
    staying = tables.rows(kind for kind in KINDS if kind not in offered.rows)
    rows = {kind: offered.rows[kind] if kind in offered.rows else staying[kind] for kind in KINDS}
    # A row that could not be read is not missing: what names it is no fault.
    check = check_parts if offered.faults else check_rows
    check(rows, zones=zone_names(), faults=offered.faults)
    diffs, sha256 = ([], "") if offered.faults else _differences(offered, tables)
    return Plan(base, rows, offered.faults, diffs, sha256, offered.names)


def _differences(offered: Offered, tables: DirectoryTables) -> tuple[list[KindDiff], str]:
    """Return the differences, and the hash of what is offered, whatever is loaded."""
    diffs = []
    digest = hashlib.sha256()
    for name, kind in KINDS.items():
        rows = offered.rows.get(name)
        if rows is None:
            continue
        bodies = {row_id(kind, row.values): body_of(row.values) for row in rows}
        diffs.append(compare_kind(kind, tables.bodies(name), bodies))
        digest.update(f"{name}\n".encode())  # An empty kind is content too.
        for line in bodies_of(bodies.items()):
            digest.update(line.encode())
    return diffs, digest.hexdigest()
