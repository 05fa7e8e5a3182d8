"""Trino operations: what each of the 64 that the plugin knows asks for here.

`docs/trino.md` explains the table; an operation that is not in it is denied.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How an operation is answered."""

    QUERY = "query"  # Whether the purpose lets the actor do anything in Trino at all.
    CATALOG = "catalog"  # Whether anything in it may be seen.
    SCHEMA = "schema"
    TABLE = "table"
    COLUMNS = "columns"
    FUNCTION = "function"  # Built-in, or by a line that lets it be executed.
    READ = "read"
    ACT = "act"  # By a line that allows the action on the resource.
    OWN_QUERY = "own query"
    IMPERSONATE = "impersonate"
    FILTER = "filter"  # Answered by `rowFilters` alone.
    MASK = "mask"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its kind and, where a line decides, the action that the line must name."""

    kind: Kind
    action: str = ""
    is_filter: bool = False  # It may come in a batch.


def _acts(action: str, names: str) -> dict[str, Operation]:
    return {name: Operation(Kind.ACT, action) for name in names.split()}


OPERATIONS: dict[str, Operation] = {
    "ExecuteQuery": Operation(Kind.QUERY),
    "AccessCatalog": Operation(Kind.CATALOG),
    "ShowSchemas": Operation(Kind.CATALOG),
    "FilterCatalogs": Operation(Kind.CATALOG, is_filter=True),
    "ShowTables": Operation(Kind.SCHEMA),
    "ShowFunctions": Operation(Kind.SCHEMA),
    "FilterSchemas": Operation(Kind.SCHEMA, is_filter=True),
    "ShowColumns": Operation(Kind.TABLE),
    "FilterTables": Operation(Kind.TABLE, is_filter=True),
    "FilterColumns": Operation(Kind.COLUMNS, is_filter=True),
    "FilterFunctions": Operation(Kind.FUNCTION, "execute", is_filter=True),
    "ExecuteFunction": Operation(Kind.FUNCTION, "execute"),
    "SelectFromColumns": Operation(Kind.READ, "read"),
    "GetRowFilters": Operation(Kind.FILTER, "read"),
    "GetColumnMask": Operation(Kind.MASK, "read"),
    "ViewQueryOwnedBy": Operation(Kind.OWN_QUERY),
    "FilterViewQueryOwnedBy": Operation(Kind.OWN_QUERY, is_filter=True),
    "KillQueryOwnedBy": Operation(Kind.OWN_QUERY),
    "ImpersonateUser": Operation(Kind.IMPERSONATE),
    **_acts("write", "InsertIntoTable UpdateTableColumns RefreshMaterializedView"),
    **_acts("delete", "DeleteFromTable TruncateTable"),
    **_acts("execute", "ExecuteProcedure ExecuteTableProcedure"),
    **_acts("grant", "SetSchemaAuthorization SetTableAuthorization SetViewAuthorization"),
    # A view that others read under its owner's rights passes data on.
    **_acts("share", "CreateViewWithSelectFromColumns CreateViewWithExecuteFunction"),
    **_acts("read", "ReadSystemInformation"),
    **_acts(
        "configure",
        """AddColumn AlterColumn CreateCatalog CreateFunction CreateMaterializedView CreateSchema
        CreateTable CreateView DropCatalog DropColumn DropFunction DropMaterializedView DropSchema
        DropTable DropView RenameColumn RenameMaterializedView RenameSchema RenameTable RenameView
        SetCatalogSessionProperty SetColumnComment SetMaterializedViewComment
        SetMaterializedViewProperties SetSystemSessionProperty SetTableComment SetTableProperties
        SetViewComment ShowCreateFunction ShowCreateSchema ShowCreateTable
        WriteSystemInformation""",
    ),
}
# During these Trino asks for row filters and applies them.
FILTERED_WRITES = frozenset({"InsertIntoTable", "UpdateTableColumns", "DeleteFromTable"})
# Actions of which one on a dataset is enough for its name and columns to be seen.
SEEN_BY = ("read", "write", "delete", "configure", "execute", "grant", "share")
