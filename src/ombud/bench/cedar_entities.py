"""Cedar entities: who and what there is in a world, in Cedar's own hierarchies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ombud.bench.random_world import World


def list_entities(world: World) -> list[dict[str, Any]]:
    """Return purposes below purposes, data below its sources, actors in units and roles."""
    policy = world.policy
    made = [
        _entity("Purpose", each.id, {}, [("Purpose", each.parent)] if each.parent else [])
        for each in policy.purposes
    ]
    made += [
        _entity(
            "Thing_dataset",
            each.id,
            each.attributes,
            [("Thing_dataset", source) for source in each.sources],
        )
        for each in policy.datasets
    ]
    known: dict[tuple[str, str], dict[str, Any]] = dict(world.directory)
    for entity in policy.entities:
        if entity.type == "record":
            made.append(_entity("Thing_record", entity.id, entity.attributes, []))
        else:
            key = (entity.type, entity.id)
            known[key] = {**known.get(key, {}), **entity.attributes}
    for (type_, id_), attributes in known.items():
        parents = [("Unit", unit) for unit in attributes.get("units", ())]
        parents += [("Unit", attributes["unit"])] if "unit" in attributes else []
        parents += [("Role", attributes["role"])] if "role" in attributes else []
        kept = {n: v for n, v in attributes.items() if n not in {"unit", "units", "role"}}
        made.append(_entity(f"Actor_{type_}", id_, {**kept, "is_stored": True}, parents))
    return made


def _entity(
    type_: str, id_: str, attributes: Mapping[str, Any], parents: list[tuple[str, str]]
) -> dict[str, Any]:
    return {
        "uid": {"type": type_, "id": id_},
        "attrs": dict(attributes),
        "parents": [{"type": kind, "id": name} for kind, name in dict.fromkeys(parents)],
    }
