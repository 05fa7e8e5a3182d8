"""Policy datasets: datasets, entities and declared attributes, read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from ombud.access.condition_types import ATTRIBUTE_TYPES, BUILT_IN
from ombud.access.model import Attributes, Column, Dataset, Entity
from ombud.config.policy_reader import Reader, Spot, show, suggest
from ombud.config.policy_rules import read_approval

DATASET = (
    "type", "system", "title", "owner", "approval", "columns", "subject", "classifications",
    "intended", "prohibited", "sources", "attributes",
)  # fmt: skip
COLUMN = ("type", "classifications", "prohibited")
OTHER = "other"  # A column whose type conditions do not know.
COLUMN_TYPES = (*ATTRIBUTE_TYPES[:-1], OTHER)
ROOTS = ("actor", "resource", "action", "context")
ATTRIBUTES = (*ROOTS, "stated")
ITEMS_MAX = 1_000  # Texts of one stored attribute.
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)


def read_dataset(reader: Reader, name: str, spot: Spot) -> Dataset:
    """Return one dataset."""
    if "*" in name or name != name.strip():
        reader.fault(spot, "a dataset's name has no `*` and no blanks around it")
    members = reader.mapping(spot, DATASET)
    return Dataset(
        id=name,
        type=members.name("type", "dataset"),
        system=members.text("system", None),
        title=members.text("title"),
        owner=members.actor("owner"),
        approval=read_approval(reader, members.get("approval")),
        columns=_columns(reader, members.get("columns")),
        subject=members.name("subject", None),
        classifications=members.names("classifications"),
        intended=members.names("intended", None),
        prohibited=members.names("prohibited"),
        sources=members.texts("sources"),
        attributes=_values(reader, members.get("attributes")),
    )


def _columns(reader: Reader, spot: Spot | None) -> tuple[Column, ...]:
    found = []
    for name, entry in reader.entries(spot).items():
        if isinstance(entry.node, yaml.ScalarNode):
            kind = "string" if entry.is_null else reader.text(entry)
            if kind and kind not in COLUMN_TYPES:
                near = suggest(kind, COLUMN_TYPES) or f": one of {', '.join(COLUMN_TYPES)}"
                reader.fault(entry, f"unknown type `{show(kind)}`{near}")
            found.append(Column(name=name, type=kind or OTHER))
            continue
        members = reader.mapping(entry, COLUMN)
        found.append(
            Column(
                name=name,
                type=members.choice("type", COLUMN_TYPES, "string"),
                classifications=members.names("classifications"),
                prohibited=members.names("prohibited"),
            )
        )
    return tuple(found)


def read_entities(reader: Reader, spot: Spot | None) -> dict[str, Entity]:
    """Return entities by the key at which they stand."""
    found = {}
    for kind, group in reader.entries(spot).items():
        reader.check_name(group, kind)
        for name, entry in reader.entries(group).items():
            values = _values(reader, entry)
            found[entry.key] = Entity(type=kind, id=name, attributes=values)
    return found


def _values(reader: Reader, spot: Spot | None) -> Mapping[str, Any]:
    values = {}
    for name, entry in reader.entries(spot).items():
        if isinstance(entry.node, yaml.SequenceNode):
            items = reader.items(entry)
            if len(items) > ITEMS_MAX:
                reader.fault(entry, f"more than {ITEMS_MAX} items")
            values[name] = tuple(reader.text(item) for item in items[:ITEMS_MAX])
        elif isinstance(entry.node, yaml.ScalarNode):
            values[name] = _scalar(reader, entry)
        else:
            reader.fault(entry, "must be one value or a list of texts")
    return values


def _scalar(reader: Reader, spot: Spot) -> Any:
    tag, text = spot.node.tag.rpartition(":")[2], str(spot.node.value)
    if tag == "bool":
        return reader.flag(spot)
    if tag == "int" and _WHOLE.fullmatch(text):
        return int(text)
    if tag == "float":
        try:
            number = float(text)
        except ValueError:
            number = math.inf
        if math.isfinite(number):
            return number
        reader.fault(spot, f"`{show(text)}` is no number; put it in quotes if it is a text")
        return 0.0
    return reader.text(spot)


def read_attributes(
    reader: Reader, spot: Spot | None, known: dict[str, dict[str, str]], stated: dict[str, None]
) -> None:
    """Add the declared attributes of one file to those known already."""
    members = reader.mapping(spot, ATTRIBUTES)
    for root in ROOTS:
        for name, entry in reader.entries(members.get(root)).items():
            kind = reader.text(entry)
            if not _WORD.fullmatch(name):
                reader.fault(entry, "an attribute's name has letters, digits and `_` only")
            elif kind and kind not in ATTRIBUTE_TYPES:
                near = suggest(kind, ATTRIBUTE_TYPES) or f": one of {', '.join(ATTRIBUTE_TYPES)}"
                reader.fault(entry, f"unknown type `{show(kind)}`{near}")
            elif BUILT_IN[root].get(name, kind) != kind:
                message = f"is built in, and of type {BUILT_IN[root][name]}"
                reader.fault(entry, message)
            elif known[root].get(name, kind) != kind:
                reader.fault(entry, f"is declared as {known[root][name]} elsewhere")
            else:
                known[root][name] = kind
    stated.update(dict.fromkeys(members.names("stated")))


def check_stated(reader: Reader, attributes: Attributes) -> None:
    """Check that what an asking program may state of an actor is declared of actors."""
    for name in attributes.stated:
        if name in {"id", "type"}:
            reader.fault_at("attributes.stated", f"`{name}` is what an actor is, never stated")
        elif name not in {**attributes.actor, **BUILT_IN["actor"]}:
            near = suggest(name, attributes.actor)
            reader.fault_at("attributes.stated", f"unknown attribute `actor.{show(name)}`{near}")
