"""Peer: who is at the other end of a connection, by the word of the kernel or of TLS.

Nothing here comes from what the peer sends in a request.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import struct
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred (unix(7)).
_ESTABLISHED = "01"  # State of a connection (proc(5), tcp(7)).
_PLACES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
Address = tuple[str, int]


class Certificate:
    """A client certificate that TLS has verified: its names, and until when it holds."""

    def __init__(self, encoded: bytes) -> None:
        """Read DER; raises `ValueError` for what is no certificate."""
        read = x509.load_der_x509_certificate(encoded)
        self.names = frozenset(_names(read))
        self._ends = read.not_valid_after_utc.timestamp()

    def is_valid(self, clock: Callable[[], float] = time.time) -> bool:
        """Whether it still holds: a connection may outlive it."""
        return clock() < self._ends


def _names(read: x509.Certificate) -> list[str]:
    names = [read.subject.rfc4514_string()] if list(read.subject) else []
    try:
        found = read.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return names
    for name in found.value if isinstance(found.value, x509.SubjectAlternativeName) else ():
        if isinstance(name, x509.DNSName):
            names.append(f"DNS:{name.value}")
        elif isinstance(name, x509.UniformResourceIdentifier):
            names.append(f"URI:{name.value}")
        elif isinstance(name, x509.IPAddress):
            names.append(f"IP:{name.value}")
    return names


def local_uid(own: Address, other: Address, places: tuple[Path, ...] = _PLACES) -> int | None:
    """Return the user whose process holds the other end of a connection within this machine.

    None if that cannot be told.  Linux lists both ends of it, each with its user (proc(5)).
    """
    wanted = {(_hex(*other), _hex(*own)), (_mapped(*other), _mapped(*own))}
    for place in places:
        try:
            lines = place.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if (parts[1], parts[2]) in wanted and parts[3] == _ESTABLISHED:
                return int(parts[7])
    return None


def _words(packed: bytes) -> str:
    # Each 32 bits as a number of this machine, in hex.
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))


def _hex(host: str, port: int) -> str:
    return f"{_words(ipaddress.ip_address(host).packed)}:{port:04X}"


def _mapped(host: str, port: int) -> str:
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv4Address):  # As a socket of IPv6 tells it.
        address = ipaddress.ip_address(f"::ffff:{host}")
    return f"{_words(address.packed)}:{port:04X}"


def _plain(told: tuple[str, int, int, int] | tuple[str, int]) -> Address:
    """Return an address without its zone, and as IPv4 where IPv6 only carries it."""
    address = ipaddress.ip_address(told[0].partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address), told[1]


class Peer:
    """The other end of one connection."""

    def __init__(
        self,
        *,
        unix_uid: int | None = None,
        certificate: Certificate | None = None,
        own: Address | None = None,
        other: Address | None = None,
    ) -> None:
        self.unix_uid = unix_uid
        self.certificate = certificate
        self._own = own
        self._other = other

    @cached_property
    def is_loopback(self) -> bool:
        """Whether it is a process of this machine, over the network of its own."""
        if self._other is None:
            return False
        return ipaddress.ip_address(self._other[0]).is_loopback

    @cached_property
    def uid(self) -> int | None:
        """The user of a process of this machine, None if it is not known."""
        if self.unix_uid is not None:
            return self.unix_uid
        if not self.is_loopback or self._own is None or self._other is None:
            return None
        return local_uid(self._own, self._other)


def peer_of(connection: socket.socket | None, secured: ssl.SSLObject | None) -> Peer:
    """Return who is at the other end of an accepted connection."""
    if connection is None:
        return Peer()
    if connection.family == socket.AF_UNIX:
        size = _CREDENTIALS.size
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return Peer(unix_uid=_CREDENTIALS.unpack(told)[1])
    certificate = None
    if secured is not None and (encoded := secured.getpeercert(binary_form=True)):
        try:
            certificate = Certificate(encoded)
        except ValueError:  # Verified, and yet not readable: it has no name here.
            certificate = None
    try:
        own, other = _plain(connection.getsockname()), _plain(connection.getpeername())
    except OSError:  # It is gone already.
        return Peer(certificate=certificate)
    return Peer(certificate=certificate, own=own, other=other)
