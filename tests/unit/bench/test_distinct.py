"""Copies of records that share no text, and events in the shape of Windows'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
import pytest

from ombud.bench.distinct import distinct_lines
from ombud.bench.load import cloudtrail_lines


def texts(value: Any) -> Iterator[str]:
    """Yield every text at whatever depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def shape(value: Any) -> Any:
    """Return a record with every text replaced by the same one."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "" if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("value", "made"),
    [
        pytest.param("GetObject", "GetObject 0-{n}", id="text"),
        pytest.param("", " 0-{n}", id="empty"),
        pytest.param("C:\\Windows\\cmd.exe", "C:\\0-{n}\\Windows\\cmd.exe", id="path"),
        pytest.param('"C:\\a.exe" /x', '"C:\\0-{n}\\a.exe" /x', id="command line"),
        pytest.param("run C:\\a.exe", "run C:\\a.exe 0-{n}", id="text before a path"),
        pytest.param("192.0.2.7", "10.0.0.{n}", id="address"),
        pytest.param("1.2.3", "1.2.3 0-{n}", id="no address"),
        pytest.param('ütf \u2028 "quoted"', 'ütf \u2028 "quoted" 0-{n}', id="escapes"),
    ],
)
def test_text_is_made_distinct(value: str, made: str) -> None:
    """Where the number goes depends on what the text looks like; the rest stays."""
    lines = distinct_lines([orjson.dumps({"a": value})], 3)

    assert [orjson.loads(line)["a"] for line in lines] == [made.format(n=n) for n in range(3)]


def test_no_text_comes_twice() -> None:
    """Copies have the shape of their originals and no text in common."""
    originals = list(islice(cloudtrail_lines(None, 50), 50))
    lines = [orjson.loads(line) for line in distinct_lines(originals, 500)]

    found = Counter(text for line in lines for text in set(texts(line)))

    assert max(found.values()) == 1
    for number, line in enumerate(lines):
        assert shape(line) == shape(orjson.loads(originals[number % 50]))


def test_kept_names_stay() -> None:
    """Texts under names that are kept are those of the original, at whatever depth."""
    original = {"name": "A", "list": [{"name": "B", "other": "C"}], "number": 7, "none": None}
    (line,) = distinct_lines([orjson.dumps(original)], 1, kept=["name"], start=255)

    assert orjson.loads(line) == {**original, "list": [{"name": "B", "other": "C 0-ff"}]}
