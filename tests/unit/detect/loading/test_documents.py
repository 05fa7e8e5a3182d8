"""Documents: YAML read as pySigma reads it, and hostile YAML refused in no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.rule.base import SigmaYAMLLoader

from ombud.core.errors import RuleError
from ombud.detect.loading import documents
from ombud.detect.loading.documents import Fault, parse_documents

TEXTS = [
    pytest.param("a: [1, 1.5, yes, null, ~, 0x1F, 1e3, 1_000, .5, 12:30, 2026-11-22]", id="plain"),
    pytest.param("a: ['1', \"no\", 'x', !!str 5, ! 6]", id="text"),
    pytest.param("a: |\n  b\n  c\nd: >\n  e\n  f\n", id="blocks"),
    pytest.param("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\ne: &y z\nf: *y\n", id="aliases"),
    pytest.param("---\na: 1\n---\n---\nb: 2\n...\n", id="several"),
    pytest.param("\ufeffa: 1\n", id="byte order mark"),
    pytest.param("{}", id="empty map"),
    pytest.param("5", id="scalar"),
    pytest.param("? a\n: b\n? 5\n: c\n", id="explicit keys"),
    pytest.param('a: "\\0\\x41\\u00e9\\N"', id="escapes"),
    pytest.param("a: 9999999999999999999999999999\nb: -.inf\n", id="large numbers"),
]


def expected(text: str) -> list[Any]:
    """Return what the loader of pySigma makes of a text, without empty documents."""
    found = yaml.load_all(text, Loader=SigmaYAMLLoader)
    return [document for document in found if document is not None]


@pytest.mark.parametrize("text", TEXTS)
def test_reads_as_pysigma_does(text: str) -> None:
    """Values, types and order of keys are those of pySigma's loader."""
    assert repr(parse_documents(text)) == repr(expected(text))
    assert repr(parse_documents(text.encode())) == repr(expected(text))


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), VALUES, min_size=1), min_size=1, max_size=3))
def test_reads_what_is_written(values: list[dict[str, Any]]) -> None:
    """Whatever YAML writes is read as it was, in either style."""
    for flow in (False, True):
        text = yaml.dump_all(
            values, Dumper=yaml.CSafeDumper, default_flow_style=flow, allow_unicode=True
        )

        assert repr(parse_documents(text)) == repr(expected(text))


def test_published_rules_are_read_as_pysigma_does(vectors: Path) -> None:
    """The documents of the whole corpus are those of pySigma's loader."""
    files = sorted((vectors / "sigma" / "rules").rglob("*.yml"))[::10]
    for file in files:
        text = file.read_bytes()
        assert repr(parse_documents(text)) == repr(expected(text.decode()))
    assert len(files) == 315


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("[" * 1_000_000, "nested deeper than 50 levels", id="brackets"),
        pytest.param("{" * 1_000_000, "nested deeper than 50 levels", id="braces"),
        pytest.param("- " * 500_000, "nested deeper than 50 levels", id="dashes"),
        pytest.param("? " * 500_000, "nested deeper than 50 levels", id="questions"),
        pytest.param("- a\n" * 250_000, "more than 200,000 values", id="elements"),
        pytest.param("a: \0", "control characters", id="NUL"),
        pytest.param(b"a: \xff\xfe", "invalid", id="no UTF-8"),
        pytest.param(b"\xff\xfea", "incomplete UTF-16", id="half of UTF-16"),
        pytest.param('a: "\\ud800"', "line 1:", id="half a character"),
        pytest.param("a: b: c", "line 1: mapping values are not allowed", id="no YAML"),
        pytest.param("a: *b", None, id="alias for nothing is of its document"),
    ],
)
def test_refuses_the_file(text: str | bytes, reason: str | None) -> None:
    """What is no YAML, or too much of it, takes the whole file."""
    if reason is None:
        assert isinstance(parse_documents(text)[0], Fault)
        return
    with pytest.raises(RuleError, match=r"^[^\n]*$") as caught:
        parse_documents(text)
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("b: 1\nb: 2", "line 3: duplicate key `b`", id="duplicate"),
        pytest.param("1: 1\ntrue: 2", "duplicate key `1`", id="equal numbers"),
        pytest.param("b:\n  c: 1\n  c: 2", "line 4: duplicate key `c`", id="duplicate inside"),
        pytest.param("? [b]\n: c", "a key is neither text nor number", id="list as key"),
        pytest.param("b: 2026-13-45", "month must be in 1..12", id="no date"),
        pytest.param("b: &b [*b]", "alias `b` stands for nothing", id="alias within itself"),
        pytest.param("<<: {b: 1}", "`<<` cannot be read", id="merged map"),
        pytest.param("b: !!python/object:os.system c", "could not determine", id="foreign tag"),
        pytest.param("b: !!set {c}", "tag `tag:yaml.org,2002:set` is not taken", id="set"),
        pytest.param("b: !!int c", "invalid literal", id="no integer"),
        pytest.param(f"b: {'9' * 5_000}", "number longer than 64", id="huge number"),
        pytest.param(f"b: 1{':1' * 300_000}", "number longer than 64", id="number to base 60"),
        pytest.param(
            "b: &b [1, 2]\n" + "c: &c [*b, *b]\nd: [" + "*c, " * 9_000 + "]",
            "aliases make more than 20,000 values",
            id="aliases",
        ),
        pytest.param(f"b: [{'1,' * 20_001}]", "rule holds more than 20,000 values", id="values"),
    ],
)
def test_faulty_document_leaves_its_neighbours(text: str, reason: str) -> None:
    """Any other fault is of its document; the others of the file are read."""
    first, faulty, last = parse_documents(f"a: 1\n---\n{text}\n---\na: 2\n")

    assert (first, last) == ({"a": 1}, {"a": 2})
    assert isinstance(faulty, Fault)
    assert reason in str(faulty)


def test_all_documents_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aliases in many documents do not add up either."""
    monkeypatch.setattr(documents, "FILE_VALUES_MAX", 1000)
    bomb = "b: &b [1, 2, 3, 4, 5, 6, 7, 8]\nc: [*b, *b, *b, *b, *b, *b]\n---\n"

    with pytest.raises(RuleError, match="file holds more than 1,000 values"):
        parse_documents(bomb * 20)
