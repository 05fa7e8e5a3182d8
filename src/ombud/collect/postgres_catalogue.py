"""Catalogue reader: settings, tables, keys and samples of a PostgreSQL, read and never written.

Sampling looks at personal data to learn its shape; the values are forgotten
before the next table is read.  Bounded: thousands of tables are no trouble.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ombud.attribution.catalogue import Catalogue, Column, ForeignKey, Place, Table
from ombud.attribution.names import quote_name, split_name
from ombud.attribution.shared_accounts import Activity
from ombud.attribution.value_shapes import ColumnShape, observe
from ombud.collect.postgres_settings import Server

TABLES_MAX = 20_000  # Tables and views read; a database with more is many databases.
SAMPLED_TABLES_MAX = 400
SAMPLE_ROWS = 200
SAMPLE_SECONDS = 20.0  # All samples together: the server has other work.
SAMPLE_STATEMENT_MS = 2_000
VALUE_LENGTH_MAX = 100  # Characters of a value that are looked at.
LARGE_ROWS = 20_000  # From here on blocks are drawn by chance instead of the first ones taken.

_SETTINGS = """
SELECT name, setting FROM pg_catalog.pg_settings
WHERE name LIKE 'pgaudit.%' OR name LIKE 'log\\_%' OR name IN ('logging_collector',
  'shared_preload_libraries', 'TimeZone', 'lc_messages', 'data_directory', 'config_file',
  'compute_query_id') OR name LIKE 'rds.%' OR name LIKE 'cloudsql.%' OR name LIKE 'azure.%'"""
_OVERRIDES = """
SELECT coalesce(d.datname, 'every database'), coalesce(r.rolname, 'every role'), unnest(s.setconfig)
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE s.setdatabase = 0 OR d.datname = current_database()"""
_RELATIONS = """
SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples::bigint,
  pg_catalog.obj_description(c.oid, 'pg_class'),
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) END
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid
    AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e')
ORDER BY n.nspname, c.relname LIMIT %s"""
_COLUMNS = """
SELECT a.attrelid, a.attnum, a.attname,
  pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL),
  pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2"""
_KEYS = """
SELECT indrelid, indisprimary, indkey::int2[] FROM pg_catalog.pg_index
WHERE indrelid = ANY(%s) AND indisunique AND indpred IS NULL AND indexprs IS NULL"""
_FOREIGN = """
SELECT conrelid, conkey, confrelid, confkey FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND conrelid = ANY(%s) AND confrelid = ANY(%s)"""
_ACTIVITY = """
SELECT a.usename, a.application_name, coalesce(host(a.client_addr), 'local'), count(*),
  bool_or(r.rolsuper)
FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.rolname = a.usename
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
GROUP BY 1, 2, 3 LIMIT 10000"""
_LOGINS = "SELECT rolname, rolsuper FROM pg_catalog.pg_roles WHERE rolcanlogin LIMIT 10000"
_PLATFORMS = ("rds", "cloudsql", "azure")
_OF_INTEREST = ("pgaudit.", "log_")


def read_server(connection: psycopg.Connection) -> Server:
    """Return what the server has set, as far as this user may see."""
    settings: dict[str, str] = dict(connection.execute(_SETTINGS).fetchall())
    head = connection.execute(
        "SELECT current_database(), current_user, version(),"
        " pg_has_role(current_user, 'pg_read_all_settings', 'member'),"
        " pg_has_role(current_user, 'pg_read_all_stats', 'member'),"
        " EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pgaudit'),"
        " EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgaudit'),"
        " (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'),"
        " (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)"
    ).fetchone()
    assert head is not None  # noqa: S101 - A select without FROM has one row.
    database, user, version, sees_settings, sees_stats, is_available, is_created, path, is_super = (
        head
    )
    overrides = [
        f"{setting} for {role} in {where}"
        for where, role, setting in connection.execute(_OVERRIDES).fetchall()
        if setting.startswith(_OF_INTEREST)
    ]
    loaded = "pgaudit.log" in settings
    return Server(
        version=connection.info.server_version,
        version_text=str(version).partition(" on ")[0],
        database=database,
        user=user,
        settings=settings,
        pgaudit="loaded" if loaded else "available" if is_available else "missing",
        is_created=is_created,
        overrides=tuple(sorted(overrides)),
        search_path=path,
        sees_settings=sees_settings or is_super,
        sees_activity=sees_stats or is_super,
        platform=next((p for p in _PLATFORMS if any(n.startswith(f"{p}.") for n in settings)), ""),
    )


def read_catalogue(connection: psycopg.Connection) -> Catalogue:
    """Return tables, views, columns and keys; needs no rights on the tables."""
    relations = connection.execute(_RELATIONS, [TABLES_MAX + 1]).fetchall()
    is_cut = len(relations) > TABLES_MAX
    relations = relations[:TABLES_MAX]
    oids = [row[0] for row in relations]
    columns: dict[int, dict[int, Column]] = defaultdict(dict)
    for oid, number, name, type_name, comment in connection.execute(_COLUMNS, [oids]).fetchall():
        columns[oid][number] = Column(name, type_name, comment or "")
    primary: dict[int, tuple[str, ...]] = {}
    unique: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for oid, is_primary, numbers in connection.execute(_KEYS, [oids]).fetchall():
        key = _names(columns[oid], numbers)
        if is_primary:
            primary[oid] = key
        elif key:
            unique[oid].append(key)
    named = {row[0]: quote_name((row[1], row[2])) for row in relations}
    tables = {
        named[oid]: Table(
            named[oid], tuple(columns[oid].values()), primary.get(oid, ()),
            tuple(sorted(unique[oid])), rows if rows >= 0 else None, comment or "", definition,
        )
        for oid, _, _, _, rows, comment, definition in relations
    }  # fmt: skip
    foreign = tuple(
        ForeignKey(named[oid], _names(columns[oid], own), named[other],
                   _names(columns[other], theirs))
        for oid, own, other, theirs in connection.execute(_FOREIGN, [oids, oids]).fetchall()
    )  # fmt: skip
    return Catalogue(tables, foreign, is_cut)


def _names(columns: Mapping[int, Column], numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(columns[number].name for number in numbers if number in columns)


def read_activity(connection: psycopg.Connection) -> list[Activity]:
    """Return who is signed in now, by account, and every account that may sign in."""
    seen: dict[str, list[Any]] = {
        name: [set(), set(), 0, is_super]
        for name, is_super in connection.execute(_LOGINS).fetchall()
    }
    for name, program, address, count, is_super in connection.execute(_ACTIVITY).fetchall():
        account = seen.setdefault(name, [set(), set(), 0, is_super])
        account[0].add(address)
        account[1].add(program or "")
        account[2] += count
    return [
        Activity(name, frozenset(addresses), frozenset(programs), count, is_super)
        for name, (addresses, programs, count, is_super) in seen.items()
    ]


def sample(
    connection: psycopg.Connection, catalogue: Catalogue, wanted: Mapping[str, Sequence[str]]
) -> tuple[dict[Place, ColumnShape], list[str]]:
    """Return the shapes of columns, and the tables that this user may not read.

    What takes too long is left out; so is everything beyond the bounds.
    """
    shapes: dict[Place, ColumnShape] = {}
    refused: list[str] = []
    until = time.monotonic() + SAMPLE_SECONDS
    connection.execute(f"SET LOCAL statement_timeout = {SAMPLE_STATEMENT_MS}")
    for dataset in sorted(wanted)[:SAMPLED_TABLES_MAX]:
        if time.monotonic() > until:
            break
        table = catalogue.tables[dataset]
        try:
            with connection.transaction():  # A savepoint: a refusal ends only this one.
                rows = connection.execute(_sampling(table, wanted[dataset])).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            refused.append(dataset)
            continue
        except (psycopg.errors.QueryCanceled, psycopg.ProgrammingError, psycopg.DataError):
            continue
        for name, values in zip(wanted[dataset], zip(*rows, strict=True), strict=False):
            shapes[dataset, name] = observe(values)
    return shapes, refused


def _sampling(table: Table, columns: Sequence[str]) -> sql.Composed:
    schema, name = split_name(table.dataset) or ("public", table.name)
    chosen = sql.SQL(", ").join(
        sql.SQL("pg_catalog.left({}::text, {})").format(sql.Identifier(one), VALUE_LENGTH_MAX)
        for one in columns
    )
    drawn: sql.Composable = sql.SQL("")
    if table.rows is not None and table.rows > LARGE_ROWS:
        # Rows lie many to a block: some hundred blocks' worth, so that a rare one is drawn too.
        share = min(100.0, 100 * 50 * SAMPLE_ROWS / table.rows)
        drawn = sql.SQL(" TABLESAMPLE SYSTEM ({})").format(sql.Literal(share))
    return sql.SQL("SELECT {} FROM {}{} LIMIT {}").format(
        chosen, sql.Identifier(schema, name), drawn, sql.Literal(SAMPLE_ROWS)
    )
