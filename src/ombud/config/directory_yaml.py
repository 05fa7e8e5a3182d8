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
_NAME_MAX = 60  # Characters of a name that can be one.
DEPTH_MAX = 8  # Kinds, rows and columns are three; deeper is a mistake that still has its line.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # Every scalar is text.


def read_yaml(text: str, *, file: str, values: ValueReader, faults: Faults) -> Rows:
    """Return the rows of a file by kind, those without fault; every fault has its line."""
    if len(text) > YAML_SIZE_MAX:
        faults.add(file, 0, f"larger than {YAML_SIZE_MAX} characters; write large tables as CSV")
        return {}
    try:
        if not _is_plain(text, file, faults):
            return {}
        tree = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be read"
        faults.add(file, mark.line + 1 if mark else 1, f"not YAML: {problem}")
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


def _is_plain(text: str, file: str, faults: Faults) -> bool:
    """Check the shape of a file before it is made a tree, or add the fault.

    Making one recurses: a million brackets would end the process.  What refers to
    itself, or to much by few words, has no place in a table.
    """
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        is_alias = isinstance(event, yaml.AliasEvent)
        if is_alias or depth > DEPTH_MAX:
            reason = "aliases are not allowed" if is_alias else "nested too deeply"
            mark = event.start_mark
            faults.add(file, mark.line + 1 if mark else 1, reason)
            return False
    return True


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
