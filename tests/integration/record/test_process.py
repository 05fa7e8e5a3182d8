"""Recorder process: over its socket it keeps the promises that it keeps in process."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from doubles.record_batches import batch_of, make_batch, make_event
from doubles.record_checks import check_published, open_head, raws
from ombud.core.errors import NotFound, Unavailable
from ombud.record.client import RecorderClient
from ombud.record.paths import Home, SegmentFile
from ombud.record.protocol import HEAD_SIZE, Operation, encode_head, parse_head
from ombud.record.receipt import Receipt
from ombud.record.recorder import Recorder

WAIT_SECONDS = 60.0
SOURCE = Path(__file__).resolve().parent.parent.parent.parent / "src"


class Process:
    """A recorder or sealer of its own, with a client."""

    def __init__(self, home: Path, module: str = "process") -> None:
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"ombud.record.{module}", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(SOURCE)},
        )
        self.client = RecorderClient(Home(home).recorder_socket)

    def wait_until_ready(self) -> None:
        """Return when it answers."""
        wait_for(lambda: self.client.ping() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()[1]

    def stop(self) -> tuple[int, str]:
        """Stop it in order; return its status and what it said."""
        self.client.close()
        if self.process.poll() is None:
            self.process.terminate()
        output, said = self.process.communicate(timeout=WAIT_SECONDS)
        assert output == b""
        return self.process.returncode, said.decode()


def wait_for(ready: object) -> None:
    """Return when `ready()` is true."""
    assert callable(ready)
    deadline = time.monotonic() + WAIT_SECONDS
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def running(home: Path) -> Iterator[Process]:
    """Return a recorder that runs."""
    process = Process(home)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Return a recorder for tests that leave it as they found it."""
    process = Process(tmp_path_factory.mktemp("shared"))
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.stop()


def test_appends_are_answered_when_durable(running: Process) -> None:
    """Receipts, heads, duplicates and conflicts are those of the recorder itself."""
    client = running.client

    assert client.append([batch_of(0, 3), batch_of(3, 2)]) == [
        Receipt(0, 2, 3, 0, 0, 5),
        Receipt(3, 4, 2, 0, 0, 5),
    ]
    assert client.append([batch_of(2, 4)]) == [Receipt(5, 5, 1, 3, 0, 6)]
    assert client.append([make_batch([make_event(0, raw=b"other")])])[0].id_conflict == 1
    size, note = client.head()
    assert size == open_head(running.home, note).size == 7
    assert client.append([]) == []
    assert raws(running.home, 3) == [make_event(number).raw for number in range(3)]


def test_head_is_published_soon_and_all_is_tidy_at_the_end(running: Process) -> None:
    """Tiles and head follow a commit by themselves; SIGTERM leaves a whole home."""
    running.client.append([batch_of(0, 300)])
    checkpoint = Home(running.home).checkpoint

    wait_for(lambda: checkpoint.read_bytes().split(b"\n")[1] == b"300")
    running.client.append([batch_of(300, 5)])
    status, said = running.stop()

    assert (status, said) == (0, "")
    assert check_published(running.home).size == 305
    assert not Home(running.home).recorder_socket.exists()


def test_socket_is_for_the_owner_alone(shared: Process) -> None:
    """Mode 0600, in the home."""
    assert Home(shared.home).recorder_socket.stat().st_mode & 0o777 == 0o600


