"""Who is at the other end of a connection, told by the kernel and by TLS alone."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from doubles.certificates import Authority
from ombud.web.peer import Certificate, Peer, local_uid, peer_of


def read(path: Path) -> bytes:
    """Return a PEM file as DER."""
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def test_names_of_a_certificate(tmp_path: Path) -> None:
    """The whole subject, and each alternative name with its kind."""
    names: list[x509.GeneralName] = [
        x509.DNSName("trino.example"),
        x509.UniformResourceIdentifier("spiffe://county/trino"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.7")),
        x509.RFC822Name("a@b.example"),
    ]
    pair = Authority(tmp_path).issue("trino", names=names)
    assert Certificate(read(pair.certificate)).names == {
        "CN=trino",
        "DNS:trino.example",
        "URI:spiffe://county/trino",
        "IP:10.0.0.7",
    }


def test_a_connection_may_outlive_its_certificate(tmp_path: Path) -> None:
    """It is looked at again with each request."""
    found = Certificate(read(Authority(tmp_path).issue("trino", days=1).certificate))
    assert found.is_valid()
    assert not found.is_valid(clock=lambda: 4e9)


def test_what_is_no_certificate() -> None:
    """It has no names."""
    with pytest.raises(ValueError, match=r".+"):
        Certificate(b"\x30\x00")


@pytest.mark.parametrize(
    ("listen", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")]
)
def test_user_of_the_other_end(listen: str, host: str) -> None:
    """Of a process of this machine, over IPv4, IPv6 and the one in the other."""
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    with (
        socket.create_server((listen, 0), family=family, dualstack_ipv6=listen == "::") as server,
        socket.create_connection((host, server.getsockname()[1])),
    ):
        accepted, _ = server.accept()
        with accepted:
            peer = peer_of(accepted, None)
            assert (peer.is_loopback, peer.uid, peer.certificate) == (True, os.geteuid(), None)


def test_user_that_is_not_known(tmp_path: Path) -> None:
    """A connection that is not listed, a list that is not there, and a peer from elsewhere."""
    own, other = ("127.0.0.1", 8420), ("127.0.0.1", 5000)
    listed = tmp_path / "tcp"
    line = "0: 0100007F:1388 0100007F:20E4 {} 00000000:00000000 00:00000000 00000000 {} 0 1\n"
    listed.write_text("heading\n" + line.format("01", 7), encoding="ascii")
    assert local_uid(own, other, (tmp_path / "none", listed)) == 7
    assert local_uid(own, ("127.0.0.1", 5001), (listed,)) is None
    assert local_uid(("127.0.0.1", 8421), other, (listed,)) is None
    listed.write_text("heading\n" + line.format("06", 7), encoding="ascii")  # It is closed.
    assert local_uid(own, other, (listed,)) is None
    far = Peer(own=("10.0.0.1", 8420), other=("10.0.0.2", 5000))
    assert (far.is_loopback, far.uid) == (False, None)
    assert (Peer().is_loopback, Peer().uid) == (False, None)


def test_unix_peer() -> None:
    """As before, by the credentials of the socket."""
    one, other = socket.socketpair()
    with one, other:
        assert peer_of(one, None).uid == os.geteuid()
    assert peer_of(None, None).uid is None
