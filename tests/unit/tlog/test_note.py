"""Notes are those of C2SP and Go, and nothing that is nearly one passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.tlog.note import (
    NOTE_SIZE_MAX,
    NoteError,
    Signer,
    Verifier,
    decode_base64,
    encode_base64,
    open_note,
    sign_note,
    verify_ed25519,
)

# The published example of golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNATURE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_SIGNATURE = (
    "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWL"
    "ox33WWd1RvMc+QQ=\n"
)
PETER = Verifier.parse(VKEY)


def opened(note: str, *vkeys: str) -> tuple[list[str], list[str]]:
    """Return the names that verified and those that are unknown."""
    result = open_note(note.encode(), [Verifier.parse(vkey) for vkey in vkeys])
    assert result.text == TEXT
    return [item.name for item in result.signatures], [item.name for item in result.unknown]


def test_signing_gives_the_published_note() -> None:
    """Ed25519 is deterministic, so the note is the same to the byte."""
    signer = Signer.parse(PRIVATE)

    assert signer.vkey == VKEY
    assert signer.private_key == PRIVATE
    assert sign_note(TEXT, [signer]).decode() == TEXT + "\n" + SIGNATURE
    assert "AYEK" not in repr(signer)


def test_opening_tells_known_from_unknown() -> None:
    """A signature by a key that was not given proves nothing and harms nothing."""
    note = TEXT + "\n" + SIGNATURE + ENOCH_SIGNATURE

    assert opened(note, VKEY) == (["PeterNeumann"], ["EnochRoot"])
    assert opened(note, VKEY, ENOCH) == (["PeterNeumann", "EnochRoot"], [])
    with pytest.raises(NoteError, match="no signature by a known key"):
        opened(note)


def test_the_tree_head_of_the_go_checksum_database_verifies() -> None:
    """A real tree head, as published by sum.golang.org."""
    vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    text = "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n"
    signature = (
        "\u2014 sum.golang.org Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaK"
        "bbTM75QTtPydhKCExixSfwQ=\n"
    )

    assert open_note((text + "\n" + signature).encode(), [Verifier.parse(vkey)]).text == text


def test_the_last_empty_line_parts_text_from_signatures() -> None:
    """A text may have empty lines of its own."""
    signer = Signer("cy", bytes(32))
    for text in ("\n", "a\n\n\nb\n", "a\n\n", "— cy AAAA\n\n"):
        assert open_note(sign_note(text, [signer]), [signer.verifier]).text == text


@pytest.mark.parametrize("form", [Verifier, Signer])
def test_no_mangled_key_is_accepted(form: type[Verifier | Signer]) -> None:
    """No part of a key and no key with one character changed is a key (Go's test)."""
    key = VKEY if form is Verifier else PRIVATE
    form.parse(key)
    mangled = {
        key[:place] + chr(ord(char) + 1) + key[place + 1 :] for place, char in enumerate(key)
    }
    mangled |= {key[start:end] for start in range(len(key)) for end in range(start, len(key) + 1)}
    for text in mangled - {key}:
        with pytest.raises(NoteError):
            form.parse(text)


@pytest.mark.parametrize(
    "vkey",
    [
        pytest.param(
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            id="wrong length with adjusted id",
        ),
        pytest.param(
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            id="unknown algorithm with adjusted id",
        ),
        pytest.param(VKEY.replace("c74f20a3", "C74F20A3"), id="id in capitals"),
        pytest.param(VKEY + "\n", id="trailing newline"),
        pytest.param("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", id="no name"),
        pytest.param(VKEY.replace("N", "\u2003"), id="Unicode space in name"),
    ],
)
def test_a_key_that_is_not_one_is_refused(vkey: str) -> None:
    """Length, algorithm, id and name are all checked."""
    with pytest.raises(NoteError):
        Verifier.parse(vkey)


@pytest.mark.parametrize(
    ("name", "seed"), [("", bytes(32)), ("a b", bytes(32)), ("a+b", bytes(32)), ("a", bytes(31))]
)
def test_a_signer_needs_a_name_and_a_seed(name: str, seed: bytes) -> None:
    """A key that could not be written down is not made."""
    with pytest.raises(NoteError):
        Signer(name, seed)


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(TEXT, id="no signatures"),
        pytest.param(TEXT + "\n", id="nothing after the empty line"),
        pytest.param(TEXT + "\n" + SIGNATURE[:-1], id="no final newline"),
        pytest.param("\x01" + TEXT + "\n" + SIGNATURE, id="control character"),
        pytest.param(TEXT + "\r\n\n" + SIGNATURE, id="carriage return"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("PeterN", "Peter N"), id="space in name"),
        pytest.param(TEXT + "\n" + SIGNATURE + "Unexpected line.\n", id="another line"),
        pytest.param(TEXT + "\n" + SIGNATURE[2:], id="no dash"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("AM=", "AN="), id="loose base64 bits"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("=", ""), id="no padding"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("x08", "x 08"), id="space in base64"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("x08", "é08"), id="base64 beyond ASCII"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("\n", "\t\n"), id="tab"),
        pytest.param(TEXT + "\n\u2014 PeterNeumann x08goA==\n", id="key id alone"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("kuBS", "kuBT"), id="altered signature"),
        pytest.param(TEXT + "\n" + SIGNATURE.replace("x08go/", "x08go/ABCD"), id="longer"),
        pytest.param(TEXT.replace("your", "Your") + "\n" + SIGNATURE, id="altered text"),
        pytest.param(TEXT + "\n" + SIGNATURE * 101, id="101 signatures"),
        pytest.param(TEXT + "\n" + SIGNATURE + SIGNATURE.replace("kuBS", "kuBT"), id="one bad"),
        pytest.param("x" * NOTE_SIZE_MAX + TEXT + "\n" + SIGNATURE, id="too long"),
    ],
)
def test_what_is_nearly_a_note_is_refused(note: str) -> None:
    """A note has one shape, and no signature by a known key may fail."""
    with pytest.raises(NoteError):
        open_note(note.encode(), [PETER])


