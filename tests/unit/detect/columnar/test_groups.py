"""The form of a condition: groups shared, alternatives joined, what is unknown left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from doubles.detections import plain_hits, rules_of
from ombud.detect.columnar.groups import (
    Either,
    Every,
    Group,
    Opaque,
    Unless,
    fields_of,
    form_of,
    is_decided_by_fields,
)
from ombud.detect.columnar.program import Program
from ombud.detect.columnar.rates import Rates
from ombud.detect.columnar.rows import ViewRows
from ombud.detect.columnar.witness import choose_witnesses
from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.predicates import text_pattern
from ombud.detect.matching.tree import All, Not, Some

X, Y, Z = (text_pattern([name]) for name in ("xxxxxx", "yyyyyy", "zzzzzz"))


@dataclass(frozen=True)
class Even(Node):
    """A condition of a kind that programs do not know: an even number of fields."""

    def is_match(self, event: dict[str, Any]) -> bool:
        """Whether the number of fields is even."""
        return len(event) % 2 == 0

    def matched(self, event: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield nothing."""
        yield from ()

    def verdict(self, occurs: Any) -> bool | None:
        """Return nothing."""
        return None

    def fields(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()


def test_alternatives_for_one_field_are_one_group() -> None:
    """Nested lists are opened, and what is said twice is said once."""
    nested = Some((FieldIs("a", X), Some((FieldIs("b", Z), FieldIs("a", Y), FieldIs("a", X)))))

    assert form_of(nested) == Either((Group("a", frozenset((X, Y))), Group("b", frozenset((Z,)))))
    assert form_of(Some((FieldIs("a", X), FieldIs("a", Y)))) == Group("a", frozenset((X, Y)))
    assert form_of(All((FieldIs("a", X), All((FieldIs("a", X),))))) == Group("a", frozenset((X,)))


def test_what_must_not_hold_is_joined() -> None:
    """Two filters on one field are one group of which nothing may hit."""
    filters = All((FieldIs("b", Z), Not(FieldIs("a", X)), Not(FieldIs("a", Y))))

    assert form_of(filters) == Every(
        (Group("b", frozenset((Z,))), Unless(Group("a", frozenset((X, Y)))))
    )


def test_fields() -> None:
    """Fields are told once each, both of a comparison; keywords and the unknown have none."""
    some = All((FieldIs("a", X), FieldIsNull("b"), FieldExists("a", True), FieldsAgree("c", "d")))
    mixed = All((some, Keyword(X), Even()))

    assert fields_of(form_of(some)) == ["a", "b", "c", "d"] == fields_of(form_of(mixed))
    assert is_decided_by_fields(form_of(some))
    assert not is_decided_by_fields(form_of(Keyword(X)))
    assert not is_decided_by_fields(form_of(Even()))


def test_a_condition_of_unknown_kind_is_put_to_the_whole_event() -> None:
    """It has no witness, but what stands beside it may have."""
    nodes: list[Node] = [Even(), All((Even(), FieldIs("a", X))), Not(Even())]
    forms = [form_of(node) for node in nodes]
    views: list[dict[str, Any]] = [{}, {"a": "xxxxxx"}, {"a": "xxxxxx", "b": 1}, {"a": 1, "b": 1}]

    assert forms[0] == Opaque(Even())
    assert choose_witnesses(forms, Rates(forms)) == [
        None,
        frozenset((Group("a", frozenset((X,))),)),
        None,
    ]
    assert Program(rules_of(nodes)).match(ViewRows(views)) == plain_hits(rules_of(nodes), views)


def test_witnesses() -> None:
    """Any part of what must hold, all parts of alternatives, none of what is absent."""
    a, b = FieldIs("a", X), FieldIs("b", text_pattern(["y" * 9]))
    group_a, group_b = form_of(a), form_of(b)
    cases: list[tuple[Node, Any]] = [
        (a, {group_a}),
        (Some((a, b)), {group_a, group_b}),
        (Some((a, FieldIsNull("b"))), None),
        (Not(a), None),
        (Not(Not(a)), {group_a}),
        (Not(Some((Not(a), FieldIsNull("b")))), {group_a}),
        (Not(All((Not(a), Not(b)))), {group_a, group_b}),
        (All((a, FieldIsNull("b"))), {group_a}),
        (FieldsAgree("a", "b"), None),
        (All(()), None),
        (Some(()), None),
    ]
    for node, expected in cases:
        forms = [form_of(node)]
        assert choose_witnesses(forms, Rates(forms)) == [expected], node


def test_rates_follow_what_was_seen() -> None:
    """A guess gives way to a sample, the more so the larger it is; parts are independent."""
    group = Group("a", frozenset((X,)))
    rates = Rates([group])
    guess = rates.of(group)

    rates.learn({group: 500}, 500)

    assert guess < 0.1
    assert 0.9 < rates.of(group) <= 1
    assert rates.of(Unless(group)) == 1 - rates.of(group)
    assert rates.of(Every((group, Unless(group)))) < rates.of(Either((group, Unless(group))))
