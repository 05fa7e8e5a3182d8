"""The examples of docs/correlations.md run as they are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import yaml

from ombud.detect.correlation.correlator import Correlator
from ombud.detect.correlation.linking import link
from ombud.detect.correlation.model import RuleMatch
from ombud.detect.correlation.parsing import parse_correlation
from ombud.detect.rule import parse_rules

DOCS = Path(__file__).resolve().parents[4] / "docs" / "correlations.md"
T = 1_800_000_000_000


def test_the_documented_example_fires(match: Callable[..., RuleMatch]) -> None:
    """Five exports after a change of rights: both correlations, the outer one upon the inner."""
    text = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[0]
    documents = list(yaml.safe_load_all(text))
    plain = [document for document in documents if "detection" in document]
    rules, refused = parse_rules(yaml.safe_dump_all(plain), path="example.yml")
    correlations = [
        parse_correlation(document, path="example.yml")
        for document in documents
        if "correlation" in document
    ]

    linked, refusals = link(correlations, rules)
    matches = [match("grant", 0, T, **{"resource.id": "ana"})]
    matches += [match("export", n, T + n, **{"actor.id": "Ana"}) for n in range(1, 6)]
    found = Correlator(linked).feed(matches)

    assert not refused
    assert not refusals
    assert [(one.correlation_id, one.group) for one in found] == [
        ("many_exports", (("actor.id", "ana"),)),
        ("exports_after_grant", (("who", "ana"),)),
    ]
