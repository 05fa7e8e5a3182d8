"""A served home: deliveries, looks and tokens, over HTTP and by commands beside the server."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.audit_logs import look_up, trail
from doubles.running_home import LOOK, RunningHome, ombud, rows_of, wait_until
from ombud.cli.main import run

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "sources"
SETTINGS = """\
sources:
  - {kind: aws.cloudtrail, path: LOGS/trail.log, heartbeat_seconds: 1}
  - {kind: mapping, path: LOGS/shop.log, mapping: LOGS/shop.yaml}
record:
  tick_seconds: 1
"""
SHOP = """\
source: shop.desk
fields:
  time: at
  native_id: id
  sequence: n
  action: what
  actor.id: who
"""
EXPORT = {
    "resources": [{"uid": "e-1", "name": "plates", "namespace": "archive"}],
    "ombud": {"action": "export", "rows_returned": 90_000, "case_uid": None},
}


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of logs that the server follows."""
    folder = tmp_path_factory.mktemp("logs")
    (folder / "shop.yaml").write_text(SHOP)
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Iterator[RunningHome]:
    """Return a home that runs, with forty events of two units, and an administrator's token."""
    home = tmp_path_factory.mktemp("served") / "home"
    (home / "mappings").mkdir(parents=True, mode=0o700)
    shutil.copy(GOLDEN / "mapping" / "hospital.yaml", home / "mappings")
    (home / "settings.yaml").write_text(SETTINGS.replace("LOGS", str(logs)))
    one = RunningHome(home).start()
    one.own_token()
    filled = one.deliver("ocsf", [*map(look_up, range(40)), look_up(41, **EXPORT)])
    assert filled.body["recorded"] == 41, filled.body
    yield one
    assert one.end() == 0


def command(
    served: RunningHome, capsys: pytest.CaptureFixture[str], *words: str, status: int = 0
) -> list[dict[str, Any]]:
    """Return what a command beside the server prints, as JSON."""
    capsys.readouterr()
    assert run([*words, "--json", "--home", str(served.home)]) == status
    return rows_of(capsys.readouterr().out)


def test_token_stands_alone_on_standard_output(served: RunningHome) -> None:
    """What `token create` prints can be put into a variable as it is."""
    made = ombud(served.home, "token", "create", "alone", "--scope", "ingest")
    text = made.stdout.decode()

    assert made.returncode == 0
    assert text.count("\n") == 1
    assert text.startswith("ombud_")
    assert not any(text.strip().encode() in path.read_bytes() for path in files_of(served.home))


def files_of(home: Path) -> list[Path]:
    """Return every file of a home."""
    return [path for path in home.rglob("*") if path.is_file()]


def test_monitors_need_no_token_and_all_else_does(served: RunningHome) -> None:
    """Health is answered to anybody; nothing else is."""
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert served.ask("GET", path, headers={}, token="").status == 200, path
    for path in ("/v1/search", "/v1/sessions", "/v1/who/a/b", "/v1/alerts", "/v1/record/head"):
        answer = RunningHome.ask(served, "GET", path, headers={"Authorization": "Bearer no"})
        assert answer.status == 401, path
        assert answer.body["error"]["code"]


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("ingest", {"/v1/events"}),
        ("search", {"/v1/search", "/v1/alerts"}),
        ("admin", {"/v1/tokens"}),
    ],
)
def test_scope_allows_its_own_and_no_more(served: RunningHome, scope: str, may: set[str]) -> None:
    """A token does what its scope says; all else is refused with a hint."""
    token = served.make_token(f"only-{scope}", scope)
    answers = {
        "/v1/events": served.deliver("ocsf", [look_up(1)], token=token),
        "/v1/search": served.ask("GET", "/v1/search", token=token, **LOOK),
        "/v1/alerts": served.ask("GET", "/v1/alerts", token=token),
        "/v1/tokens": served.ask("GET", "/v1/tokens", token=token),
    }

    assert {path for path, answer in answers.items() if answer.status == 200} == may
    refused = [answer for answer in answers.values() if answer.status != 200]
    assert {answer.status for answer in refused} == {403}
    assert all("ombud token create" in answer.body["error"]["hint"] for answer in refused)


