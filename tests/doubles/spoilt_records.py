"""Spoilt records: JSON records with members replaced, removed, or put somewhere else."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

HOSTILE: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1 << 70, -(1 << 64), 1.5, 1e308, True, False, [], {}, [[]], [None],
    [{}], {"": ""}, "\ud800", "a\x00b", "x" * 10_000, "2026-13-45T99:99:99Z", "9" * 400,
    {"type": "type"}, {"id": {"id": {"id": None}}}, [1, "a", None, {"b": []}], "{", "[", '{"a":',
    {"level": 1, "payload": {"payload": []}}, "\u202e", "0001-01-01T00:00:00+23:59",
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        inner = [place for key in value for place in _places(value[key], (*path, key))]
    elif isinstance(value, list):
        inner = [place for n, item in enumerate(value) for place in _places(item, (*path, n))]
    else:
        inner = []
    return [path, *inner] if path else inner


@st.composite
def spoilt(draw: st.DrawFn, records: list[dict[str, Any]]) -> bytes:
    """Draw one of the records with up to four members spoilt, as JSON text."""
    record = copy.deepcopy(draw(st.sampled_from(records)))
    for _ in range(draw(st.integers(1, 4))):
        places = _places(record)
        if not places:
            break
        *way, last = draw(st.sampled_from(places))
        parent: Any = record
        for step in way:
            parent = parent[step]
        if draw(st.booleans()):
            parent[last] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
        elif isinstance(parent, dict):
            del parent[last]
        else:
            parent[last] = {"nested": parent[last]}
    return json.dumps(record, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
