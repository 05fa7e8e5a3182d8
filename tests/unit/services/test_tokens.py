"""Tokens: events first, a hash and never a secret, an end that is an end."""

from __future__ import annotations

import hmac
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ombud.core.batch import Batch, Committed
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, Unauthenticated
from ombud.core.event import Event
from ombud.record.receipt import Receipt
from ombud.services.asker import Asker
from ombud.services.tokens import DAY_MS, Tokens, token_hash
from ombud.store.control import ControlStore

CY = Asker(person="Cy", scopes=frozenset({"admin"}), via="cli")
ANA = Asker(person="Ana", scopes=frozenset({"ingest", "search"}))
WANTED = {"name": "collector", "person": "Ana", "scopes": ["ingest"], "units": ["26"]}


class Kept:
    """A record that keeps batches in memory, in log order."""

    def __init__(self) -> None:
        self.committed: list[Committed] = []
        self.size = 0

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Keep the batches."""
        receipts = []
        for batch in batches:
            times = array("q", [0] * batch.count)
            self.committed.append(
                Committed(self.size, batch.count, times, batch.offsets, batch.blobs)
            )
            first, self.size = self.size, self.size + batch.count
            receipts.append(Receipt(first, self.size - 1, batch.count, 0, 0, self.size))
        return receipts

    def head(self) -> tuple[int, bytes]:
        """Return the size."""
        return self.size, b""

    def events(self) -> list[Event]:
        """Return every event."""
        return [each.event(row) for each in self.committed for row in range(each.count)]


class Home:
    """Tokens over a real control store, with a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.record = Kept()
        self.control = ControlStore.open(folder / "control.sqlite")
        self.now = 1_795_305_600_000
        self.tokens = Tokens(
            appender=self.record, control=self.control, project=self.project, clock=lambda: self.now
        )

    def project(self) -> None:
        """Bring the tables up to the last event."""
        for committed in self.record.committed:
            if committed.first_index >= self.control.watermark():
                self.control.apply(committed)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return a home without tokens."""
    made = Home(tmp_path)
    yield made
    made.control.close()


def test_token_stands_for_its_person(home: Home) -> None:
    """Who shows the token is its person, with its scopes and units and no more."""
    token = home.tokens.create(WANTED, asker=CY)["token"]
    asker = home.tokens.authenticate(token)

    assert (asker.person, asker.scopes, asker.units) == ("Ana", frozenset({"ingest"}), ("26",))


def test_creation_is_an_event_without_the_secret(home: Home) -> None:
    """Who created it, for whom and for what is on record; the token is nowhere."""
    token = home.tokens.create(WANTED, asker=CY)["token"]
    (event,) = home.record.events()

    assert (event.actor_id, event.action, event.operation) == ("Cy", "grant", "token.created")
    assert (event.attributes or {})["hash"] == token_hash(token)
    assert token.encode() not in event.raw
    assert token not in str(event)


def test_tables_agree_with_the_record(home: Home) -> None:
    """After any acts the tables are what the events say."""
    home.tokens.create(WANTED, asker=CY)
    home.tokens.create({**WANTED, "name": "other"}, asker=CY)
    home.tokens.revoke("collector", asker=CY)

    assert home.control.compare(home.record.committed) is None
    assert [row.revoked_at is None for row in home.control.tokens()].count(True) == 1


def test_revoked_token_stops_at_once(home: Home) -> None:
    """A revoked token is no token, and its name may be used again."""
    token = home.tokens.create(WANTED, asker=CY)["token"]
    home.tokens.revoke("collector", asker=CY)

    with pytest.raises(Unauthenticated, match="unknown or revoked"):
        home.tokens.authenticate(token)
    assert home.tokens.create(WANTED, asker=CY)["token"] != token


def test_token_ends_at_its_end(home: Home) -> None:
    """A token is good until its end and not a millisecond longer."""
    token = home.tokens.create({**WANTED, "days": 1}, asker=CY)["token"]
    home.now += DAY_MS - 1
    home.tokens.authenticate(token)
    home.now += 1

    with pytest.raises(Unauthenticated, match="expired"):
        home.tokens.authenticate(token)


@pytest.mark.parametrize("token", ["", "ombud_", "ombud_" + "A" * 43, "ü" * 50, "\x00"])
def test_any_other_text_is_no_token(home: Home, token: str) -> None:
    """What nobody was given stands for nobody."""
    home.tokens.create(WANTED, asker=CY)

    with pytest.raises(Unauthenticated):
        home.tokens.authenticate(token)


def test_time_tells_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right or wrong, each known hash is compared, whole, in constant time."""
    tokens = [
        home.tokens.create({**WANTED, "name": name}, asker=CY)["token"] for name in ("a", "b", "c")
    ]
    compared: list[Any] = []
    real = hmac.compare_digest

    def counting(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    for token in (tokens[0], tokens[2]):
        home.tokens.authenticate(token)
    with pytest.raises(Unauthenticated):
        home.tokens.authenticate("wrong")

    assert compared == [(64, 64)] * 9


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        pytest.param({"name": " "}, InputError, id="no name"),
        pytest.param({"name": "a" * 101}, InputError, id="long name"),
        pytest.param({"scopes": []}, InputError, id="no scope"),
        pytest.param({"scopes": ["root"]}, InputError, id="unknown scope"),
        pytest.param({"name": "taken"}, Conflict, id="name in force"),
    ],
)
def test_wish_is_refused(home: Home, wanted: dict[str, Any], kind: type[Exception]) -> None:
    """A wish that is refused leaves no event."""
    home.tokens.create({**WANTED, "name": "taken"}, asker=CY)

    with pytest.raises(kind):
        home.tokens.create({**WANTED, **wanted}, asker=CY)
    assert home.record.size == 1


def test_only_administrators(home: Home) -> None:
    """Who may not administrate neither creates nor revokes."""
    with pytest.raises(Forbidden):
        home.tokens.create(WANTED, asker=ANA)
    with pytest.raises(Forbidden):
        home.tokens.revoke("collector", asker=ANA)


def test_who_sees_a_part_makes_no_token(home: Home) -> None:
    """An administrator limited to a unit could make a token that sees more."""
    limited = Asker(person="Cy", scopes=frozenset({"admin"}), units=("26",))
    with pytest.raises(Forbidden, match="limited"):
        home.tokens.create(dict(WANTED), asker=limited)


def test_bytes_that_are_no_text_are_refused(home: Home) -> None:
    """A terminal may give bytes that are not UTF-8; they are refused, not a crash."""
    with pytest.raises(InputError, match="not text"):
        home.tokens.create(WANTED | {"person": "ana\udcff"}, asker=CY)


def test_unknown_name_is_not_revoked(home: Home) -> None:
    """There is nothing to revoke, and nothing is recorded."""
    with pytest.raises(NotFound):
        home.tokens.revoke("nobody", asker=CY)
    assert home.record.size == 0