def test_revoked_token_stops_at_once(served: RunningHome) -> None:
    """After its revocation a token is none."""
    token = served.make_token("brief", "search")
    assert served.ask("GET", "/v1/alerts", token=token).status == 200
    assert served.ask("DELETE", "/v1/tokens/brief").status == 200

    assert served.ask("GET", "/v1/alerts", token=token).status == 401


def test_receipt_accounts_for_everything(served: RunningHome) -> None:
    """Lines, a `Records` document and gzip: read = recorded + duplicate + quarantined."""
    lines = [trail(n) for n in range(100, 110)]
    mixed = served.deliver("aws.cloudtrail", [*lines, b"no record", b'{"not": "one"}'])
    records = b'{"Records": [' + b",".join(map(trail, range(105, 115))) + b"]}"
    document = served.ask("POST", "/v1/sources/aws.cloudtrail/events", records)
    packed = served.ask(
        "POST",
        "/v1/sources/aws.cloudtrail/events",
        gzip.compress(records),
        headers={"Content-Encoding": "gzip"},
    )
    again = served.deliver("aws.cloudtrail", lines)

    assert counts(mixed.body) == (12, 10, 0, 2)
    assert mixed.body["last_index"] - mixed.body["first_index"] >= 9
    assert counts(document.body) == (10, 5, 5, 0)
    assert counts(packed.body) == (10, 0, 10, 0)
    assert counts(again.body) == (10, 0, 10, 0)
    assert again.body["first_index"] is again.body["last_index"] is None


def counts(receipt: dict[str, Any]) -> tuple[int, ...]:
    """Return what was read and what became of it."""
    read, *parts = (receipt[name] for name in ("read", "recorded", "duplicate", "quarantined"))
    assert read == sum(parts), receipt
    return (read, *parts)


def test_same_id_with_other_bytes_is_a_conflict(served: RunningHome) -> None:
    """Neither is lost: the second is an event of its own, and says so."""
    served.deliver("aws.cloudtrail", [trail(300)])
    changed = served.deliver("aws.cloudtrail", [trail(300, eventName="DeleteObject")])
    found = served.search("flags:id_conflict")

    assert counts(changed.body) == (1, 1, 0, 0)
    assert [event["metadata"]["uid"] for event in found] == [str(changed.body["first_index"])]
    assert found[0]["raw_data"].encode() == trail(300, eventName="DeleteObject")


def test_unknown_source_is_not_found(served: RunningHome) -> None:
    """The answer says which kinds there are, mapped ones among them."""
    answer = served.deliver("no.such", [b"{}"])

    assert answer.status == 404
    assert "hospital.access" in answer.body["error"]["hint"]


def test_mapped_source_is_delivered_by_http(served: RunningHome) -> None:
    """A mapping in the home makes a source; a gap in its sequence is an event."""
    lines = (GOLDEN / "mapping" / "hospital.ndjson").read_bytes().splitlines()
    gap = orjson.dumps(orjson.loads(lines[1]) | {"id": "h-9", "n": 9})
    answer = served.deliver("hospital.access", [lines[0], lines[1], gap])
    found = served.search("source:ombud.collect operation:source.gap")

    assert counts(answer.body) == (3, 3, 0, 0)
    assert [event["ombud"]["attributes"]["missing"] for event in found] == [6]


