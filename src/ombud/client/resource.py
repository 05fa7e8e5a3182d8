"""Resource: what a program is about to touch, as it names it to the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing of a type; `columns` are those whose values will be seen."""

    type: str
    id: str
    columns: tuple[str, ...] | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as AuthZEN puts it."""
        properties = dict(self.properties)
        if self.columns is not None:
            properties["columns"] = list(self.columns)
        stated = {"properties": properties} if properties else {}
        return {"type": self.type, "id": self.id, **stated}


def dataset(name: str, *, columns: Sequence[str] | None = None, **properties: Any) -> Resource:
    """Return a dataset, with the columns whose values will be seen."""
    return Resource("dataset", name, None if columns is None else tuple(columns), properties)
