"""The home's secret of hashed columns: made once, kept for its owner, one key per purpose."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from ombud.core.errors import TamperError, Unavailable
from ombud.services.mask_key import NAME, MaskKeys, load_mask_secret, purpose_key


def test_it_is_made_once_and_stays(tmp_path: Path) -> None:
    """Another start hashes to the same values; nobody else may read it."""
    folder = tmp_path / "keys"
    first = load_mask_secret(folder)
    assert len(first) == 32
    assert load_mask_secret(folder) == first
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [NAME]
    assert load_mask_secret(tmp_path / "other") != first


def test_several_at_once_agree(tmp_path: Path) -> None:
    """Whoever comes second takes the secret of the first."""
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_mask_secret(tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_keys_differ_by_purpose(tmp_path: Path) -> None:
    """A published derivation (RFC 5869), so that it can be done again elsewhere."""
    keys = MaskKeys(tmp_path)
    assert keys.key("a") == MaskKeys(tmp_path).key("a")
    assert len({keys.key("a"), keys.key("b"), keys.key("")}) == 3
    known = purpose_key(bytes(32), "fraud").hex()
    assert known == "82460d388769b4a22578b752204674c3ab2357e186f84de0884c1cb485334259"


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "é"])
def test_a_spoilt_secret_is_not_replaced(tmp_path: Path, text: str) -> None:
    """Else values would silently hash to others."""
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    with pytest.raises(TamperError):
        load_mask_secret(tmp_path)


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """Without a secret nothing is hashed with another one."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(Unavailable):
        load_mask_secret(tmp_path / "file" / "keys")