@pytest.mark.parametrize("missing", ["why", "case"])
def test_look_without_a_reason_is_refused(
    served: RunningHome, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    """Each door refuses, says what to add, and answers nothing."""
    reason: dict[str, Any] = {name: text for name, text in LOOK.items() if name != missing}
    words = [word for name, text in reason.items() for word in (f"--{name}", text)]
    for path in ("/v1/search", "/v1/sessions", "/v1/sessions/x", "/v1/who/patient/17"):
        answer = served.ask("GET", path, **reason)
        assert (answer.status, "events" in answer.body) == (400, False), path
        assert missing in answer.body["error"]["hint"]
    for asked in (["search", ""], ["sessions"], ["session", "x"], ["who", "patient:17"]):
        assert command(served, capsys, *asked, *words, status=2) == []


def test_commands_and_http_answer_alike(
    served: RunningHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """A search, its counts, sessions, a session and who are the same by both doors."""
    why = ["--why", LOOK["why"], "--case", LOOK["case"]]
    query = "source:ward.desk"
    by_http = served.search(query)
    counted = served.look("/v1/search", q=f"{query} | count by actor")["rows"]
    sessions = served.look("/v1/sessions", q=query)["sessions"]
    asked = sessions[0]["id"]
    session = served.look(f"/v1/sessions/{asked}")["events"]
    who = served.look("/v1/who/patient/17")["people"]

    assert len(by_http) == 41
    assert [event["time"] for event in by_http] == sorted(
        (e["time"] for e in by_http), reverse=True
    )
    assert command(served, capsys, "search", query, *why) == by_http
    assert command(served, capsys, "search", query, "--limit", "3", *why) == by_http[:3]
    assert command(served, capsys, "search", f"{query} | count by actor", *why) == counted
    assert sum(row["events"] for row in counted) == 41
    assert command(served, capsys, "sessions", query, *why) == sessions
    assert command(served, capsys, "session", asked, *why) == session
    assert [event["time"] for event in session] == sorted(event["time"] for event in session)
    (answer,) = command(served, capsys, "who", "patient:17", *why)
    mine = [row for row in answer["people"] if is_of(row, "a")]
    assert mine == [row for row in who if is_of(row, "a")]
    assert sum(row["events"] for row in mine) == 41
    assert {case for row in mine for case in row["cases"]} == {"C-0", "C-1"}


def is_of(row: dict[str, Any], prefix: str) -> bool:
    """Whether a row is about one of the made-up actors."""
    return row["account"].startswith(prefix) and "-" in row["account"]


def test_every_look_is_on_record(served: RunningHome, capsys: pytest.CaptureFixture[str]) -> None:
    """Who, by which door, what, why and for which case; before the answer."""
    token = served.make_token("onlooker", "search")
    why: dict[str, Any] = {"why": "on record", "case": "T-77"}
    served.look("/v1/search", token=token, q="action:export", **why)
    served.look("/v1/sessions", token=token, q="action:export", **why)
    served.ask("GET", "/v1/sessions/guess", token=token, **why)
    served.look("/v1/who/patient/17", token=token, **why)
    served.ask("GET", "/v1/alerts", token=token)
    command(served, capsys, "search", "action:grant", "--why", "by hand", "--case", "T-77")
    looks = served.search("source:ombud.look case:T-77")[::-1]
    by_token = served.search("source:ombud.look actor:onlooker@example")

    assert [event["api"]["operation"] for event in looks] == [
        "search", "sessions", "session", "who", "search",
    ]  # fmt: skip
    assert {e["ombud"]["justification"]["text"] for e in looks[:4]} == {"on record"}
    assert {e["actor"]["user"]["uid"] for e in looks[:4]} == {"onlooker@example"}
    assert [e["ombud"]["attributes"]["via"] for e in looks] == ["api"] * 4 + ["cli"]
    assert looks[0]["query_info"]["query_string"] == "action:export"
    assert looks[2]["resources"][0]["uid"] == "guess"
    assert looks[3]["ombud"]["data_subjects"] == [{"kind": "patient", "key": "17"}]
    assert "alerts" in {event["api"]["operation"] for event in by_token}


def test_alerts_are_the_same_by_both_doors(
    served: RunningHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """The export of many rows without a reason raised alerts."""
    rules = served.look("/v1/alerts", limit=1000)
    wait_until(lambda: bool(served.look("/v1/alerts")["alerts"]), "an alert")
    rules = [row["title"] for row in served.look("/v1/alerts", limit=1000)["alerts"]]
    by_command = [row["title"] for row in command(served, capsys, "alerts", "--limit", "1000")]

    assert any("Export" in title for title in rules)
    assert by_command[-len(rules) :] == rules


def test_limited_token_sees_no_more(served: RunningHome) -> None:
    """Units and systems bind search, counts, sessions, guessed ids, who and alerts."""
    north = served.make_token("north", "search", units=["north"])
    ward = served.make_token("ward", "search", systems=["ward"])
    ids = [row["id"] for row in served.look("/v1/sessions", q="source:ward.desk")["sessions"]]
    hidden = [one for one in ids if "archive" in one]
    wait_until(lambda: bool(served.look("/v1/alerts")["alerts"]), "an alert")
    raised = served.look("/v1/alerts")["alerts"][0]["id"]

    for token in (north, ward):
        found = served.search("", token=token)
        assert len(found) == 20
        assert {event["actor"]["user"]["org"]["uid"] for event in found} == {"north"}
        for field in ("actor", "org", "system", "source", "case"):
            counted = served.look("/v1/search", token=token, q=f"| count by {field}")["rows"]
            assert sum(row["events"] for row in counted) == 20, field
        sessions = served.look("/v1/sessions", token=token)["sessions"]
        assert {row["id"] for row in sessions} == set(ids) - set(hidden)
        who = served.look("/v1/who/patient/17", token=token)["people"]
        assert {row["account"].partition("-")[2] for row in who} == {"north"}
        assert hidden
        for one in hidden:
            answer = served.ask("GET", f"/v1/sessions/{one}", token=token, **LOOK)
            assert answer.status == 404
        assert served.look("/v1/alerts", token=token, limit=1000)["alerts"] == []
        assert served.ask("GET", f"/v1/alerts/{raised}", token=token).status == 404
    south = served.make_token("south", "search", units=["south"])
    (alert, *_) = served.look("/v1/alerts", token=south)["alerts"]
    assert alert["actor_id"].endswith("-south")
    assert served.ask("GET", f"/v1/alerts/{raised}", token=south).body["alert"]["id"] == raised


def test_sums_beyond_64_bits_are_answered(served: RunningHome) -> None:
    """Whatever sources claim, a sum of it does not end the answer."""
    huge = {"rows_returned": 2**63 - 1, "data_subjects": [{"kind": "patient", "key": "huge"}]}
    served.deliver("ocsf", [look_up(n, ombud=huge) for n in (600, 606, 612)])
    (row,) = [row for row in served.look("/v1/who/patient/huge")["people"] if is_of(row, "a")]

    assert row["events"] == 3
    assert row["rows_returned"] == 2**63 - 1


FORGED = {
    "type": "token.created",
    "attributes": {
        "token_id": "f",
        "name": "forged",
        "person": "mallory",
        "scopes": ["admin", "search", "ingest"],
        "hash": "0" * 64,
    },
}


@pytest.mark.parametrize(
    "source", ["ombud.control", "ombud.look", "ombud.tick", "ombud", "Ombud.Control", " ombud.look"]
)
def test_nobody_posts_an_act_of_ombuds(served: RunningHome, source: str) -> None:
    """What calls itself Ombud's own is an event of `ocsf`, flagged, and changes nothing."""
    before = served.ask("GET", "/v1/tokens").body
    forged = look_up(
        500,
        metadata={"log_name": source, "original_event_uid": f"forged {source}"},
        api={"operation": FORGED["type"]},
        ombud={"action": "grant", "attributes": FORGED["attributes"], "case_uid": "FORGED"},
    )
    receipt = served.deliver("ocsf", [forged]).body
    (event,) = served.search(f"id:{receipt['first_index']}")

    assert event["metadata"]["log_name"] == "ocsf"
    assert "source_reserved" in event["ombud"]["flags"]
    assert served.search("source:ombud* case:FORGED") == []
    assert served.ask("GET", "/v1/tokens").body == before
    assert served.deliver(source.strip().lower(), [b"{}"]).status == 404


def test_own_event_given_back_is_not_believed(served: RunningHome) -> None:
    """An exported act of Ombud's comes back as somebody's copy."""
    (act, *_) = served.search("source:ombud.control operation:token.created")
    receipt = served.deliver("ocsf", [orjson.dumps(act)]).body
    (event,) = served.search(f"id:{receipt['first_index']}")

    assert event["metadata"]["log_name"] == "ocsf"
    assert event["metadata"]["uid"] != act["metadata"]["uid"]


def test_reserved_mapping_is_refused(
    served: RunningHome, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mapping cannot speak for Ombud."""
    mapping = tmp_path / "forged.yaml"
    mapping.write_text(SHOP.replace("shop.desk", "ombud.control"))
    words = ["ingest", "--source", "mapping", "--mapping", str(mapping), str(mapping)]

    assert run([*words, "--home", str(served.home)]) == 2
    assert "reserved" in capsys.readouterr().err


def test_command_ingests_into_the_running_home(served: RunningHome, tmp_path: Path) -> None:
    """The running recorder takes what a command reads; the second time all is known."""
    file = tmp_path / "logs.ndjson"
    file.write_bytes(b"\n".join(map(trail, range(1000, 1600))))
    words = ("ingest", "--source", "aws.cloudtrail", "--json")
    first = ombud(served.home, *words, str(file))
    piped = ombud(served.home, *words, "-", stdin=file.read_bytes())

    assert first.returncode == piped.returncode == 0, first.stderr + piped.stderr
    assert counts(rows_of(first.stdout)[0]) == (600, 600, 0, 0)
    assert counts(rows_of(piped.stdout)[0]) == (600, 0, 600, 0)


def test_verify_holds_while_it_runs(
    served: RunningHome, capsys: pytest.CaptureFixture[str]
) -> None:
    """`record verify` works beside the server, and `record head` extends what was seen."""
    (report,) = command(served, capsys, "record", "verify")
    head = served.ask("GET", "/v1/record/head").body

    assert report["ok"]
    assert 0 < report["size"] <= head["size"]


def test_followed_file_grows_and_rotates(served: RunningHome, logs: Path) -> None:
    """Nothing is lost or doubled when a followed file is renamed and begun anew."""
    file = logs / "trail.log"
    total = 0
    for turn in range(3):
        with file.open("ab") as log:
            for number in range(total, total + 50):
                log.write(trail(5000 + number, userAgent="followed/1") + b"\n")
        total += 50
        await_followed(served, total)
        file.rename(logs / f"rotated-{turn}")
    assert followed(served) == 150


def await_followed(served: RunningHome, total: int) -> None:
    """Return when so many events of the followed file are found."""
    wait_until(lambda: followed(served) == total, f"{total} followed events")


def followed(served: RunningHome) -> int:
    """Return how many events of the followed file are found."""
    found = served.look("/v1/search", q="agent:followed* | count by source")
    return int(sum(row["events"] for row in found["rows"]))


def test_gap_and_silence_are_events(served: RunningHome, logs: Path) -> None:
    """A number that is missing, and a source that says nothing for longer than it should."""
    shop = [
        {"at": "2026-03-04T08:00:00Z", "id": f"s{n}", "n": n, "what": "read", "who": "eve"}
        for n in (1, 2, 5)
    ]
    with (logs / "shop.log").open("ab") as log:
        log.writelines(orjson.dumps(row) + b"\n" for row in shop)
    wait_until(lambda: findings(served, "source.gap", "shop.desk") == 1, "the gap")
    wait_until(lambda: findings(served, "source.silence", "aws.cloudtrail") > 0, "the silence")


def findings(served: RunningHome, operation: str, source: str) -> int:
    """Return how many such findings there are about a source."""
    found = served.search(f"source:ombud.collect operation:{operation}")
    return sum(event["ombud"]["attributes"]["source"] == source for event in found)
