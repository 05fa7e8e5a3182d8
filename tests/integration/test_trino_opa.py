"""A real Trino with its own, unmodified OPA plugin: rows and columns by purpose, and the record.

Version 476 sends neither query ids nor extra credentials: purposes come from a group and
from the user's name, and a query is joined by who asks until they fall silent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from doubles.certificates import Authority
from doubles.running_home import RunningHome, ombud, rows_of, wait_until
from ombud.app.home import open_here
from ombud.services.asker import local_owner
from ombud.services.mask_key import MaskKeys
from ombud.services.policy_wanted import PolicyWanted
from servers import trino
from servers.trino import Trino

NATION = "tpch.tiny.nation"
POLICY = """
attributes: {actor: {region: int}}
entities: {person: {ana: {region: 3}, bob: {region: 1}}}
datasets:
  tpch.tiny.nation:
    system: trino
    columns: {nationkey: int, name: string, regionkey: int, comment: string}
  tpch.tiny.region: {system: trino, columns: {regionkey: int, name: string, comment: string}}
  tpch.tiny.customer: {system: trino}
  memory.default.copy: {system: trino}
  memory.default.north: {system: trino, columns: {id: int, unit: string}}
  memory.default.loose: {system: trino}
  memory.default.bound: {system: trino}
purposes:
  fraud:
    title: Find fraud
    standing: true
    audience: {types: [person]}
    scope:
      - name: nations
        actions: [read]
        resources: [tpch.tiny.nation]
        columns: [nationkey, name]
        row_filter: "row.regionkey == actor.region"
        masks: {name: {kind: hash}}
      - name: customers
        actions: [read]
        resources: [tpch.tiny.customer]
        masks:
          custkey: {kind: hash}
          name: {kind: redact}
          address: {kind: truncate, size: 2}
          phone: {kind: "null"}
          acctbal: {kind: bucket, size: 1000}
          mktsegment: {kind: constant, value: X}
      - {name: copy, actions: [write, configure, read], resources: [memory.default.copy]}
      - {name: north, actions: [write, configure], resources: [memory.default.north]}
      - {name: views, actions: [read, configure],
         resources: [memory.default.loose, memory.default.bound]}
  places:
    title: Look up places
    standing: true
    audience: {types: [person]}
    scope: [{name: regions, actions: [read], resources: [tpch.tiny.region]}]
"""


@dataclass
class Place:
    """A Trino and the home that decides for it."""

    trino: Trino
    home: RunningHome

    def one(self, sql: str, user: str = "ana+fraud") -> list[Any]:
        """Return the first column of a query."""
        return [row[0] for row in self.trino.query(sql, user=user)]

    def denied(self, sql: str, user: str = "ana+fraud") -> str:
        """Return with what a query is denied."""
        with pytest.raises(PermissionError) as refused:
            self.trino.query(sql, user=user)
        return str(refused.value)


@pytest.fixture(scope="module")
def found() -> tuple[Path, Path]:
    """Return where Trino and its Java are; skip where they are not."""
    found = trino.find_trino()
    if isinstance(found, str):
        pytest.skip(f"no Trino {trino.VERSION}: {found}")
    return found


def apply(home: Path) -> None:
    """Put the policy in force."""
    with open_here(home) as opened:
        wanted = PolicyWanted(files={"policy.yaml": POLICY}, why="a test", case="T-1")
        opened.services.policies.apply(wanted, asker=local_owner())


def addresses(place: str, *names: str) -> dict[str, str]:
    """Return the properties of the plugin, those named."""
    paths = {
        "policy.uri": "allow",
        "policy.batched-uri": "batch",
        "policy.row-filters-uri": "rowFilters",
        "policy.column-masking-uri": "columnMask",
        "policy.batch-column-masking-uri": "batchColumnMasks",
    }
    return {
        f"opa.{name}": f"{place}/v1/data/trino/{path}"
        for name, path in paths.items()
        if name in names or not names
    }


@pytest.fixture(scope="module")
def place(found: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Serve a home over TLS, and a Trino that is known by its certificate."""
    folder = tmp_path_factory.mktemp("trino")
    authority = Authority(folder / "keys")
    server = authority.issue("server", is_server=True)
    client = authority.issue("trino")
    both = folder / "keys" / "trino-both.pem"
    both.write_bytes(client.key.read_bytes() + client.certificate.read_bytes())
    home = folder / "home"
    home.mkdir(mode=0o700)
    (home / "settings.yaml").write_text(
        f"server: {{tls: {{certificate: {server.certificate}, key: {server.key},"
        f" client_ca: {authority.path}}}}}\n"
        "trino: {certificates: ['CN=trino'], purpose_from: [credentials, group, user]}\n",
        encoding="utf-8",
    )
    apply(home)
    running = RunningHome(home)
    try:
        running.start()
        opa = addresses(running.told["address"]) | {
            "opa.http-client.key-store-path": both,
            "opa.http-client.trust-store-path": authority.path,
        }
        groups = "purpose=fraud:cleo,dora\npurpose=places:dora\nstaff:ana\n"
        with trino.trino(found, folder / "node", opa=opa, groups=groups) as one:
            yield Place(one, running)
    finally:
        running.close()


