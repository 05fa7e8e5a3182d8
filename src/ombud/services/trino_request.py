"""Trino request: what Trino's OPA plugin sends, read strictly where it decides anything.

Fields that later versions add are passed over; a field that is there with another
type than expected refuses the request, which Trino takes for a failed query.
"""

from __future__ import annotations

import msgspec

from ombud.core.errors import InputError

NAME_MAX = 1_024  # Characters of a name or an id; Trino's own identifiers are far shorter.
TEXT_MAX = 4_000  # Characters of a justification.


class _Part(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A part of a request, spelt as Trino spells it."""


class Identity(_Part, frozen=True):
    """Who Trino says asks: `extra_credentials` are what the client stated for itself."""

    user: str
    principal: str | None = None
    groups: list[str] = []
    extra_credentials: dict[str, str] = {}


class Table(_Part, frozen=True):
    """A table or view, maybe with some of its columns."""

    catalog_name: str
    schema_name: str
    table_name: str
    columns: list[str] | None = None


class Column(_Part, frozen=True):
    """A column; `column_type` is SQL text such as `varchar(25)`."""

    catalog_name: str
    schema_name: str
    table_name: str
    column_name: str
    column_type: str

    @property
    def table(self) -> Table:
        """Return the table that it is of."""
        return Table(self.catalog_name, self.schema_name, self.table_name)


class Schema(_Part, frozen=True):
    """A schema of a catalog."""

    catalog_name: str
    schema_name: str


class Catalog(_Part, frozen=True):
    """A catalog."""

    name: str


class Function(_Part, frozen=True):
    """A function or procedure; a table's own procedure has no schema."""

    function_name: str
    catalog_name: str | None = None
    schema_name: str | None = None


class User(_Part, frozen=True):
    """A user whose queries are spoken of."""

    user: str


class Property(_Part, frozen=True):
    """A session property of the system."""

    name: str


class CatalogProperty(_Part, frozen=True):
    """A session property of a catalog."""

    catalog_name: str
    property_name: str


class Resource(_Part, frozen=True):
    """What the operation is about: one of these."""

    table: Table | None = None
    column: Column | None = None
    schema: Schema | None = None
    catalog: Catalog | None = None
    function: Function | None = None
    user: User | None = None
    system_session_property: Property | None = None
    catalog_session_property: CatalogProperty | None = None


class Action(_Part, frozen=True):
    """What shall be done."""

    operation: str
    resource: Resource | None = None
    filter_resources: list[Resource] | None = None
    target_resource: Resource | None = None


class Stack(_Part, frozen=True):
    """Which Trino asks."""

    trino_version: str = ""


class Context(_Part, frozen=True):
    """Who asks, and in which query; Trino before 477 sends no `queryId`."""

    identity: Identity
    query_id: str | None = None
    software_stack: Stack = Stack()


class TrinoInput(_Part, frozen=True):
    """One question of the plugin."""

    context: Context
    action: Action


class _Body(msgspec.Struct, frozen=True):
    input: TrinoInput


_body = msgspec.json.Decoder(_Body)


def parse_request(body: bytes) -> TrinoInput:
    """Return a question; raises `InputError` for anything that is none."""
    try:
        asked = _body.decode(body).input
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"not a question of Trino's OPA plugin: {error}", origin="body") from error
    identity = asked.context.identity
    names = [identity.user, identity.principal or "", *identity.groups, asked.action.operation]
    if not identity.user:
        raise InputError("the question names no user", origin="input.context.identity.user")
    if any(len(name) > NAME_MAX for name in (*names, asked.context.query_id or "")):
        raise InputError(f"a name is longer than {NAME_MAX} characters", origin="body")
    if any(len(text) > TEXT_MAX for text in identity.extra_credentials.values()):
        raise InputError(
            f"an extra credential is longer than {TEXT_MAX} characters",
            origin="input.context.identity.extraCredentials",
        )
    return asked
