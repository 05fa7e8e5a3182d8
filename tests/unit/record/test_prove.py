"""A proof is made for every published event, stands alone, and is refused when anything differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from doubles.record_home import ORIGIN, SIGNER, append, make_batch, make_event, open_recorder
from ombud.core.commitment import parse_leaf_entry
from ombud.core.errors import InputError, NotFound, TamperError
from ombud.record import prove as prove_module
from ombud.record.prove import check_proof, prove
from ombud.record.verify_files import read_whole
from ombud.tlog.note import Signer
from ombud.tlog.proof import Proof
from ombud.tlog.tile import decode_entries


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a record of 300 events, all published, which no test may change."""
    home = tmp_path_factory.mktemp("whole")
    with open_recorder(home) as recorder:
        append(recorder, 0, 300, step=50)
    return home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a record of 300 events, to be damaged."""
    with open_recorder(tmp_path) as recorder:
        append(recorder, 0, 300, step=50)
    return tmp_path


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
def test_every_event_is_proved(whole: Path, index: int) -> None:
    """The proof carries the leaf entry and leads to the published tree head."""
    data = prove(whole, index)
    proof, head = check_proof(data, SIGNER.verifier)
    bundle = "tile/entries/000" if index < 256 else "tile/entries/001.p/44"

    assert data.startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    assert data.endswith((whole / "log/checkpoint").read_bytes())
    assert (proof.index, head.origin, head.size) == (index, ORIGIN, 300)
    assert proof.extra == decode_entries((whole / "log" / bundle).read_bytes())[index % 256]
    assert parse_leaf_entry(proof.extra)[0] == (make_event(index).class_uid or 0)


@pytest.mark.parametrize("index", [-1, 300, 2**70])
def test_what_is_not_there_is_not_proved(whole: Path, index: int) -> None:
    """Only published events can be proved."""
    with pytest.raises(NotFound, match="300 that are published"):
        prove(whole, index)


def test_what_is_not_published_yet_is_not_proved(tmp_path: Path) -> None:
    """A proof leads to a tree head that anyone can fetch."""
    with open_recorder(tmp_path) as recorder:
        recorder.append([make_batch([make_event(0)])])
        with pytest.raises(NotFound):
            prove(tmp_path, 0)
        recorder.publish()
        assert prove(tmp_path, 0)


def test_no_flipped_bit_passes(whole: Path) -> None:
    """Not even in the extra data, since it is the entry that the proof is about."""
    data = prove(whole, 299)
    for bit in range(0, 8 * len(data), 3):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError):
            check_proof(bytes(altered), SIGNER.verifier)


def test_a_proof_without_its_entry_or_under_another_key_is_refused(whole: Path) -> None:
    """Who checks needs the entry and the key."""
    data = prove(whole, 3)
    proof = Proof.parse(data)
    bare = Proof(proof.index, proof.hashes, proof.note).to_text()
    with pytest.raises(InputError, match="no leaf entry"):
        check_proof(bare, SIGNER.verifier)
    with pytest.raises(InputError):
        check_proof(data, Signer(ORIGIN, bytes(32)).verifier)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/001.p/44", "tile/entries/001.p/44"])
def test_a_damaged_log_proves_nothing(home: Path, name: str) -> None:
    """What does not lead to the signed root is not handed out."""
    path = home / "log" / name
    data = path.read_bytes()
    for altered in (bytes(len(data)), data[:50], b"", None):
        path.unlink()
        if altered is not None:
            path.write_bytes(altered)
        with pytest.raises(TamperError):
            prove(home, 290)
        path.write_bytes(data)
    assert prove(home, 290)


def test_a_partial_tile_may_have_given_way(home: Path) -> None:
    """An older tree head is proved from the full tiles that came after it."""
    old = (home / "log/checkpoint").read_bytes()
    with open_recorder(home) as recorder:
        append(recorder, 300, 600, step=50)
    assert not list(home.glob("log/tile/*/001.p/*"))
    (home / "log/checkpoint").write_bytes(old)

    assert check_proof(prove(home, 290), SIGNER.verifier)[1].size == 300


def test_a_head_that_moves_on_is_followed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles that go while they are read are read again under the next tree head."""
    old = (home / "log/checkpoint").read_bytes()
    partial = next(home.glob("log/tile/0/001.p/44"))
    data = partial.read_bytes()
    partial.unlink()
    notes = iter([old, old + b"moved", old, old])
    real = read_whole

    def moving(path: Path, size_max: int) -> bytes:
        if path.name != "checkpoint":
            return real(path, size_max)
        note = next(notes)
        if note != old:
            partial.write_bytes(data)
        return note

    monkeypatch.setattr(prove_module, "read_whole", moving)
    assert check_proof(prove(home, 290), SIGNER.verifier)[0].index == 290
