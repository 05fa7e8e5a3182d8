"""Rule codec: a set is what it was, and bytes that are no set do no harm."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.config.rule_files import shipped_rules_folder
from ombud.detect.loading.rule_codec import FORMAT, decode_rules, encode_rules
from ombud.detect.loading.rule_set import RuleSet, load_rules

RULES = r"""
title: Everything
id: all
name: everything
status: test
tags: [attack.t1]
logsource: {product: p, service: s, category: c}
detection:
  text: {a: x, b: 'x*y?z', c|contains: x, d|startswith|cased: X, e|endswith: '', f: '*'}
  number: {a: 1, b: 1.5, c|gt: 1, d|lte: 1.0, e|neq: 7, f: true}
  nothing: {a: null, b|exists: true, c|exists: false}
  other: {a|fieldref: b, c|fieldref|startswith: d}
  special: {a|re|i: 'x.y', b|cidr: 10.0.0.0/8, c|hour: 5, d|minute|gt: 3}
  coded: {a|base64offset|contains: foo, b|windash: ' -x', c|wide|base64: y}
  keywords: [one, 'two*', 3]
  filled: {a|expand: '%who%'}
  condition: all of them and not (text or number) or 1 of n*
falsepositives: [some]
level: high
ombud: {group_by: [a], explain: '{a} was {b}', blind_spots: [x], response: y}
---
title: Filter
id: filter
logsource: {product: p}
filter: {rules: any, s: {zz: 5}, condition: not s}
---
title: Correlation
id: correlation
correlation:
  type: value_count
  rules: [everything]
  group-by: [u]
  timespan: 1h
  condition: {gt: 2.5, lte: 9, field: [a, b]}
  aliases: {u: {everything: user}}
  generate: true
---
title: Refused
id: refused
logsource: {product: p}
detection: {s: {a|nope: 1}, condition: s}
"""


def everything() -> RuleSet:
    """Return a set with whatever there is in one."""
    found = load_rules([("a.yml", RULES.encode())], placeholders={"who": ["x", "y"]})
    assert [one.rule_id for one in found.refusals] == ["refused"], found.refusals
    assert [one.filters for one in found.rules] == [("filter",)]
    assert len(found.correlations) == 1
    return found


def test_everything_is_what_it_was() -> None:
    """All kinds of conditions, filters, correlations and refusals come back equal."""
    found = everything()
    data = encode_rules(found)
    again = decode_rules(data)

    assert again == found
    assert repr(again) == repr(found)
    assert encode_rules(again) == data
    assert again.feeding == found.feeding


def test_corpus_is_what_it_was(vectors: Path) -> None:
    """Each rule of the corpus and of our own comes back equal, tree, version and guidance."""
    files = [
        *sorted((vectors / "sigma" / "rules").rglob("*.yml")),
        *sorted(shipped_rules_folder().glob("*.yml")),
    ]
    found = load_rules((str(file), file.read_bytes()) for file in files)
    again = decode_rules(encode_rules(found))

    assert len(again.rules) > 3141
    assert again == found
    assert repr(again) == repr(found)


def test_equal_conditions_are_shared() -> None:
    """What two rules demand alike is one object, and written once."""
    rule = (
        "title: T\nid: '{}'\nlogsource: {{product: p}}\ndetection: {{s: {{a: x}}, condition: s}}\n"
    )
    texts = [(f"{place}.yml", rule.format(place).encode()) for place in range(2)]
    first, second = decode_rules(encode_rules(load_rules(texts))).rules

    assert first.tree is second.tree


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_bytes_are_refused_or_data(data: st.DataObject) -> None:
    """Any bytes give a set or a `ValueError`, never another end."""
    whole = encode_rules(everything())
    start = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.binary(max_size=4))
    try:
        found = decode_rules(whole[:start] + change + whole[start + len(change) :])
    except ValueError:
        return
    assert isinstance(found, RuleSet)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xc1", id="no msgpack"),
        pytest.param(msgspec.msgpack.encode([FORMAT + 1, [], [], [], [], [], [], []]), id="later"),
        pytest.param(msgspec.msgpack.encode([FORMAT, [], [[99]], [], [], [], [], []]), id="kind"),
        pytest.param(msgspec.msgpack.encode([FORMAT, [], [[2]], [], [], [], [], []]), id="short"),
        pytest.param(msgspec.msgpack.encode([FORMAT, [], [[-1]], [], [], [], [], []]), id="below"),
        pytest.param(
            msgspec.msgpack.encode([FORMAT, [], [[]], [], [], [], [], []]), id="empty row"
        ),
        pytest.param(msgspec.msgpack.encode([FORMAT, [], [], [[7, 0]], [], [], [], []]), id="loop"),
        pytest.param(msgspec.msgpack.encode([FORMAT, [], [], [["x"]], [], [], [], []]), id="name"),
        pytest.param(b"\x91" * 5000, id="deep"),
    ],
)
def test_no_rule_set(data: bytes) -> None:
    """Bytes of another program are no rule set."""
    with pytest.raises(ValueError, match=r"."):
        decode_rules(data)
