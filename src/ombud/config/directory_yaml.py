"""YAML: kinds of directory rows by name, each a list of mappings, with their lines.

Meant for what people write by hand; tables of any size are CSV.
"""

from __future__ import annotations

import difflib

import yaml

from ombud.config.directory_csv import column_fault, normal, read_row
from ombud.config.directory_values import ValueReader
from ombud.directory.faults import Faults
from ombud.directory.kinds import KINDS, Kind, Row, Rows

YAML_SIZE_MAX = 8 << 20  # Bytes: each value becomes an object with its place.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # Every scalar is text.


def read_yaml(text: str, *, file: str, values: ValueReader, faults: Faults) -> Rows:
    """Return the rows of a file by kind, those without fault; every fault has its line."""
    if len(text) > YAML_SIZE_MAX:
        faults.add(file, 0, f"larger than {YAML_SIZE_MAX} characters; write large tables as CSV")
        return {}
    try:
        tree = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "nested too deeply"
        faults.add(file, mark.line + 1 if mark else 1, f"not YAML: {problem}")
        return {}
    if not isinstance(tree, yaml.MappingNode):
        faults.add(file, 1, f"no mapping of kinds; there are {', '.join(KINDS)}")
        return {}
    rows: Rows = {}
    for key, node in tree.value:
        line = key.start_mark.line + 1
        kind = KINDS.get(str(key.value))
        if kind is None:
            near = difflib.get_close_matches(str(key.value), KINDS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(KINDS)}"
            faults.add(file, line, f"unknown kind `{key.value}`: {hint}")
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


def _fields(kind: Kind, node: yaml.Node, *, file: str, faults: Faults) -> dict[str, str] | None:
    """Return what is written of one row by column, or none with its faults."""
    if not isinstance(node, yaml.MappingNode):
        faults.add(file, node.start_mark.line + 1, f"a row of {kind.name} is no mapping of columns")
        return None
    fields: dict[str, str] = {}
    before = faults.count
    for key, value in node.value:
        line = key.start_mark.line + 1
        name = normal(str(key.value))
        if name not in kind.names:
            faults.add(file, line, column_fault(name, kind))
        elif name in fields:
            faults.add(file, line, f"column `{name}` stands twice")
        elif not isinstance(value, yaml.ScalarNode):
            faults.add(file, line, f"`{name}` is not one value")
        else:
            is_null = value.value in {"null", "~"} and value.style in {None, ""}
            fields[name] = "" if is_null else str(value.value)
    return fields if faults.count == before else None
