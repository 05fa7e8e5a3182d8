"""Reference: the tables of `docs/search.md`, written from the names themselves."""

from __future__ import annotations

from ombud.core.fields import Kind
from ombud.query.names import (
    ALIASES,
    DIGESTS,
    FLAGS,
    PRESENCE_ONLY,
    QUERY_FIELDS,
    SENTENCES,
    VOCABULARIES,
    QueryField,
)

_HOW = {
    Kind.TEXT: "exact text, prefix",
    Kind.INTEGER: "number, range",
    Kind.REAL: "number, range",
    Kind.INSTANT: "time, range",
    Kind.BOOLEAN: "`true`, `false`",
    Kind.TEXTS: "one of its values, prefix",
    Kind.SUBJECTS: "`subject:kind:key`",
    Kind.MAP: "`attributes.KEY:value`",
}


def _how(field: QueryField) -> str:
    if field.name in SENTENCES:
        return "words in it, any case"
    if field.name in DIGESTS:
        return "whole value"
    if field.name in PRESENCE_ONLY:
        return "`has:` only"
    if field.name in VOCABULARIES:
        return "one of its words"
    return _HOW[field.kind]


def field_table() -> str:
    """Return the table of fields in Markdown: name, short name, how it is searched, meaning."""
    short = {name: alias for alias, name in ALIASES.items() if alias != "index"}
    rows = [
        f"| `{field.name}` | {f'`{short[field.name]}`' if field.name in short else ''} "
        f"| {_how(field)} | {field.meaning} |"
        for field in QUERY_FIELDS.values()
    ]
    head = "| field | short | searched by | meaning |\n|---|---|---|---|"
    return "\n".join([head, *rows])


def flag_table() -> str:
    """Return the table of flags in Markdown: name, the query it stands for, meaning."""
    rows = [f"| `is:{name}` | `{flag.query}` | {flag.meaning} |" for name, flag in FLAGS.items()]
    return "\n".join(["| flag | stands for | meaning |\n|---|---|---|", *rows])
