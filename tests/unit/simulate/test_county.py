"""The county: the same bytes for a seed, lines of their formats, answers that hold."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from ombud.core.errors import InputError
from ombud.simulate.act import CLOUDTRAIL, MAPPING, OCSF, PGAUDIT, SOURCE_KINDS
from ombud.simulate.county import FILES, live, simulate, write_county
from ombud.simulate.misuse import LINES_LOST
from ombud.simulate.teller import PLAIN, SLOW

END = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEED, PEOPLE, DAYS, EVENTS = 11, 60, 60, 12_000

# The bytes of `simulate(3, people=40, days=14, end=END, events=1_500)`, for ever the same
# until the county itself is changed on purpose; then this line is changed with it.
SMALL_COUNTY_SHA256 = "f1be8008c9829c8ef51717d4bfc74b55bcc5ed85de98a3f969e5899be36b07ec"

MISUSE_KINDS = {
    "audit_switched_off",
    "break_glass_abuse",
    "bulk_export_before_leaving",
    "canary_record",
    "dormant_account",
    "ex_partner",
    "export_without_justification",
    "neighbourhood_dragnet",
    "observers_at_protest",
    "rubber_stamp",
    "self_lookup",
    "vip_snooping",
    "workflow_exceeds_contract",
}
HONEST_KINDS = {
    "acting_supervisor",
    "authorised_export",
    "big_investigation",
    "cover_shift",
    "night_shift",
    "transferred",
    "vip_in_care",
}


@dataclass(frozen=True)
class Read:
    """One line as a test reads it: independent of the writers."""

    kind: str
    native_id: str
    time: datetime
    actor: str
    context: dict[str, Any]
    document: dict[str, Any]


def read(kind: str, line: bytes) -> Read:
    """Parse one line as its format says; fails if it is not of it."""
    if kind == PGAUDIT:
        (row,) = csv.reader(io.StringIO(line.decode()))
        assert len(row) == 26
        time = datetime.strptime(row[0], "%Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC)
        return Read(kind, f"{row[5]}:{row[6]}", time, row[1], {}, {"row": row})
    document = orjson.loads(line)
    if kind == OCSF:
        assert document["type_uid"] == document["class_uid"] * 100 + document["activity_id"]
        time = datetime.fromtimestamp(document["time"] / 1000, UTC)
        native_id = document["metadata"]["original_event_uid"]
        actor = document["actor"]["user"]["uid"]
        return Read(kind, native_id, time, actor, document["ombud"].get("attributes", {}), document)
    if kind == CLOUDTRAIL:
        time = datetime.fromisoformat(document["eventTime"])
        actor = document["userIdentity"]["arn"].rpartition("/")[2]
        return Read(kind, document["eventID"], time, actor, {}, document)
    assert kind == MAPPING
    time = datetime.fromisoformat(document["ts"])
    context = document.get("context", {})
    return Read(kind, document["id"], time, document["user"]["login"], context, document)


@dataclass(frozen=True)
class County:
    """A county read back."""

    lines: list[Read]
    labels: list[Any]

    def of(self, kind: str, variant: str = PLAIN) -> list[tuple[Any, list[Read]]]:
        """Return each label of a kind and variant with its lines, in order."""
        by_id = {(line.kind, line.native_id): line for line in self.lines}
        return [
            (
                label,
                sorted(
                    (by_id[source, i] for source, ids in label.native_ids.items() for i in ids),
                    key=lambda line: line.time,
                ),
            )
            for label in self.labels
            if (label.kind, label.variant) == (kind, variant)
        ]


@pytest.fixture(scope="module")
def county() -> County:
    """Return a county of two months, read back."""
    simulation = simulate(SEED, people=PEOPLE, days=DAYS, end=END, events=EVENTS)
    return County([read(*line) for line in simulation], simulation.labels)


def test_same_seed_same_bytes() -> None:
    """A small county is what it always was, byte for byte."""
    digest = hashlib.sha256()
    for kind, line in simulate(3, people=40, days=14, end=END, events=1_500):
        digest.update(kind.encode() + b"\0" + line + b"\n")

    assert digest.hexdigest() == SMALL_COUNTY_SHA256


def test_another_seed_is_another_county() -> None:
    """The seed decides."""
    first, other = (
        list(islice(simulate(seed, people=40, days=7, end=END, events=900), 50)) for seed in (1, 2)
    )

    assert first != other


def test_about_as_many_events_as_asked_for(county: County) -> None:
    """The number of events is met within two in a hundred."""
    assert abs(len(county.lines) - EVENTS) <= EVENTS // 50


def test_lines_are_in_order_of_time(county: County) -> None:
    """No line is earlier than the one before it; CloudTrail writes whole seconds only."""
    last = county.lines[0].time - timedelta(seconds=1)
    for line in county.lines:
        allowed = timedelta(seconds=1) if line.kind == CLOUDTRAIL else timedelta()
        assert line.time + allowed >= last
        last = max(last, line.time)
    assert END - timedelta(days=DAYS) <= county.lines[0].time
    assert last < END


def test_every_line_has_an_id_of_its_own(county: County) -> None:
    """Native ids are unique within a source."""
    ids = Counter((line.kind, line.native_id) for line in county.lines)

    assert ids.most_common(1)[0][1] == 1


def test_sequences_have_one_gap(county: County) -> None:
    """Numbers count from 1; what is missing was lost while the audit was switched off."""
    cases = {line.document["seq"]: line for line in county.lines if line.kind == MAPPING}
    plates = [line.document["metadata"]["sequence"] for line in county.lines if line.kind == OCSF]
    ((_, story),) = county.of("audit_switched_off")
    gaps = [number for number in cases if number > 1 and number - 1 not in cases]

    assert plates == list(range(1, len(plates) + 1))
    assert list(cases) == sorted(cases)
    assert len(gaps) == 1
    (before,) = (line for line in story if line.kind == MAPPING)
    assert gaps[0] - before.document["seq"] == LINES_LOST + 1


def test_labels_resolve_to_lines(county: County) -> None:
    """Each label names lines that exist, first and last of them at its times."""
    for kind in MISUSE_KINDS | HONEST_KINDS:
        for label, lines in county.of(kind) + county.of(kind, SLOW):
            assert lines, kind
            assert label.first is not None
            assert label.last is not None
            assert abs(lines[0].time.timestamp() * 1000 - label.first) < 1_000
            assert abs(lines[-1].time.timestamp() * 1000 - label.last) < 1_000
            # A connection that is not yet authorised has no user.
            assert {line.actor for line in lines} - {""} == {label.actor}


def test_all_kinds_of_misuse_and_honest_oddities_are_there(county: County) -> None:
    """At least twelve kinds of misuse, and what only looks like it."""
    assert {label.kind for label in county.labels if label.misuse} == MISUSE_KINDS
    assert {label.kind for label in county.labels if not label.misuse} == HONEST_KINDS


def test_each_kind_of_misuse_has_a_slow_variant(county: County) -> None:
    """Slow is slow: by somebody else, over weeks, and never as much within a day."""
    for kind in MISUSE_KINDS:
        ((label, lines),) = county.of(kind, SLOW)
        per_day = Counter(line.time.date() for line in lines)
        plain = [entry for one, _ in county.of(kind) for entry in [one.actor]]

        assert label.misuse
        assert len(per_day) >= 3, kind
        assert lines[-1].time - lines[0].time > timedelta(days=14), kind
        assert label.actor not in plain or label.actor.startswith("svc-"), kind


def test_ex_partner_story(county: County) -> None:
    """One plate, six times in five weeks, four times off shift, never with a case."""
    ((_, lines),) = county.of("ex_partner")
    plates = {line.document["query_info"]["query_string"] for line in lines}

    assert len(lines) == 6
    assert len(plates) == 1
    assert [line.context["off_shift"] for line in lines].count(True) == 4
    assert {line.context["relation"] for line in lines} == {"ex_partner"}
    assert not any("case_uid" in line.document["ombud"] for line in lines)
    assert lines[-1].time - lines[0].time < timedelta(days=40)


def test_dormant_account_sleeps_first(county: County) -> None:
    """The account that wakes was silent for more than thirty days."""
    ((label, lines),) = county.of("dormant_account")
    before = [line.time for line in county.lines if line.actor == label.actor]
    earlier = [time for time in before if time < lines[0].time]

    assert earlier
    assert lines[0].time - earlier[-1] > timedelta(days=30)


def test_workflow_crosses_its_contract_once_for_all(county: County) -> None:
    """Before the first labelled run the workflow reads what its contract says and no more."""
    ((_, lines),) = county.of("workflow_exceeds_contract")
    runs = [
        line for line in county.lines if line.document.get("workflow") == "wf-stolen-vehicle-match"
    ]
    reads = [line for line in runs if line.document["op"] == "dataset.read"]
    beyond = [
        line
        for line in reads
        if line.document["object"]["dataset"] not in line.context["contract_datasets"]
    ]

    assert reads[0].time < lines[0].time
    assert beyond[0].time == lines[0].time
    assert any(line.document.get("recipient") == "Harbour Recovery Partners" for line in lines)


def test_audit_off_leaves_the_database_silent(county: County) -> None:
    """Between switching off and on again the database wrote nothing at all."""
    ((_, lines),) = county.of("audit_switched_off")
    off, on = (line.time for line in lines if line.kind == PGAUDIT)
    between = [line for line in county.lines if line.kind == PGAUDIT and off < line.time < on]

    assert on - off > timedelta(minutes=40)
    assert between == []


def test_rubber_stamps_take_seconds_and_others_do_not(county: County) -> None:
    """The labelled supervisor decides within seconds and refuses nothing; the rest read first."""
    ((label, lines),) = county.of("rubber_stamp")
    ((slow, _),) = county.of("rubber_stamp", SLOW)
    others = [
        line
        for line in county.lines
        if "decision_seconds" in line.context and line.actor not in {label.actor, slow.actor}
    ]

    assert max(line.context["decision_seconds"] for line in lines) < 10
    assert {line.document["op"] for line in lines} == {"request.approve"}
    assert min(line.context["decision_seconds"] for line in others) >= 20
    assert any(line.document["op"] == "request.deny" for line in others)


def test_only_labelled_lines_show_a_relation_or_a_canary(county: County) -> None:
    """Nobody looks at somebody they know, or at nobody, but in a story."""
    labelled = {
        (source, native_id)
        for label in county.labels
        for source, ids in label.native_ids.items()
        for native_id in ids
    }
    odd = [line for line in county.lines if {"relation", "canary", "vip"} & line.context.keys()]

    assert odd
    assert all((line.kind, line.native_id) in labelled for line in odd)


def test_cover_shift_is_off_shift_and_night_shift_is_not(county: County) -> None:
    """The honest oddities look as odd as they should."""
    ((_, cover),) = county.of("cover_shift")
    ((_, night),) = county.of("night_shift")

    assert all(line.context["off_shift"] for line in cover)
    assert all(line.time.hour >= 21 or line.time.hour < 8 for line in night)


def test_a_day_looks_like_a_day(county: County) -> None:
    """Sources, weekends, cases, reasons and shifts have the shares one would expect."""
    share = Counter(line.kind for line in county.lines)
    days: dict[int, int] = defaultdict(int)
    for line in county.lines:
        days[line.time.weekday()] += 1
    people = [line for line in county.lines if "off_shift" in line.context]
    off = sum(line.context["off_shift"] for line in people)
    reasons = [line.document["reason"] for line in county.lines if "reason" in line.document]
    lazy = sum(len(reason) < 8 for reason in reasons)

    assert set(share) == set(SOURCE_KINDS)
    assert share[MAPPING] == max(share.values())
    assert share[CLOUDTRAIL] == min(share.values())
    assert len({line.actor for line in county.lines if line.actor}) >= PEOPLE - 2
    assert max(days[5], days[6]) < min(days[day] for day in range(5))
    assert off / len(people) < 0.05
    assert 0.01 < lazy / len(reasons) < 0.08
    assert len(set(reasons)) > len(reasons) / 20


def test_small_figures_are_refused() -> None:
    """Too few people or days cannot hold the stories; an end without a zone is no instant."""
    with pytest.raises(InputError, match="40 to 20000 actors"):
        simulate(1, people=12, end=END)
    with pytest.raises(InputError, match="7 to 3660 days"):
        simulate(1, days=2, end=END)
    with pytest.raises(InputError, match="needs a time zone"):
        simulate(1, end=END.replace(tzinfo=None))
    with pytest.raises(InputError, match="events"):
        simulate(1, end=END, events=0)


def test_files_hold_what_the_stream_yields(tmp_path: Path) -> None:
    """One file per source, the labels and the mapping; nothing else is left behind."""
    told: list[int] = []
    size: dict[str, Any] = {"people": 40, "days": 10, "end": END, "events": 5_000}
    written = write_county(tmp_path, 5, **size, on_lines=told.append)
    by_kind: dict[str, bytes] = defaultdict(bytes)
    for kind, line in simulate(5, **size):
        by_kind[kind] += line + b"\n"
    labels = [orjson.loads(line) for line in (tmp_path / "labels.ndjson").read_bytes().splitlines()]

    for kind, name in FILES.items():
        assert (tmp_path / name).read_bytes() == by_kind[kind]
        assert written["sources"][kind]["events"] == by_kind[kind].count(b"\n")
    assert {path.name for path in tmp_path.iterdir()} == {
        *FILES.values(),
        "labels.ndjson",
        "county-cases.yaml",
        "attribution.yaml",
        "directory",
        "register",
    }
    assert len(labels) == written["labels"]["count"]
    assert labels[0].keys() == {
        "kind", "variant", "actor", "misuse", "note", "first", "last", "native_ids",
    }  # fmt: skip
    assert told == [4_000]


def test_live_goes_on_where_history_ends() -> None:
    """Live lines follow in time, about as often as asked, and never use an id again."""
    history = simulate(SEED, people=40, days=7, end=END, events=900)
    past = [read(*line) for line in history]
    stream = live(SEED, END, people=40, days=7, per_minute=60, sequence=history.sequence)
    delays, kinds, raws = zip(*islice(stream, 1_200), strict=True)
    lines = [read(kind, raw) for kind, raw in zip(kinds, raws, strict=True)]
    numbers = [line.document["seq"] for line in lines if line.kind == MAPPING]

    assert min(delays) >= 0
    assert 12 * 60 < sum(delays) < 30 * 60
    assert lines[0].time >= END.replace(microsecond=0)
    assert {line.native_id for line in lines}.isdisjoint(line.native_id for line in past)
    first = history.sequence[MAPPING] + 1
    assert numbers == list(range(first, first + len(numbers)))
    assert {line.kind for line in lines} >= {MAPPING, PGAUDIT, OCSF}


def test_live_shows_misuse_soon() -> None:
    """Somebody misuses something within the first minutes, so that a demo shows an alert."""
    lines = [read(kind, raw) for _, kind, raw in islice(live(7, END), 900)]

    assert any(
        {"relation", "canary", "vip"} & line.context.keys()
        or line.document.get("op") == "report.export"
        for line in lines
    )


def test_live_rate_is_bounded() -> None:
    """A rate that no home could take is refused."""
    with pytest.raises(InputError, match="events a minute"):
        next(live(1, END, per_minute=0))