def test_bytes_that_are_not_text_are_refused() -> None:
    """A note is UTF-8."""
    with pytest.raises(NoteError, match="UTF-8"):
        open_note(b"\xff" + (TEXT + "\n" + SIGNATURE).encode(), [PETER])


def test_the_same_key_twice_is_refused() -> None:
    """Which of two equal keys verified could not be said."""
    with pytest.raises(NoteError, match="the same"):
        open_note((TEXT + "\n" + SIGNATURE).encode(), [PETER, PETER])


@pytest.mark.parametrize("text", ["", "abc", "a\x00b\n", "a\rb\n"])
def test_a_text_that_is_no_note_is_not_signed(text: str) -> None:
    """What could not be opened is not signed."""
    with pytest.raises(NoteError):
        sign_note(text, [Signer("cy", bytes(32))])


@given(st.binary(max_size=40))
def test_base64_has_one_spelling(data: bytes) -> None:
    """Bytes come back from their base64, and from no other text of that length."""
    text = encode_base64(data)

    assert decode_base64(text) == data
    for other in (text + "=", text + "\n", " " + text, text.rstrip("=") + "!"):
        with pytest.raises(NoteError):
            decode_base64(other)


@given(st.binary(min_size=1, max_size=80), st.integers(0, 64 * 8 - 1))
def test_no_flipped_bit_of_a_signature_verifies(message: bytes, bit: int) -> None:
    """Ed25519 signatures as taken here are not malleable."""
    signer = Signer("cy", bytes(32))
    line = signer.sign(message)
    signature = decode_base64(line.rpartition(" ")[2][:-1])[4:]
    assert signer.verifier.verify(message, signature)

    altered = bytearray(signature)
    altered[bit // 8] ^= 1 << bit % 8

    assert not signer.verifier.verify(message, bytes(altered))


def test_keys_and_signatures_of_other_lengths_never_verify() -> None:
    """A length is checked before anything else."""
    assert not verify_ed25519(bytes(31), bytes(64), b"")
    assert not verify_ed25519(PETER.public_key, bytes(63), b"")
