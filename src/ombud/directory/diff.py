"""Diff: what a load would add, change and remove, kind by kind, in a stable order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ombud.directory.kinds import Kind

SAMPLE_COUNT = 5  # Rows of each sort that a diff shows; the counts say how many there are.


@dataclass(frozen=True, slots=True)
class KindDiff:
    """The difference of one kind: ids of rows, in order; `count` is of those that are offered.

    `offered` has the bodies of what is put, `loaded` those that are shown.
    """

    kind: Kind
    added: list[str]
    changed: list[str]
    removed: list[str]
    count: int
    loaded: Mapping[str, str]
    offered: Mapping[str, str]

    @property
    def unchanged(self) -> int:
        """How many rows are as they are loaded."""
        return self.count - len(self.added) - len(self.changed)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.added or self.changed or self.removed)

    def to_dict(self) -> dict[str, Any]:
        """Return counts and a few rows of each sort."""
        changed = [
            {"before": self._row(self.loaded[id_]), "after": self._row(self.offered[id_])}
            for id_ in self.changed[:SAMPLE_COUNT]
        ]
        return {
            "added": len(self.added),
            "changed": len(self.changed),
            "removed": len(self.removed),
            "unchanged": self.unchanged,
            "samples": {
                "added": [self._row(self.offered[id_]) for id_ in self.added[:SAMPLE_COUNT]],
                "changed": changed,
                "removed": [self._row(self.loaded[id_]) for id_ in self.removed[:SAMPLE_COUNT]],
            },
        }

    def _row(self, body: str) -> dict[str, Any]:
        values = zip(self.kind.names, orjson.loads(body), strict=True)
        return {name: value for name, value in values if value is not None}


def compare_kind(kind: Kind, loaded: Mapping[str, str], offered: Mapping[str, str]) -> KindDiff:
    """Return the difference between rows as they are loaded and as offered: body by id."""
    added = sorted(id_ for id_ in offered if id_ not in loaded)
    changed = sorted(id_ for id_, body in offered.items() if loaded.get(id_, body) != body)
    removed = sorted(id_ for id_ in loaded if id_ not in offered)
    # Of two large directories that are nearly the same, next to nothing is kept.
    shown = (*changed[:SAMPLE_COUNT], *removed[:SAMPLE_COUNT])
    return KindDiff(
        kind,
        added,
        changed,
        removed,
        count=len(offered),
        loaded={id_: loaded[id_] for id_ in shown},
        offered={id_: offered[id_] for id_ in (*added, *changed)},
    )
