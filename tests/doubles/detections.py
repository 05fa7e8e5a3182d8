"""Detections: random conditions and events, made of few words so that they often meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from ombud.detect.guidance import Guidance
from ombud.detect.logsource import LogSource
from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.predicates import (
    Compare,
    Network,
    Number,
    NumberWithin,
    Predicate,
    Regex,
    TimePart,
    Truth,
    Wild,
    text_pattern,
)
from ombud.detect.matching.tree import All, Not, Some
from ombud.detect.rule import Rule

NAMES = ("a", "b", "c", "n.x", "n.y", "n")
# Letters that fold in odd ways, what JSON escapes, and what patterns are made of.
PIECES = ("a", "A", "b", "ab", "abc", "İ", "\u017f", "\u212a", "ß", "Σ", "ς", "\0", "\\", "/", '"',
          "é", "1", "*", "?", ".", " ", "\n", "cmd.exe", "10.0.0.1", "true", "null")  # fmt: skip

texts = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
numbers = st.sampled_from((0, 1, -1, 1.0, 1.5, 10, 4624, 2**53 - 1, -0.0, 1e16, 2**64))
addresses = st.sampled_from(
    ("10.0.0.1", "10.1.2.3", "::ffff:10.0.0.1", "fe80::1", "fe80::1%eth0", "010.0.0.1", "::1")
)
instants = st.sampled_from(("2026-11-22T23:05:00Z", "2026-11-22", 1_795_348_800_000, 10**20, -1))
scalars = st.one_of(texts, numbers, addresses, instants, st.booleans(), st.none(), numbers.map(str))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("x", "y", "a")), inner, max_size=2),
    ),
    max_leaves=5,
)
events: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(NAMES), values, max_size=4
)

tokens = st.lists(
    st.one_of(st.sampled_from(PIECES), st.sampled_from(Wild), st.just(Wild.MANY)), max_size=5
)
patterns = st.builds(lambda parts, cased: text_pattern(parts, cased=cased), tokens, st.booleans())
expressions = st.builds(
    Regex,
    st.sampled_from(("a", "^a", "b$", "a.b", "[aß]+", r"\d{2}", "", "^$", r"(?i)k", r"\.", "s")),
    st.sampled_from((0, 2, 8, 16, 26)),
)
networks = st.sampled_from(
    ("10.0.0.0/8", "10.0.0.1/32", "0.0.0.0/0", "::/0", "fe80::/10", "::ffff:0:0/96", "::1/128")
).map(Network)
operators = st.sampled_from(("lt", "lte", "gt", "gte", "neq"))
parts = st.sampled_from(("minute", "hour", "day", "week", "month", "year"))
comparisons = st.builds(
    Compare, operators, st.sampled_from((0, 1, 1.5, 22, 2026)), st.one_of(st.none(), parts)
)
predicates: st.SearchStrategy[Predicate] = st.one_of(
    patterns,
    patterns,
    expressions,
    networks,
    comparisons,
    st.builds(TimePart, parts, st.sampled_from((22, 23, 47, 2026))),
    st.sampled_from(("1", "0", "1.5", "4624", "-1", "1e+16")).map(Number),
    st.booleans().map(Truth),
)
keywords = st.one_of(
    tokens.map(lambda some: text_pattern([Wild.MANY, *some, Wild.MANY])),
    expressions,
    st.sampled_from(("1", "true", "10")).map(NumberWithin),
)
fields = st.sampled_from(NAMES)
atoms: st.SearchStrategy[Node] = st.one_of(
    st.builds(FieldIs, fields, predicates),
    st.builds(FieldIs, fields, predicates),
    st.builds(FieldIs, fields, predicates),
    st.builds(FieldIsNull, fields),
    st.builds(FieldExists, fields, st.booleans()),
    st.builds(FieldsAgree, fields, fields, st.booleans(), st.booleans()),
    st.builds(Keyword, keywords),
)
trees: st.SearchStrategy[Node] = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(tuple).map(All),
        st.lists(inner, max_size=4).map(tuple).map(Some),
        st.builds(Not, inner),
    ),
    max_leaves=8,
)


def rules_of(nodes: Sequence[Node]) -> list[Rule]:
    """Return rules that have these conditions."""
    source = LogSource(None, None, None)
    return [
        Rule(
            id=f"r{number}",
            version="1",
            title="T",
            level="low",
            path="t.yml",
            logsource=source,
            tree=node,
            fields=frozenset(node.fields()),
            guidance=Guidance(),
        )
        for number, node in enumerate(nodes)
    ]


def plain_hits(rules: Sequence[Rule], views: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    """Return what the definition of the rules finds, row by row."""
    return [
        (row, number)
        for row, view in enumerate(views)
        for number, rule in enumerate(rules)
        if rule.tree.is_match(view)
    ]
