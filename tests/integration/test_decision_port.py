"""Decision port: what must never happen between a decision and its permit."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httptools
import orjson
import pytest

from doubles.certificates import Authority
from doubles.running_home import RunningHome, is_alive, wait_until
from ombud.app.remote import RemoteDoor

Make = Callable[[Path], RunningHome]

EVALUATION = "/access/v1/evaluation"
ASKED = {
    "subject": {"type": "user", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "record", "id": "record-1"},
}
# One person alone opens and closes it again.
LONE_UNTIL = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=14)
OPEN = f"""
when_no_purpose: records
lone_until: {LONE_UNTIL}
entities: {{user: {{alice: {{}}, bob: {{}}}}, record: {{record-1: {{}}}}}}
purposes:
  records:
    title: Keep the records
    standing: true
    audience: {{actors: [user:alice]}}
    scope: [{{name: read, type: record, actions: [read], resources: [record-1]}}]
"""
CLOSED = OPEN.replace("[user:alice]", "[user:bob]")


class Wire:
    """One connection that is kept alive, read answer by answer."""

    def __init__(self, address: str, token: str, tls: ssl.SSLContext | None = None) -> None:
        place = urlsplit(address)
        assert place.hostname is not None
        assert place.port is not None
        self.socket = socket.create_connection((place.hostname, place.port), timeout=20)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=place.hostname)
        self.token = token
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._answers: list[tuple[int, bytes]] = []

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._body += body

    def on_message_complete(self) -> None:
        """Take an answer."""
        self._answers.append((self._parser.get_status_code(), self._body))
        self._body = b""

    def send(self, said: object = ASKED, path: str = EVALUATION) -> None:
        """Send an evaluation."""
        body = orjson.dumps(said)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: pdp\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.socket.sendall(head.encode() + body)

    def read(self) -> tuple[int, dict[str, Any]]:
        """Return the next answer; fails with `ConnectionError` when there comes none."""
        while not self._answers:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("closed")
            self._parser.feed_data(data)
        status, body = self._answers.pop(0)
        return status, orjson.loads(body)

    def ask(self) -> tuple[int, dict[str, Any]]:
        """Send and read."""
        self.send()
        return self.read()

    def close(self) -> None:
        """Close it."""
        self.socket.close()


def serve(running: Make, folder: Path) -> RunningHome:
    """Serve a policy that lets alice read, by a worker."""
    policy = folder / "policy"
    policy.mkdir()
    (policy / "policy.yaml").write_text(OPEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMBUD_POLICY", str(policy))
        patch.setenv("OMBUD_DECIDE_WORKERS", "1")
        patch.setenv("OMBUD_DECIDE_PORT", "0")
        home = running(folder / "home").start()
    home.own_token()
    return home


@pytest.fixture(scope="module")
def served(running: Make, tmp_path_factory: pytest.TempPathFactory) -> RunningHome:
    """Serve for the tests that leave the home as it was."""
    return serve(running, tmp_path_factory.mktemp("port"))


@pytest.fixture(scope="module")
def held(served: RunningHome) -> str:
    """Return a token that may decide."""
    return served.make_token("pep", "decide")


@pytest.fixture
def wire(served: RunningHome, held: str) -> Iterator[Wire]:
    """Connect to the worker."""
    made = Wire(served.told["decide_address"], held)
    yield made
    made.close()


def test_a_token_that_is_revoked_stops_working_on_open_connections(
    served: RunningHome,
) -> None:
    """No answer that is asked for after the revocation is a permit."""
    wire = Wire(served.told["decide_address"], served.make_token("short", "decide"))
    assert wire.ask()[1]["decision"] is True
    assert served.ask("DELETE", "/v1/tokens/short").status == 200

    assert wire.ask()[0] == 401
    wire.close()


@pytest.mark.parametrize("door", ["address", "decide_address"])
def test_a_token_that_is_revoked_within_a_request_permits_nothing(
    served: RunningHome, door: str
) -> None:
    """However long its body takes to come."""
    name = f"slow-{door}"
    wire = Wire(served.told[door], served.make_token(name, "decide"))
    body = orjson.dumps(ASKED)
    head = f"POST {EVALUATION} HTTP/1.1\r\nHost: pdp\r\nAuthorization: Bearer {wire.token}\r\n"
    more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    wire.socket.sendall((head + more).encode() + body[:9])
    served.ask("GET", "/v1/tokens")  # The head has been read by then.
    time.sleep(0.2)
    assert served.ask("DELETE", f"/v1/tokens/{name}").status == 200
    wire.socket.sendall(body[9:])

    assert wire.read()[0] == 401
    wire.close()


def test_the_newer_policy_holds_from_the_moment_it_is_acknowledged(
    served: RunningHome, wire: Wire
) -> None:
    """Under a stream of questions, every one that is asked after the change is denied."""
    found: list[tuple[float, bool]] = []
    is_over = threading.Event()

    def stream() -> None:
        while not is_over.is_set():
            began = time.monotonic()
            found.append((began, wire.ask()[1]["decision"] is True))

    asking = threading.Thread(target=stream)
    asking.start()
    try:
        wait_until(lambda: len(found) > 20, "decisions flow")
        apply_policy(served, CLOSED)
        changed = time.monotonic()
        count = len(found)
        wait_until(lambda: len(found) > count + 20, "decisions go on")
    finally:
        is_over.set()
        asking.join()
    apply_policy(served, OPEN)

    assert found[0][1] is True
    assert not any(permit for began, permit in found if began > changed)
    assert wire.ask()[1]["decision"] is True


def apply_policy(served: RunningHome, text: str) -> None:
    """Put another policy in force by the API."""
    wanted = orjson.dumps({"files": {"policy.yaml": text}, "why": "a test", "case": "T-1"})
    answer = served.ask("POST", "/v1/policy/versions", wanted)
    assert answer.status in {200, 201}, answer.body
    assert answer.body["state"] == "applied", answer.body


def test_a_stale_epoch_is_never_answered_from(served: RunningHome, wire: Wire) -> None:
    """An epoch that is half written, or whose snapshot is gone, is a refusal."""
    assert wire.ask()[1]["decision"] is True
    epoch = served.home / "published" / "snapshot.epoch"

    with epoch.open("r+b") as file:  # As a server leaves it that dies while it publishes.
        stood = file.read(8)
        file.seek(0)
        file.write((int.from_bytes(stood, "little") + 1).to_bytes(8, "little"))
    assert wire.ask()[0] == 503
    with epoch.open("r+b") as file:
        file.write((int.from_bytes(stood, "little") + 2).to_bytes(8, "little"))
        name = file.read(32)
        file.seek(8)
        file.write(bytes(32))  # The name of no snapshot.
    assert wire.ask()[0] == 503
    with epoch.open("r+b") as file:
        file.write((int.from_bytes(stood, "little") + 4).to_bytes(8, "little") + name)
    assert wire.ask()[1]["decision"] is True


def test_pipelined_questions_are_answered_in_order(wire: Wire) -> None:
    """Denials, permits and what is no question come back in the order they were sent."""
    for number in range(40):
        wire.send({**ASKED, "subject": {"type": "user", "id": "alice" if number % 2 else "eve"}})
    found = [wire.read()[1]["decision"] for _ in range(40)]

    assert found == [bool(number % 2) for number in range(40)]


def test_nobody_becomes_the_owner_by_way_of_a_worker(served: RunningHome) -> None:
    """What is handed on without a token, or with an odd one, is not taken for the owner's."""
    paths = (
        b"POST /access/v1/search/subject",
        b"GET /access/v1/requests/r1",
        b"POST /access/v1/requests",
        b"POST /access/v1/requests/r1/cancel",
    )
    for path in paths:
        for header in (b"", b"Authorization: \r\n", b"Authorization: Basic eA==\r\n"):
            wire = Wire(served.told["decide_address"], "")
            head = path + b" HTTP/1.1\r\nHost: pdp\r\n" + header
            wire.socket.sendall(head + b"Content-Length: 2\r\n\r\n{}")
            assert wire.read()[0] == 401, (path, header)
            wire.close()


