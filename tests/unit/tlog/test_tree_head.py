"""A tree head is three lines, and only its own key speaks for it."""

from __future__ import annotations

import pytest

from ombud.tlog.merkle import EMPTY_ROOT
from ombud.tlog.note import NoteError, Signer, sign_note
from ombud.tlog.tree_head import TreeHead, open_tree_head

ROOT = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
SIGNER = Signer("ombud.example/log", bytes(range(32)))


def test_a_tree_head_is_written_and_read() -> None:
    """Text and value are one."""
    head = TreeHead("ombud.example/log", 0, EMPTY_ROOT)

    assert head.to_text() == f"ombud.example/log\n0\n{ROOT}\n"
    assert TreeHead.parse(head.to_text()) == head
    assert open_tree_head(head.sign(SIGNER), head.origin, [SIGNER.verifier]) == head


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(f"a\n1\n{ROOT}", id="no final newline"),
        pytest.param(f"\n1\n{ROOT}\n", id="no origin"),
        pytest.param(f"a\n01\n{ROOT}\n", id="leading zero"),
        pytest.param(f"a\n+1\n{ROOT}\n", id="sign"),
        pytest.param(f"a\n-1\n{ROOT}\n", id="negative"),
        pytest.param(f"a\n\n{ROOT}\n", id="no size"),
        pytest.param(f"a\n1_0\n{ROOT}\n", id="underscore"),
        pytest.param(f"a\n\u0661\n{ROOT}\n", id="digit beyond ASCII"),
        pytest.param(f"a\n9223372036854775808\n{ROOT}\n", id="64 bits"),
        pytest.param(f"a\n{'9' * 5000}\n{ROOT}\n", id="long size"),
        pytest.param(f"a\n1\n{ROOT[:-4]}\n", id="short root"),
        pytest.param(f"a\n1\n{ROOT.replace('FU=', 'FV=')}\n", id="loose base64 bits"),
        pytest.param(f"a\n1\n{ROOT}\nextension\n", id="extension"),
        pytest.param(f"a\n1\n{ROOT}\n\n", id="empty line"),
    ],
)
def test_what_is_nearly_a_tree_head_is_refused(text: str) -> None:
    """Three lines, one spelling each."""
    with pytest.raises(NoteError):
        TreeHead.parse(text)


def test_a_tree_head_of_another_log_is_refused() -> None:
    """The key may sign for several logs; each is asked for by its origin."""
    note = TreeHead("ombud.example/other", 0, EMPTY_ROOT).sign(SIGNER)

    with pytest.raises(NoteError, match="other"):
        open_tree_head(note, "ombud.example/log", [SIGNER.verifier])


def test_a_tree_head_by_another_key_is_refused() -> None:
    """Anyone can write three lines."""
    note = sign_note(f"ombud.example/log\n0\n{ROOT}\n", [Signer("mallory", bytes(32))])

    with pytest.raises(NoteError, match="known key"):
        open_tree_head(note, "ombud.example/log", [SIGNER.verifier])
