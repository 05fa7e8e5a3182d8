"""TLS on the API's port: client certificates are asked for, tokens go on working."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from cryptography import x509

from doubles.certificates import Authority, Pair
from doubles.trino_door import body, table
from doubles.trino_home import Services
from ombud.core.errors import SettingsError
from ombud.services.home import HomeServices
from ombud.services.trino_access import TrinoAccess
from ombud.web.app import create_app
from ombud.web.server import WebServer
from ombud.web.tls import Tls, tls_of

PATH = "/v1/data/trino/batch"
QUESTION = orjson.dumps(body("FilterTables", filterResources=[table("tpch.tiny.nation")]))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return who signs."""
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def served(authority: Authority, access: TrinoAccess, unix: Path | None = None) -> Iterator[int]:
    """Serve a Trino door over TLS; yield the port."""
    pair = authority.issue("server", is_server=True)
    app = create_app(cast("HomeServices", Services(trino_access=access)))
    tls = Tls(pair.certificate, pair.key, authority.path)
    with WebServer(app, tls=tls, unix_path=unix) as server:
        yield server.port


def ask(
    authority: Authority, port: int, pair: Pair | None = None, **headers: Any
) -> tuple[int, Any]:
    """Ask as Trino would, with a client certificate or without."""
    context = ssl.create_default_context(cafile=str(authority.path))
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
    try:
        connection.request("POST", PATH, QUESTION, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, orjson.loads(answer.read())
    finally:
        connection.close()


def test_certificates(authority: Authority, tmp_path: Path) -> None:
    """A listed name is enough; another name, no certificate or a bad token is not."""
    names: list[x509.GeneralName] = [x509.DNSName("trino.example")]
    listed = authority.issue("trino", names=names)
    other = authority.issue("trino2")
    access = TrinoAccess(certificates=["DNS:trino.example"])
    with served(authority, access, tmp_path / "s.sock") as port:
        assert ask(authority, port, listed) == (200, {"result": [0]})
        assert ask(authority, port, other)[0] == 401
        assert ask(authority, port)[0] == 401
        assert ask(authority, port, Authorization="Bearer decide")[0] == 200
        assert ask(authority, port, other, Authorization="Bearer decide")[0] == 200
        # Who sends a token is who it says, whatever certificate they have.
        assert ask(authority, port, listed, Authorization="Bearer wrong")[0] == 401
        forged = {"X-SSL-Client-S-DN": "CN=trino", "X-Forwarded-For": "127.0.0.1"}
        assert ask(authority, port, None, **forged)[0] == 401
        # The home's own socket speaks plain HTTP as before.
        with socket.socket(socket.AF_UNIX) as plain:
            plain.connect(str(tmp_path / "s.sock"))
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert plain.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("kind", ["stranger", "expired"])
def test_certificates_that_are_not_verified(
    authority: Authority, tmp_path: Path, kind: str
) -> None:
    """One that somebody else signed, or that has ended, ends the connection."""
    stranger = Authority(tmp_path, "another authority")
    pair = stranger.issue("trino") if kind == "stranger" else authority.issue("trino", days=-1)
    access = TrinoAccess(certificates=["CN=trino"])
    with (
        served(authority, access) as port,
        pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)),
    ):
        ask(authority, port, pair)


def test_plain_requests_get_no_answer(authority: Authority) -> None:
    """There is no way round TLS on its port."""
    with served(authority, TrinoAccess(peers=["loopback"])) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP")
        assert ask(authority, port)[0] == 200  # Any process of this machine, as the setting says.


def test_peers_of_this_machine() -> None:
    """By user, over plain HTTP; nobody unless the setting names them."""
    for peers, status in (([], 401), ([f"uid:{os.geteuid()}"], 200), (["uid:4000000"], 401)):
        app = create_app(cast("HomeServices", Services(trino_access=TrinoAccess(peers=peers))))
        with WebServer(app) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            connection.request("POST", PATH, QUESTION, {"Content-Type": "application/json"})
            assert connection.getresponse().status == status
            connection.close()


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "Origin", "Sec-Fetch-Site"]
)
def test_who_passes_others_on_is_no_peer(authority: Authority, name: str) -> None:
    """A proxy or a browser of this machine speaks for somebody else."""
    with served(authority, TrinoAccess(peers=["loopback", f"uid:{os.geteuid()}"])) as port:
        assert ask(authority, port, **dict[str, Any]({name: "1.2.3.4"}))[0] == 401
        assert ask(authority, port)[0] == 200


def test_settings(authority: Authority, tmp_path: Path) -> None:
    """What is missing or broken is told before anything listens."""
    pair = authority.issue("server", is_server=True)
    whole, key = str(pair.certificate), str(pair.key)
    assert tls_of(certificate="", key="", client_ca="") is None
    made = tls_of(certificate=whole, key=key, client_ca=str(authority.path))
    assert made is not None
    context = made.context()
    assert context.verify_mode is ssl.CERT_OPTIONAL
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    for lacking in ({"certificate": whole, "key": ""}, {"certificate": "", "key": key}):
        with pytest.raises(SettingsError, match="both"):
            tls_of(**lacking, client_ca="")
    with pytest.raises(SettingsError, match="both"):
        tls_of(certificate="", key="", client_ca=whole)
    other = authority.issue("other")
    empty = tmp_path / "empty.pem"
    empty.touch()
    for certificate, ca in (
        (tmp_path / "none.pem", None),
        (empty, None),
        (other.certificate, None),
        (pair.certificate, empty),
        (pair.certificate, tmp_path / "none.pem"),
    ):
        with pytest.raises(SettingsError):
            Tls(certificate, pair.key, ca).context()
