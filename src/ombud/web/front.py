"""Front: the page at `/`, which says what answers here and how to ask it.

It tells nothing of the home's content, so that it needs no token.
"""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ombud import __version__
from ombud.web.reference import POLICY, page_of

LINKS = (
    ("/docs", "What the API answers"),
    ("/openapi.json", "the same for programs (OpenAPI)"),
    ("/readyz", "whether every part of this home works"),
    ("/metrics", "figures for Prometheus"),
)
QUESTIONS = (
    ("what the rules raised", "/v1/alerts"),
    ("what happened", "/v1/search?q=action:export&amp;why=trying&amp;case=none"),
    ("who looked at one person", "/v1/who/patient/8841?why=trying&amp;case=none"),
)


def render_front(address: str) -> str:
    """Return the page for a server that listens on `address` (`HOST:PORT`)."""
    links = "".join(f'<li><a href="{path}">{text}</a></li>' for path, text in LINKS)
    questions = "\n".join(
        f'curl -H "Authorization: Bearer $TOKEN" \\\n  "http://{escape(address)}{path}"  # {text}'
        for text, path in QUESTIONS
    )
    return page_of(
        f"Ombud {__version__}",
        "<p>Oversight for sensitive data: who looked at what, why, and that nobody hid it."
        f" This is the API of a running home.</p><ul>{links}</ul><h2>Ask it</h2>"
        "<p>On this machine the command line needs no token: <code>ombud alerts</code>,"
        " <code>ombud search</code>, <code>ombud who</code>. Over HTTP everybody does:</p>"
        "<pre>TOKEN=$(ombud token create desk --scope search)\n"
        f"{questions}</pre><p>Every look is itself an event, with who looked and why.</p>",
    )


router = APIRouter()


@router.get("/", include_in_schema=False)
def front(request: Request) -> HTMLResponse:
    """Show what answers here."""
    host, port = request.scope.get("server") or ("localhost", None)
    address = "localhost" if port is None else f"{host}:{port}"
    return HTMLResponse(render_front(address), headers={"Content-Security-Policy": POLICY})
