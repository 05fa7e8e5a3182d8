"""Trino access: who may ask as Trino without a token: by certificate, or from this machine.

Both lists are empty unless the settings fill them, and what they let in may ask for
decisions and do nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ombud.core.errors import SettingsError
from ombud.services.asker import Asker, person_of

LOOPBACK = "loopback"
_UID = re.compile(r"uid:(\d{1,10})")
_SCOPES = frozenset({"decide"})


class TrinoAccess:
    """The certificates and the users of this machine that are Trino."""

    def __init__(self, *, certificates: Iterable[str] = (), peers: Iterable[str] = ()) -> None:
        """Take what settings list; raises `SettingsError` for an entry that could never match."""
        self._certificates = frozenset(certificates)
        self._is_loopback = False
        self._uids: set[int] = set()
        for name in self._certificates:
            if "=" not in name and not name.startswith(("DNS:", "URI:", "IP:")):
                raise SettingsError(
                    f"`trino.certificates` has `{name}`, which is no name of a certificate",
                    hint="the whole subject (`CN=trino,O=County`), or `DNS:`, `URI:`, `IP:` names",
                )
        for peer in peers:
            found = _UID.fullmatch(peer)
            if peer == LOOPBACK:
                self._is_loopback = True
            elif found is not None:
                self._uids.add(int(found[1]))
            else:
                raise SettingsError(
                    f"`trino.peers` has `{peer}`", hint="`loopback`, or `uid:` and a number"
                )

    @property
    def asks_for_uid(self) -> bool:
        """Whether it matters which user of this machine asks."""
        return bool(self._uids)

    def by_certificate(self, names: Iterable[str]) -> Asker | None:
        """Return the Trino with a verified certificate of these names, if it is one."""
        known = sorted(self._certificates.intersection(names))
        return _asker(f"trino:{known[0]}") if known else None

    def by_uid(self, uid: int | None) -> Asker | None:
        """Return the Trino that runs as a user of this machine, if it is one."""
        return _asker(f"trino:{person_of(uid)}") if uid is not None and uid in self._uids else None

    def by_loopback(self) -> Asker | None:
        """Return the Trino that any process of this machine is taken for, if it is."""
        return _asker(f"trino:{LOOPBACK}") if self._is_loopback else None


def _asker(person: str) -> Asker:
    return Asker(person=person, scopes=_SCOPES, via="trino")
