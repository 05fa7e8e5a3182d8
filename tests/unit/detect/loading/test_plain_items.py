"""Plain items: what is read without pySigma is what pySigma would have made of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sigma.rule import SigmaDetectionItem

from ombud.detect.loading.plain_items import plain_item
from ombud.detect.loading.sigma_values import predicate_of
from ombud.detect.matching.atoms import FieldIs
from ombud.detect.matching.expressions import POLICY
from ombud.detect.rule import Rule

TEXTS = st.text(st.sampled_from("aB\\*?É ſİΣ%|1\n"), max_size=8) | st.text(max_size=6)
PLAIN = ["", "|contains", "|startswith", "|endswith"]
KEYS = [f"f{modifier}{every}" for modifier in PLAIN for every in ("", "|all")]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(KEYS), st.lists(TEXTS, min_size=1, max_size=4))
@example("f", [r"\\*\?\\\*\x", "\\"])
@example("f|contains", ["", "*", "**", "*a*", r"\*"])
def test_is_what_pysigma_makes(key: str, values: list[str]) -> None:
    """Escapes, wildcards and modifiers give the same predicates, a value or a list of them."""
    for value in (values, values[0]):
        item = SigmaDetectionItem.from_mapping(key, value, None, POLICY)  # type: ignore[arg-type]
        expected = [FieldIs("f", predicate_of(one)) for one in item.value]

        plain = plain_item(key, value)

        assert plain == (expected, key.endswith("|all"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("", "x", id="keyword"),
        pytest.param("|contains", "x", id="keyword with a modifier"),
        pytest.param("f|re", "x", id="expression"),
        pytest.param("f|contains|cased", "x", id="cased"),
        pytest.param("f|contains|all|cased", "x", id="three modifiers"),
        pytest.param("f|all|contains", "x", id="another order"),
        pytest.param("f|", "x", id="empty modifier"),
        pytest.param("f|contains|", "x", id="second empty modifier"),
        pytest.param("f|nope", "x", id="unknown modifier"),
        pytest.param("f", 1, id="number"),
        pytest.param("f", None, id="null"),
        pytest.param("f", True, id="truth"),
        pytest.param("f", ["x", 1], id="text and number"),
        pytest.param("f", [], id="nothing"),
    ],
)
def test_all_else_is_left_to_pysigma(key: str, value: object) -> None:
    """What is not so plain is not read here."""
    assert plain_item(key, value) is None


@pytest.mark.parametrize(
    "detection",
    [
        pytest.param("{s: {a|: x}, condition: s}", id="empty modifier"),
        pytest.param("{s: {a|contains|: x}, condition: s}", id="second empty modifier"),
        pytest.param("{s: {a: 1}, t: {a|nope: x}, condition: s}", id="in an unused selection"),
        pytest.param("{s: [{a: 1}, {}], condition: s}", id="empty map in a list"),
    ],
)
def test_faults_stay_faults(refusal_of: Callable[..., object], detection: str) -> None:
    """What pySigma refuses is refused, whoever reads the rest."""
    assert refusal_of(detection)


def test_unused_placeholder_is_no_fault(rule_of: Callable[..., Rule]) -> None:
    """A selection that no condition names needs no values."""
    assert rule_of("{s: {a: 1}, t: {a|expand: '%x%'}, condition: s}").fields == {"a"}