def test_threads_share_a_client_and_their_batches_share_commits(running: Process) -> None:
    """All get their own receipts; nothing is lost, doubled or mixed up."""
    receipts: dict[int, Receipt] = {}

    def append(number: int) -> None:
        for part in range(5):
            start = 1000 * number + 20 * part
            receipts[start] = running.client.append([batch_of(start, 20)])[0]

    threads = [threading.Thread(target=append, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = raws(running.home, 600)
    assert len(receipts) == 30
    for start, receipt in receipts.items():
        assert receipt.first_index is not None
        expected = [make_event(start + row).raw for row in range(20)]
        assert found[receipt.first_index : receipt.first_index + 20] == expected


def test_large_appends_pass(running: Process) -> None:
    """Requests far beyond what a socket holds, from several clients at once."""
    raw = os.urandom(3 << 20)
    results: list[Receipt] = []

    def append(number: int) -> None:
        events = [make_event(10 * number + row, raw=raw + bytes([number, row])) for row in range(4)]
        results.extend(running.client.append([make_batch(events)]))

    threads = [threading.Thread(target=append, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(receipt.recorded for receipt in results) == 16
    assert running.client.head()[0] == 16


def connect(home: Path) -> socket.socket:
    """Return a plain connection."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(WAIT_SECONDS)
    connection.connect(str(Home(home).recorder_socket))
    return connection


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(struct.pack("<IIB3x", 0x424D4F52, 1 << 31, 1), id="too large"),
        pytest.param(encode_head(Operation.APPEND, 100) + b"half", id="half a request"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_clients_that_go_wrong_harm_nobody(shared: Process, message: bytes) -> None:
    """Their connection ends, and others are served."""
    with connect(shared.home) as connection:
        connection.sendall(message)

    assert shared.client.append([batch_of(len(message), 2)])[0].size > 0


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        pytest.param(Operation.APPEND, b"\x05\0\0\0short", id="no batch"),
        pytest.param(Operation.APPEND, b"\xff\xff", id="cut short"),
        pytest.param(Operation.SEALED, b"{", id="no JSON"),
        pytest.param(Operation.SEALED, b"[1]", id="too few values"),
        pytest.param(99, b"", id="unknown"),
    ],
)
def test_malformed_requests_are_refused(shared: Process, operation: int, body: bytes) -> None:
    """The answer says no, and the connection stays."""
    with connect(shared.home) as connection:
        for _ in range(2):
            connection.sendall(encode_head(operation, len(body)) + body)
            status, size = parse_head(connection.recv(HEAD_SIZE, socket.MSG_WAITALL))
            assert status == 1
            assert b"message" in connection.recv(size, socket.MSG_WAITALL)
    assert shared.client.ping()


def test_errors_keep_their_kind(shared: Process) -> None:
    """A client raises what the recorder raised."""
    segment = SegmentFile(Home(shared.home).segment_path(0, 4), 0, 4)

    with pytest.raises(NotFound, match="no segment"):
        shared.client.sealed(segment, "00")
    assert shared.client.ping() is True


def test_second_recorder_is_refused(shared: Process) -> None:
    """It names the first, and the first goes on."""
    second = Process(shared.home)

    output, said = second.process.communicate(timeout=WAIT_SECONDS)

    assert second.process.returncode == 3
    assert f"process {shared.process.pid}" in said.decode()
    assert output == b""
    assert shared.client.ping()


def test_tampered_home_is_refused(home: Path) -> None:
    """Exit status 1, with the place on stderr."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 4)])
    Home(home).state.unlink()
    process = Process(home)

    _, said = process.process.communicate(timeout=WAIT_SECONDS)

    assert process.process.returncode == 1
    assert "state" in said.decode()


def test_nobody_answers(home: Path) -> None:
    """A client without a recorder says so and does not wait."""
    client = RecorderClient(Home(home).recorder_socket)

    assert client.ping() is False
    with pytest.raises(Unavailable, match="no recorder answers"):
        client.append([batch_of(0, 1)])


def test_client_outlives_a_restart(home: Path) -> None:
    """Idle connections to a recorder that is gone are not used again."""
    first = Process(home)
    first.wait_until_ready()
    client = first.client
    client.append([batch_of(0, 2)])
    first.process.terminate()
    first.process.communicate(timeout=WAIT_SECONDS)
    second = Process(home)
    second.wait_until_ready()

    assert client.append([batch_of(0, 3)])[0].recorded == 1
    client.close()
    assert second.stop()[0] == 0


def test_closed_standard_input_stops_it(home: Path) -> None:
    """Whoever started it is gone then."""
    process = Process(home)
    process.wait_until_ready()
    process.client.append([batch_of(0, 2)])
    process.client.close()
    process.process.communicate(timeout=WAIT_SECONDS)

    assert process.process.returncode == 0
    assert check_published(home).size == 2


def test_deep_home_has_a_socket_all_the_same(tmp_path: Path) -> None:
    """A path may be longer than the address of a socket."""
    home = tmp_path / ("d" * 100) / ("e" * 100)
    process = Process(home)
    try:
        process.wait_until_ready()
        assert process.client.append([batch_of(0, 2)])[0].recorded == 2
    finally:
        assert process.stop()[0] == 0


def test_clients_wait_when_too_much_is_pending(shared: Process) -> None:
    """Half requests of many clients are not held without bound, and block nobody for good."""
    size = 60 << 20
    held = [connect(shared.home) for _ in range(5)]
    for connection in held:
        connection.settimeout(0.2)
        connection.sendall(encode_head(Operation.APPEND, size))
        with suppress(TimeoutError):  # It waits for room.
            connection.sendall(bytes(8 << 20))
    assert shared.client.ping()
    status = Path(f"/proc/{shared.process.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0])
    for connection in held:
        connection.close()

    assert resident < 400_000
    assert shared.client.append([batch_of(500, 2)])[0].recorded == 2


def test_sealer_seals_what_is_rotated(running: Process) -> None:
    """Both processes together turn write-ahead files into segments, and nothing is lost."""
    for number in range(3):
        running.client.append([batch_of(400 * number, 400)])
        assert running.client.rotate() is True
    sealer = Process(running.home, "sealer")
    wait_for(lambda: len(Home(running.home).wal_files()) == 1)
    status, said = sealer.stop()
    size, _ = running.client.head()

    assert (status, said) == (0, "")
    found = raws(running.home, size)
    assert [raw for raw in found if b"sha256" not in raw] == [
        make_event(number).raw for number in range(1200)
    ]
    assert len(found) == 1203
    assert running.client.append([batch_of(0, 1200)])[0].duplicate == 1200


def test_killed_ten_times_it_loses_nothing(home: Path) -> None:
    """Kill -9 in mid-append: each acknowledged batch is there once, each retry is harmless."""
    acknowledged: list[int] = []
    heads: list[tuple[int, bytes]] = []
    number = 0
    for turn in range(10):
        process = Process(home)
        process.wait_until_ready()
        killer = threading.Timer(0.02 + 0.03 * turn, process.process.send_signal, [signal.SIGKILL])
        killer.start()
        try:
            while True:
                process.client.append([batch_of(30 * number, 30)])
                acknowledged.append(number)
                number += 1
                if number % 7 == 0:
                    heads.append(process.client.head())
                    process.client.rotate()
        except Unavailable:
            pass
        killer.join()
        process.client.close()
        process.process.communicate(timeout=WAIT_SECONDS)
        assert process.process.returncode == -signal.SIGKILL
    with Recorder.open(home) as recorder:
        found = raws(home, recorder.size)
        for size, _ in heads:
            assert size <= recorder.size
    assert len(found) == len(set(found))
    expected = [make_event(30 * part + row).raw for part in acknowledged for row in range(30)]
    assert found[: len(expected)] == expected
    assert len(found) - len(expected) in (0, 30)
    check_published(home)