def hashed(place: Place, text: str, purpose: str = "fraud") -> str:
    """Return what a text is hashed to, made apart from Trino."""
    key = MaskKeys(place.home.home / "keys").key(purpose)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def test_rows_and_columns_by_purpose(place: Place) -> None:
    """Each sees the rows of their region; names are hashed, and nothing else is there."""
    rows = place.trino.query(f"select nationkey, name from {NATION} order by 1", user="ana+fraud")
    assert [row[0] for row in rows] == [6, 7, 19, 22, 23]  # Europe.
    germany = hashed(place, "GERMANY")[:25]  # The column holds 25 characters.
    assert rows[1] == [7, germany]
    others = place.one(f"select nationkey from {NATION} order by 1", user="bob+fraud")
    assert others == [1, 2, 3, 17, 24]  # America.
    assert place.one(f"select count(*) from {NATION}") == [5]
    assert place.one(f"select nationkey from {NATION} where name = '{germany}'") == [7]
    assert place.one(f"select nationkey from {NATION} where name = 'GERMANY'") == []


def test_columns_of_the_filter_are_seen_as_null(place: Place) -> None:
    """Trino checks them as the query's own; whoever selects one sees nothing of it."""
    assert place.one(f"select distinct regionkey from {NATION}") == [None]
    assert place.one(f"select count(*) from {NATION} where regionkey = 3") == [0]
    assert "comment" in place.denied(f"select comment from {NATION}")


def test_every_mask_in_the_columns_own_type(place: Place) -> None:
    """Trino takes each expression; values are what the mask says."""
    sql = "select custkey, name, address, phone, acctbal, mktsegment from tpch.tiny.customer"
    (plain,) = place.trino.query(f"{sql} where nationkey = 15 order by rand() limit 1",
                                 user="ana+fraud")  # fmt: skip
    assert isinstance(plain[0], int)
    assert plain[0] > 1500 or plain[0] < 0  # There are 1,500 keys; a hash is none of them.
    assert plain[1] == "[redacted]"
    assert len(plain[2]) == 2
    assert plain[3] is None
    assert plain[4] % 1000 == 0
    assert plain[5] == "X"
    buckets = place.one("select distinct acctbal from tpch.tiny.customer order by 1")
    assert buckets[0] == -1000


def test_purposes(place: Place) -> None:
    """Another purpose has other tables; none, an unknown and two at once have nothing."""
    assert len(place.one("select name from tpch.tiny.region", user="ana+places")) == 5
    place.denied(f"select nationkey from {NATION}", user="ana+places")
    place.denied("select name from tpch.tiny.region", user="ana+fraud")
    for user in ("ana", "ana+nothing", "dora"):
        place.denied("select 1", user=user)
    assert place.one(f"select count(*) from {NATION}", user="bob+fraud") == [5]


def test_purpose_of_a_group(place: Place) -> None:
    """A group provider can say it too; a purpose stated besides must be the same."""
    denied = place.denied(f"select nationkey from {NATION}", user="cleo")
    assert NATION.rpartition(".")[2] in denied  # Nothing is known of her region.
    assert len(place.one("select phone from tpch.tiny.customer limit 3", user="cleo")) == 3


def test_only_names_in_scope_are_listed(place: Place) -> None:
    """Catalogs, schemas, tables and columns of the purpose, by each way that lists them."""
    assert place.one("show catalogs") == ["memory", "system", "tpch"]
    assert place.one("show catalogs", user="ana+places") == ["system", "tpch"]
    assert place.one("show tables from tpch.tiny") == ["customer", "nation"]
    assert place.one("show tables from tpch.tiny", user="ana+places") == ["region"]
    assert place.one("show schemas from tpch") == ["information_schema", "tiny"]
    assert place.one(f"describe {NATION}") == ["nationkey", "name"]
    names = place.one("select table_name from system.jdbc.tables where table_cat = 'tpch'"
                      " and table_schem = 'tiny'")  # fmt: skip
    assert sorted(names) == ["customer", "nation"]
    place.denied("show tables from tpch.sf1")
    place.denied("describe tpch.tiny.orders")
    place.denied("select * from tpch.information_schema.table_privileges")


def test_what_would_go_round_the_filters(place: Place) -> None:
    """Query functions, definitions, other people's queries, statistics and sessions."""
    place.denied("show create table tpch.tiny.nation")
    place.denied("select * from system.runtime.nodes")
    place.denied("set session query_max_run_time = '1m'")
    place.denied(f"analyze {NATION}")
    place.denied("create schema memory.other")
    place.denied(f"show stats for {NATION}")  # It would read every column.
    mine = place.one('select distinct "user" from system.runtime.queries')
    assert all(user.partition("+")[0] == "ana" for user in mine)


