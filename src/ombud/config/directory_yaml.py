"""YAML: kinds of directory rows by name, each a list of mappings, with their lines.

Meant for what people write by hand; tables of any size are CSV.
"""

from __future__ import annotations

import difflib

import yaml

from ombud.config.directory_csv import column_fault, normal, read_row
from ombud.config.directory_values import ValueReader
from ombud.config.strict_yaml import YamlFault, compose_yaml
from ombud.directory.faults import Faults
from ombud.directory.kinds import KINDS, Kind, Row, Rows

YAML_SIZE_MAX = 8 << 20  # Bytes: each value becomes an object with its place.
_NAME_MAX = 60  # Characters of a name that can be one.
DEPTH_MAX = 8  # Kinds, rows and columns are three; deeper is a mistake that still has its line.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # Every scalar is text.


def read_yaml(text: str, *, file: str, values: ValueReader, faults: Faults) -> Rows:
    """Return the rows of a file by kind, those without fault; every fault has its line."""
    if len(text) > YAML_SIZE_MAX:
        faults.add(file, 0, f"larger than {YAML_SIZE_MAX} characters; write large tables as CSV")
        return {}
    try:
        tree = compose_yaml(text, depth_max=DEPTH_MAX, loader=_Loader)
    except YamlFault as fault:
        faults.add(file, fault.line, fault.reason)
        return {}
    if not isinstance(tree, yaml.MappingNode):
        faults.add(file, 1, f"no mapping of kinds; there are {', '.join(KINDS)}")
        return {}
    rows: Rows = {}
    for key, node in tree.value:
        line = key.start_mark.line + 1
        kind = KINDS.get(_name(key))
        if kind is None:
            faults.add(file, line, _kind_fault(_name(key), faults))
        elif kind.name in rows:
            faults.add(file, line, f"`{kind.name}` stands twice")
        else:
            rows[kind.name] = _rows(kind, node, file=file, values=values, faults=faults)
    return rows


def _rows(
    kind: Kind, node: yaml.Node, *, file: str, values: ValueReader, faults: Faults
) -> list[Row]:
    if isinstance(node, yaml.ScalarNode) and node.value in {"", "null", "~"}:
        return []
    if not isinstance(node, yaml.SequenceNode):
        faults.add(file, node.start_mark.line + 1, f"`{kind.name}` is not a list of rows")
        return []
    rows = []
    for item in node.value:
        fields = _fields(kind, item, file=file, faults=faults)
        if fields is not None:
            places = [
                (column, number if column.name in fields else None)
                for number, column in enumerate(kind.columns)
            ]
            written = [fields.get(name, "") for name in kind.names]
            line = item.start_mark.line + 1
            row = read_row(places, written, file=file, line=line, values=values, faults=faults)
            rows += [row] if row is not None else []
    return rows


def _name(key: yaml.Node) -> str:
    """Return a key as text; one that is a list or a mapping is no name."""
    return str(key.value)[:_NAME_MAX] if isinstance(key, yaml.ScalarNode) else "…"


def _kind_fault(name: str, faults: Faults) -> str:
    near = [] if faults.is_full else difflib.get_close_matches(name, KINDS, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(KINDS)}"
    return f"unknown kind `{name}`: {hint}"


def _fields(kind: Kind, node: yaml.Node, *, file: str, faults: Faults) -> dict[str, str] | None:
    """Return what is written of one row by column, or none with its faults."""
    if not isinstance(node, yaml.MappingNode):
        faults.add(file, node.start_mark.line + 1, f"a row of {kind.name} is no mapping of columns")
        return None
    fields: dict[str, str] = {}
    before = faults.count
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = normal(_name(key))
        if name not in kind.names:
            faults.add(file, line, column_fault(name, kind, faults))
        elif name in fields:
            faults.add(file, line, f"column `{name}` stands twice")
        elif not isinstance(value, yaml.ScalarNode):
            faults.add(file, line, f"`{name}` is not one value")
        else:
            is_null = value.value in {"null", "~"} and value.style in {None, ""}
            fields[name] = "" if is_null else str(value.value)
    return fields if faults.count == before else None
