"""Things: what attempts are on, with what they inherit from what they are made of.

A dataset that is derived from others carries the words of all of them: it is
intended for a purpose only if each of them is, and prohibited where any is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ombud.access.model import Dataset, Entity
from ombud.access.purposes import PurposeTree
from ombud.core.errors import InputError

DATASET = "dataset"
ThingKey = tuple[str, str]


class Thing:
    """One resource: a declared dataset, a stored entity, or a name of a known type.

    `origins` are itself and all its sources.  `intended` lists, for each of them
    that says so, the purposes it is meant for; `barred` those it must not serve.
    `columns` maps each declared column to its classes; None where none are declared, and
    then `likely` does so for those that its sources declare.
    `barred_columns` are (name for reasons, column, purposes).
    """

    __slots__ = (
        "attributes",
        "barred",
        "barred_columns",
        "classifications",
        "columns",
        "id",
        "intended",
        "is_dataset",
        "is_stored",
        "likely",
        "origins",
        "system",
        "type",
    )

    def __init__(self, type_: str, id_: str, attributes: Mapping[str, Any] | None = None) -> None:
        self.type = type_
        self.id = id_
        self.is_stored = attributes is not None
        self.is_dataset = False
        self.origins: tuple[ThingKey, ...] = ((type_, id_),)
        self.system: str | None = None
        self.attributes: dict[str, Any] = {**(attributes or {}), "type": type_, "id": id_}
        self.classifications: frozenset[str] = frozenset()
        self.columns: dict[str, frozenset[str]] | None = None
        self.likely: dict[str, frozenset[str]] = {}
        self.intended: tuple[tuple[str, int], ...] = ()
        self.barred: tuple[tuple[str, int], ...] = ()
        self.barred_columns: tuple[tuple[str, str, int], ...] = ()


def make_things(
    datasets: Iterable[Dataset], entities: Iterable[Entity], tree: PurposeTree
) -> dict[ThingKey, Thing]:
    """Return all that is declared by (type, id).

    Raises `InputError` on a dataset that is declared twice, derived from itself or from
    one that is not declared, or speaks of a purpose there is not.
    """
    by_id: dict[str, Dataset] = {}
    for dataset in datasets:
        if dataset.id in by_id:
            raise InputError(f"dataset `{dataset.id}` is declared twice")
        by_id[dataset.id] = dataset
    things: dict[ThingKey, Thing] = {}
    for entity in entities:
        key = (entity.type, entity.id)
        if key in things:
            raise InputError(f"entity `{entity.type}:{entity.id}` is declared twice")
        things[key] = Thing(*key, entity.attributes)
    origins: dict[str, tuple[str, ...]] = {}
    for dataset in by_id.values():
        _trace(dataset.id, by_id, origins)
        key = (dataset.type, dataset.id)
        stored = things[key].attributes if key in things else {}
        things[key] = _make_thing(dataset, stored, by_id, origins[dataset.id], tree)
    return things


def _trace(name: str, by_id: Mapping[str, Dataset], origins: dict[str, tuple[str, ...]]) -> None:
    """Find what a dataset is made of: itself first, then its sources, however deep."""
    path: list[str] = []  # From `name` to what is being looked at.
    waiting: list[tuple[str, bool]] = [(name, False)]
    while waiting:
        current, is_done = waiting.pop()
        if is_done:
            path.pop()
            found = dict.fromkeys([current])
            for source in by_id[current].sources:
                found.update(dict.fromkeys(origins[source]))
            origins[current] = tuple(found)
        elif current in path:
            circle = " from ".join(f"`{step}`" for step in [*path[path.index(current) :], current])
            raise InputError(f"a dataset is derived from itself: {circle}")
        elif current not in origins:
            path.append(current)
            waiting.append((current, True))
            for source in by_id[current].sources:
                if source not in by_id:
                    raise InputError(
                        f"dataset `{current}` is derived from `{source}`, which is not declared"
                    )
                waiting.append((source, False))


def _make_thing(
    dataset: Dataset,
    stored: Mapping[str, Any],
    by_id: Mapping[str, Dataset],
    names: tuple[str, ...],
    tree: PurposeTree,
) -> Thing:
    thing = Thing(dataset.type, dataset.id, {**stored, **dataset.attributes})
    origins = [by_id[name] for name in names]
    thing.is_dataset = True
    thing.origins = tuple((origin.type, origin.id) for origin in origins)
    thing.system = dataset.system
    if dataset.system is not None:
        thing.attributes["system"] = dataset.system
    thing.classifications = frozenset(
        label for origin in origins for label in origin.classifications
    )
    thing.intended = tuple(
        (origin.id, tree.allowed_by(origin.intended))
        for origin in origins
        if origin.intended is not None
    )
    thing.barred = tuple(
        (origin.id, tree.barred_by(origin.prohibited)) for origin in origins if origin.prohibited
    )
    _check_columns(dataset)
    if dataset.columns:
        thing.columns = _classes([column.name for column in dataset.columns], origins)
    else:
        # Nobody said which columns it has: any of its sources' may be among them.
        every = (column.name for origin in origins for column in origin.columns)
        thing.likely = _classes(every, origins)
    # A column that bears the name of a source's column is taken to be that column.
    thing.barred_columns = tuple(
        (f"{origin.id}.{column.name}", column.name, tree.barred_by(column.prohibited))
        for origin in origins
        for column in origin.columns
        if column.prohibited and (thing.columns is None or column.name in thing.columns)
    )
    return thing


def _check_columns(dataset: Dataset) -> None:
    names: set[str] = set()
    for column in dataset.columns:
        if column.name in names:
            raise InputError(f"dataset `{dataset.id}` has the column `{column.name}` twice")
        names.add(column.name)


def _classes(names: Iterable[str], origins: Iterable[Dataset]) -> dict[str, frozenset[str]]:
    """Return the classes of columns, from wherever a column of that name is declared."""
    classes: dict[str, set[str]] = {name: set() for name in names}
    for origin in origins:
        for column in origin.columns:
            if column.name in classes:
                classes[column.name].update(column.classifications)
    return {name: frozenset(labels) for name, labels in classes.items()}