def test_writes_by_line(place: Place) -> None:
    """A copy holds what its maker was shown, and nothing else is written."""
    user = "ana+fraud"
    made = place.trino.query(
        f"create table memory.default.copy as select nationkey, name from {NATION}", user=user
    )
    assert made == [[5]]
    assert hashed(place, "FRANCE")[:25] in place.one("select name from memory.default.copy")
    place.trino.query("insert into memory.default.copy values (99, 'mine')", user=user)
    assert place.one("select count(*) from memory.default.copy") == [6]
    place.denied(f"insert into memory.default.copy select nationkey, comment from {NATION}")
    place.denied("create table memory.default.another as select 1 a")
    # Who may write and not read does the one without the other.
    place.trino.query("create table memory.default.north (id bigint, unit varchar)", user=user)
    place.trino.query("insert into memory.default.north values (1, 'n')", user=user)
    place.denied("select id from memory.default.north")


def test_views(place: Place) -> None:
    """One that runs as its invoker shows each their own; one that runs as its owner is denied."""
    for name, security in (("bound", "invoker"), ("loose", "definer")):
        place.trino.query(
            f"create view memory.default.{name} security {security}"
            f" as select nationkey from {NATION}",
            user="ana+fraud",
        )
    bound = "select nationkey from memory.default.bound order by 1"
    assert place.one(bound, user="bob+fraud") == [1, 2, 3, 17, 24]
    assert place.one(bound) == [6, 7, 19, 22, 23]
    place.denied("select nationkey from memory.default.loose", user="bob+fraud")


def test_explain_and_errors_show_no_rows(place: Place) -> None:
    """A plan names the filter; an error in a predicate says nothing of what was left out."""
    plan = place.one(f"explain select name from {NATION}")[0]
    assert "regionkey" in plan
    # As docs/trino.md says: a plan has the key of the purpose's hashes.
    key = MaskKeys(place.home.home / "keys").key("fraud")
    assert base64.b64encode(key).decode() in plan
    sql = f"select nationkey from {NATION} where 1 / (nationkey - 24) > 5"  # 24: United States.
    assert place.one(sql) == []


def search(place: Place, text: str) -> list[dict[str, Any]]:
    """Search as the owner of the home, over its own socket."""
    look = ("--why", "a test", "--case", "T-1", "--json")
    done = ombud(place.home.home, "search", text, *look)
    assert done.returncode == 0, done.stderr
    return rows_of(done.stdout)


def test_the_record_tells_each_query_once(place: Place) -> None:
    """Decisions stand at once; one event joins each speaker's questions."""
    assert place.one("select count(*) from tpch.tiny.region", user="zoe+places") == [5]
    decided = search(place, "source:ombud.decision actor.id:zoe")
    told = [(one["ombud"]["decision"], one["ombud"].get("operation")) for one in decided]
    assert [decision["permit"] for decision, _ in told] == [True], told

    def joined() -> list[dict[str, Any]]:
        return search(place, "source:ombud.trino actor.id:zoe")

    wait_until(lambda: bool(joined()), "the query is recorded")
    (event,) = joined()
    assert event["ombud"]["purpose"] == "places"
    assert event["ombud"]["flags"] == ["trino_query_id_unknown"]
    table = event["ombud"]["attributes"]["tables"]["tpch.tiny.region"]
    assert table["filters"] == [[]]
    assert table["masked"] == ["row_number"]  # A hidden column, which nobody declared.
    assert table["permitted"] == ["SelectFromColumns"]


def test_addresses_that_are_missing_in_trino(
    place: Place, found: tuple[Path, Path], tmp_path: Path
) -> None:
    """Without masks nothing that needs one is read; without filters it is noticed, then denied."""
    authority = Path(place.home.home.parent / "keys")
    opa: dict[str, Any] = addresses(place.home.told["address"], "policy.uri") | {
        "opa.http-client.key-store-path": authority / "trino-both.pem",
        "opa.http-client.trust-store-path": authority / "ca.pem",
    }
    with trino.trino(found, tmp_path / "node", opa=opa) as bare:
        with pytest.raises(PermissionError):
            bare.query("select name from tpch.tiny.nation", user="bob+fraud")
        sql = "select count(*) from tpch.tiny.nation"
        assert bare.query(sql, user="bob+fraud") == [[25]]  # Trino never asked which rows.

        def is_noticed() -> bool:
            return "trino_filters_not_asked" in place.home.said()

        wait_until(is_noticed, "the alarm")
        with pytest.raises(PermissionError):
            bare.query(sql, user="bob+fraud")
    assert place.one("show tables from tpch.tiny") == ["customer", "nation"]  # It asks: mended.
    assert place.one(f"select count(*) from {NATION}") == [5]


def test_no_decision_no_query(place: Place) -> None:
    """While nothing decides, Trino reads nothing."""
    place.home.end()
    with pytest.raises(RuntimeError):
        place.trino.query("select 1", user="ana+fraud")