def test_a_worker_that_dies_is_started_again(served: RunningHome, wire: Wire) -> None:
    """The port goes on answering."""
    worker = served.child("ombud.web.decider")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not is_alive(worker), "it is gone")

    def answers() -> bool:
        try:
            again = Wire(served.told["decide_address"], wire.token)
        except OSError:
            return False
        try:
            return again.ask()[1]["decision"] is True
        except (ConnectionError, OSError):
            return False
        finally:
            again.close()

    wait_until(answers, "another one answers")


def test_nobody_is_never_taken_for_the_owner(served: RunningHome, wire: Wire) -> None:
    """What is handed on to the home's own socket without a token stays without an asker."""
    for line in (b"", b"Authorization:\r\n", b"Authorization: Basic YTpi\r\n"):
        nobody = Wire(served.told["decide_address"], "")
        try:
            nobody.socket.sendall(
                b"GET /access/v1/requests/01 HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n"
            )
            assert nobody.read()[0] == 401, line
        finally:
            nobody.close()
    assert wire.ask()[0] == 200


_BOTH = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
_TWICE = b"Authorization: a\r\nAuthorization: b\r\n"
HOSTILE: list[tuple[str, bytes, int]] = [
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    ("head without end", b"POST / HTTP/1.1\r\nX: " + b"a" * 300_000, 431),
    ("two lengths", b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    ("length and chunks", b"POST / HTTP/1.1\r\n" + _BOTH + b"\r\n", 400),
    ("bad chunk", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("too large", b"POST /access/v1/evaluation HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
    ("elsewhere", b"GET /etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    ("upgrade", b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 400),
    ("two tokens", b"POST /access/v1/evaluation HTTP/1.1\r\n" + _TWICE + b"\r\n", 400),
]


def test_hostile_bytes_are_refused_and_harm_nobody(served: RunningHome, wire: Wire) -> None:
    """Each gets its status, and others are answered as before."""
    for name, data, status in HOSTILE:
        bad = Wire(served.told["decide_address"], "")
        try:
            bad.socket.sendall(data)
            assert bad.read()[0] == status, name
        finally:
            bad.close()
    assert wire.ask()[1]["decision"] is True


def test_hostile_bodies_are_refused_alike_at_both_doors(served: RunningHome, wire: Wire) -> None:
    """Deep, huge, not Unicode, of other types: a refusal, never a fault and never a permit."""
    deep = b"[" * 20_000 + b"]" * 20_000
    cases: list[tuple[bytes, int]] = [
        (b'{"subject":' + deep + b"}", 400),
        (orjson.dumps({**ASKED, "context": {"a": orjson.Fragment(b"[" * 40 + b"]" * 40)}}), 400),
        (b'{"subject":{"type":"user","id":"\xff"}}', 400),
        (orjson.dumps(ASKED).replace(b"alice", b"\\ud800"), 400),
        (orjson.dumps({**ASKED, "context": {"purpose": 7}}), 400),
        (orjson.dumps({**ASKED, "context": {"rows": orjson.Fragment(b"1" * 400)}}), 400),
        (orjson.dumps({**ASKED, "context": {"supported_obligations": "all"}}), 400),
        (orjson.dumps({**ASKED, "context": {"justification_id": [1]}}), 400),
        (orjson.dumps({**ASKED, "context": {"a": "a" * 70_000}}), 413),
        (b"null", 400),
        (b"[]", 400),
    ]
    for address in (served.told["address"], served.told["decide_address"]):
        for body, status in cases:
            said = served_answer(address, wire.token, body)
            assert said[0] == status, (body[:80], said)
            assert set(said[1]) == {"error"}
    assert wire.ask()[1]["decision"] is True


def served_answer(address: str, token: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Post a body to an address and return what comes back."""
    one = Wire(address, token)
    try:
        one.send(orjson.Fragment(body))
        return one.read()
    finally:
        one.close()


def test_no_permit_without_a_recorder(running: Make, tmp_path: Path) -> None:
    """A recorder that stands still keeps the answer back; one that is killed makes it a refusal."""
    home = serve(running, tmp_path)
    wire = Wire(home.told["decide_address"], home.make_token("pep", "decide"))
    assert wire.ask()[1]["decision"] is True
    recorder = home.recorder

    os.kill(recorder, signal.SIGSTOP)
    wire.send()
    wire.socket.settimeout(1.0)
    with pytest.raises(TimeoutError):  # Decided, not durable: nothing leaves.
        wire.read()
    os.kill(recorder, signal.SIGKILL)
    wire.socket.settimeout(20.0)
    status, said = wire.read()
    wire.close()

    assert (status, said["error"]["code"]) == (503, "unavailable")
    assert home.wait() == 3  # The whole home ends with its recorder.


def test_tokens_do_not_cross_the_network_in_the_clear(running: Make, tmp_path: Path) -> None:
    """Where the API speaks TLS the decision port does."""
    authority = Authority(tmp_path / "keys")
    pair = authority.issue("server", is_server=True)
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "settings.yaml").write_text(
        f"server: {{tls: {{certificate: {pair.certificate}, key: {pair.key}}}}}\n"
    )
    home = serve(running, tmp_path)
    door = RemoteDoor(folder / "server.sock")
    token = str(door.token_create({"name": "pep", "scopes": ["decide"]})["token"])
    door.close()
    address = home.told["decide_address"]
    wire = Wire(address, token, ssl.create_default_context(cafile=authority.path))
    assert address.startswith("https://")
    assert wire.ask()[1]["decision"] is True
    wire.close()

    plain = Wire(address, token)
    plain.send()
    with pytest.raises((ConnectionError, httptools.HttpParserError)):
        plain.read()
    plain.close()


def test_the_end_is_orderly(served: RunningHome, wire: Wire) -> None:
    """Workers end with their server, and its exit status is good."""
    assert wire.ask()[0] == 200
    worker = served.child("ombud.web.decider")

    assert served.end() == 0
    assert not is_alive(worker)
