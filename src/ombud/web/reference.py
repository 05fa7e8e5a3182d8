"""Reference: the OpenAPI document as one page, without script and without another origin."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid; padding-top: 1rem; font-size: 1.1rem; }
code, pre { font-family: ui-monospace, monospace; }
pre { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'none'"
)


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _code(text: object) -> str:
    return f"<code>{escape(str(text))}</code>"


def _table(caption: str, rows: list[str]) -> str:
    return f"<table><caption>{escape(caption)}</caption>{''.join(rows)}</table>" if rows else ""


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    anchor = escape(operation.get("operationId", ""), quote=True)
    yield f'<section id="{anchor}"><h2><code>{escape(method.upper())} {escape(path)}</code></h2>'
    yield f"<p>{escape(operation.get('description', ''))}</p>"
    yield f"<p>{'Needs a token.' if operation.get('security') else 'Needs no token.'}</p>"
    parameters = [
        _row(
            _code(part["name"]),
            escape(part["in"]) + (", required" if part.get("required") else ""),
            escape(part.get("description", "")),
        )
        for part in operation.get("parameters", ())
    ]
    yield _table("Parameters", parameters)
    body = operation.get("requestBody", {})
    yield (
        _table(
            "Body",
            [_row(_code(kind), escape(body.get("description", ""))) for kind in body["content"]],
        )
        if body
        else ""
    )
    answers = [
        _row(_code(status), escape(answer.get("description", "")))
        for status, answer in sorted(operation.get("responses", {}).items())
    ]
    yield _table("Answers", answers) + "</section>"


def render_reference(document: dict[str, Any]) -> str:
    """Return the page of an OpenAPI document; everything in it is escaped."""
    title = f"{document['info']['title']} {document['info']['version']}"
    sections = [
        piece
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for piece in _operation(method, path, operation)
    ]
    return page_of(
        title,
        f"<p>{escape(document['info']['description'])} "
        f'<a href="/openapi.json">The same for programs.</a></p>{"".join(sections)}',
    )


def page_of(title: str, body: str) -> str:
    """Return a whole page; `title` is text, `body` is HTML."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


router = APIRouter()


@router.get("/docs", include_in_schema=False)
def reference(request: Request) -> HTMLResponse:
    """Show what the API answers."""
    page = render_reference(request.app.openapi())
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})
