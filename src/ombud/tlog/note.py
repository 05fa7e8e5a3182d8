"""Notes: text under Ed25519 signatures, C2SP signed-note v1.0.0.

Strict where the format leaves room: base64 has one spelling, every signature
by a known key must verify, and keys and signatures that verifiers treat
differently (low order, or not canonical) are refused, so that two verifiers
never disagree.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ombud.core.errors import InputError

NOTE_SIZE_MAX = 1_000_000  # Bytes, as in Go's implementation.
SIGNATURE_COUNT_MAX = 100  # Likewise; the format asks for at least 16.
SEED_SIZE = 32
KEY_ID_SIZE = 4
SIGNATURE_SIZE = 64
ALGORITHM_ED25519 = b"\x01"

_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_P = 2**255 - 19
_SIGN_BIT = 1 << 255
# The y coordinates of the eight points of low order (RFC 7748 §7 lists their u).
_Y8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_LOW_ORDER_Y = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})


class NoteError(InputError):
    """A note, key or signature that is malformed or does not verify."""

    code = "note"


def decode_base64(text: str) -> bytes:
    """Return the bytes of standard base64 in its one canonical spelling (RFC 4648 §4, §3.5).

    Raises `NoteError`.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise NoteError("base64 is malformed") from error
    if encode_base64(data) != text:
        raise NoteError("base64 is not canonical")
    return data


def encode_base64(data: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def key_id(name: str, algorithm_and_key: bytes) -> bytes:
    """Return the four bytes that name a key in a signature."""
    return hashlib.sha256(name.encode() + b"\n" + algorithm_and_key).digest()[:KEY_ID_SIZE]


def _check_name(name: str) -> str:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise NoteError(f"`{name}` cannot be the name of a key")
    return name


def _is_canonical_point(encoded: bytes) -> bool:
    number = int.from_bytes(encoded, "little")
    y = number & (_SIGN_BIT - 1)
    # The points with x = 0 have no second encoding with the sign bit set.
    return y < _P and not (number & _SIGN_BIT and y in (1, _P - 1))


def verify_ed25519(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature holds (RFC 8032 §5.1.7, without cofactor).

    Refuses keys of low order and encodings of points that are not canonical.
    """
    if len(public_key) != SEED_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    if not _is_canonical_point(public_key) or not _is_canonical_point(signature[:32]):
        return False
    if int.from_bytes(public_key, "little") & (_SIGN_BIT - 1) in _LOW_ORDER_Y:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        """The key's four-byte id."""
        return key_id(self.name, ALGORITHM_ED25519 + self.public_key)

    @property
    def vkey(self) -> str:
        """The key as text: name, id and key, joined by `+`."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(ALGORITHM_ED25519 + self.public_key)}"

    @classmethod
    def parse(cls, vkey: str) -> Verifier:
        """Return the verifier of a vkey; raises `NoteError`."""
        name, key = _parse_key(vkey)
        verifier = cls(name, key)
        if verifier.vkey != vkey:
            raise NoteError("the key does not have the id that it is given with")
        return verifier

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether `signature` (64 bytes) is this key's over the text."""
        return verify_ed25519(self.public_key, signature, text)


def _parse_key(text: str) -> tuple[str, bytes]:
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")  # The key itself may contain `+`.
    key = decode_base64(encoded)
    if key[:1] != ALGORITHM_ED25519 or len(key) != 1 + SEED_SIZE:
        raise NoteError("the key is not an Ed25519 key")
    return _check_name(name), key[1:]


class Signer:
    """A private key with its name; the seed never leaves in `repr`."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key's name and its 32-byte seed (RFC 8032 §5.1.5)."""
        if len(seed) != SEED_SIZE:
            raise NoteError(f"a seed is {SEED_SIZE} bytes long, not {len(seed)}")
        self.name = _check_name(name)
        self._seed = seed
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())
        self._id = self.verifier.id

    @property
    def vkey(self) -> str:
        """The public key as text."""
        return self.verifier.vkey

    @property
    def private_key(self) -> str:
        """The private key as text, in the form Go's tools read: keep it secret."""
        encoded = encode_base64(ALGORITHM_ED25519 + self._seed)
        return f"{_PRIVATE}{self.name}+{self._id.hex()}+{encoded}"

    @classmethod
    def parse(cls, private_key: str) -> Signer:
        """Return the signer of a private key as text; raises `NoteError`."""
        if not private_key.startswith(_PRIVATE):
            raise NoteError("that is not a private key")
        signer = cls(*_parse_key(private_key.removeprefix(_PRIVATE)))
        if signer.private_key != private_key:
            raise NoteError("the key does not have the id that it is given with")
        return signer

    def sign(self, text: bytes) -> str:
        """Return the signature line over the text, with its newline."""
        signature = self._id + self._key.sign(text)
        return f"{_DASH}{self.name} {encode_base64(signature)}\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note, taken apart."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note of which at least one signature verified.

    `text` ends with a newline; `signatures` are the verified ones and `unknown`
    those by keys that were not given, which prove nothing.
    """

    text: str
    signatures: tuple[Signature, ...]
    unknown: tuple[Signature, ...]


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError("the text of a note ends with a newline and has no control characters")


def sign_note(text: str, signers: Iterable[Signer]) -> bytes:
    """Return the note of `text`, which ends with a newline, under the signers' signatures."""
    _check_text(text)
    data = text.encode()
    return data + b"\n" + "".join([signer.sign(data) for signer in signers]).encode()


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise NoteError("a signature line does not start with a dash")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    blob = decode_base64(encoded)
    if len(blob) <= KEY_ID_SIZE:
        raise NoteError("a signature is too short")
    return Signature(_check_name(name), blob[:KEY_ID_SIZE], blob[KEY_ID_SIZE:])


def _split(note: bytes) -> tuple[str, list[Signature]]:
    if len(note) > NOTE_SIZE_MAX:
        raise NoteError(f"a note is at most {NOTE_SIZE_MAX} bytes long")
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise NoteError("a note is not UTF-8") from error
    text, separator, tail = whole.rpartition("\n\n")
    _check_text(text + "\n")
    if not separator or not tail.endswith("\n"):
        raise NoteError("a note has no signatures")
    _check_text(tail)
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURE_COUNT_MAX:
        raise NoteError(f"a note has at most {SIGNATURE_COUNT_MAX} signatures")
    return text + "\n", [_parse_signature(line) for line in lines]


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> OpenedNote:
    """Return the note if a given key signed it and no given key's signature fails.

    Raises `NoteError` otherwise, and for anything that is not exactly a note.
    """
    text, signatures = _split(note)
    known = {(verifier.name, verifier.id): verifier for verifier in verifiers}
    if len(known) != len(verifiers):
        raise NoteError("two of the keys to verify with are the same")
    verified: list[Signature] = []
    unknown: list[Signature] = []
    for signature in signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            unknown.append(signature)
        elif verifier.verify(text.encode(), signature.signature):
            verified.append(signature)
        else:
            raise NoteError(f"the signature of `{signature.name}` does not verify")
    if not verified:
        raise NoteError("the note has no signature by a known key")
    return OpenedNote(text, tuple(verified), tuple(unknown))
