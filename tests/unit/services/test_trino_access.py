"""Who is Trino without a token: whom the settings name, and nobody by default."""

from __future__ import annotations

import os

import pytest

from ombud.core.errors import SettingsError
from ombud.services.trino_access import TrinoAccess


def test_nobody_by_default() -> None:
    """Neither a certificate nor a process of this machine is let in unless it is named."""
    access = TrinoAccess()
    assert access.by_certificate(["CN=trino", "DNS:trino"]) is None
    assert access.by_uid(0) is None
    assert access.by_loopback() is None
    assert not access.asks_for_uid


def test_only_who_is_named() -> None:
    """A name is compared whole, and gives the scope `decide` alone."""
    access = TrinoAccess(
        certificates=["CN=trino,O=County", "DNS:trino.example"],
        peers=["loopback", f"uid:{os.geteuid()}"],
    )
    found = access.by_certificate(["CN=other", "DNS:trino.example"])
    assert found is not None
    assert found.person == "trino:DNS:trino.example"
    assert found.scopes == {"decide"}
    assert access.by_certificate(["CN=trino", "DNS:trino.example.org"]) is None
    assert access.by_uid(None) is None
    assert access.by_uid(os.geteuid() + 1) is None
    assert access.by_uid(os.geteuid()) is not None
    assert access.by_loopback() is not None


@pytest.mark.parametrize(
    "said",
    [
        {"certificates": ["trino"]},
        {"peers": ["localhost"]},
        {"peers": ["uid:trino"]},
        {"peers": ["uid:-1"]},
    ],
)
def test_entries_that_could_never_match_are_refused(said: dict[str, list[str]]) -> None:
    """A typing error is told when the home is opened."""
    with pytest.raises(SettingsError):
        TrinoAccess(**said)
