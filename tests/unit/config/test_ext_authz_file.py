"""The proxy file: what it says, and every fault of it with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from ombud.config.ext_authz_file import (
    FILE_SIZE_MAX,
    ProxyFileError,
    load_proxy_file,
    parse_proxy_file,
)
from ombud.core.errors import Unavailable

ROUTE = "  - {path: '/p/{plate}', actions: {GET: read}, resource: {id: plates}}\n"
WHOLE = """\
actor_type: user
headers: {actor: X-User, uri: X-Forwarded-Uri, method: X-Forwarded-Method}
cookies: {purpose: why, case: case}
request_url: https://ombud.example/requests
routes:
  - path: /plates/{plate}
    hosts: [files.example, "files.example:8080"]
    actions: {GET: read, DELETE: delete}
    resource: {type: dataset, id: "plates-{plate}"}
    columns: [plate, seen_at]
    subjects: ["plate:{plate}"]
    handles: [masks, notify]
    purpose: stolen-vehicles
"""


def test_what_it_says() -> None:
    """Everything has its place, and defaults for the rest."""
    read = parse_proxy_file(WHOLE, file="f")
    (route,) = read.routes

    assert (read.actor_type, read.purpose_cookie, read.case_cookie) == ("user", "why", "case")
    assert (read.headers.actor, read.headers.uri) == ("x-user", "x-forwarded-uri")
    assert read.headers.purpose == "x-ombud-purpose"
    assert read.request_url == "https://ombud.example/requests"
    assert route.actions == {"GET": "read", "DELETE": "delete"}
    assert (route.resource_type, route.resource_id) == ("dataset", "plates-{plate}")
    assert route.hosts == ("files.example", "files.example:8080")
    assert (route.columns, route.subjects) == (("plate", "seen_at"), ("plate:{plate}",))
    assert (route.handles, route.purpose) == (("masks", "notify"), "stolen-vehicles")
    small = parse_proxy_file("routes:\n" + ROUTE, file="f").routes[0]
    assert (small.resource_type, small.hosts, small.columns) == ("dataset", None, None)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "says nothing"),
        ("[]", "must be a mapping"),
        ("a: [", "not YAML"),
        ("a: &x [*x]", "aliases are not allowed"),
        ("routes: " + "[" * 20 + "]" * 20, "nested too deeply"),
        ("routes: []", "permits nothing"),
        ("actor_type: user", "permits nothing"),
        ("route: []\nroutes:\n" + ROUTE, "f:1: `route`: unknown key: did you mean `routes`"),
        ("routes:\n" + ROUTE + "routes:\n" + ROUTE, "f:3: `routes`: stands twice"),
        ("routes:\n" + ROUTE + ROUTE, "f:3: `routes[1].path`: the same path as routes[0]"),
        ("routes:\n  - {path: /x, actions: {GET: read}}", "`resource` is missing"),
        ("routes:\n  - {path: /x, resource: {id: x}}", "`actions` is missing"),
        ("routes:\n  - {path: /x, actions: {GET: read}, resource: {}}", "`id` is missing"),
        ("routes:\n  - {path: x, actions: {GET: read}, resource: {id: x}}", "begins with a slash"),
        ("routes:\n  - {path: /x, actions: {}, resource: {id: x}}", "names no method"),
        ("routes:\n  - {path: /x, actions: {get: read}, resource: {id: x}}", "unknown key"),
        ("routes:\n" + ROUTE.replace("id: plates", "id: 'p{x}'"), "`{x}` is no variable"),
        ("routes:\n" + ROUTE.replace("id: plates", "id: 'p{'"), "a variable is written"),
        ("routes:\n" + ROUTE.replace("}}", "}, subjects: ['{plate}']}"), "is no `kind:key`"),
        ("routes:\n" + ROUTE.replace("}}", "}, handles: [everything]}"), "no obligation"),
        ("routes:\n" + ROUTE.replace("}}", "}, hosts: [A.example]}"), "no host in lower case"),
        ("headers: {actor: 'X:Y'}\nroutes:\n" + ROUTE, "is no name of a header"),
        ("headers: {actor: Authorization}\nroutes:\n" + ROUTE, "is no name of a header"),
        ("headers: {actor: X-Original-URI}\nroutes:\n" + ROUTE, "have the same name"),
        ("cookies: {purpose: 'a b'}\nroutes:\n" + ROUTE, "is no name of a cookie"),
        ("request_url: javascript:x\nroutes:\n" + ROUTE, "is no address"),
        ("request_url: 'https://[x'\nroutes:\n" + ROUTE, "is no address"),
        ("request_url: https://x/?a=1\nroutes:\n" + ROUTE, "has a query"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    """Each is refused with its line and key."""
    with pytest.raises(ProxyFileError) as caught:
        parse_proxy_file(text, file="f")
    assert fault in str(caught.value)


def test_all_faults_at_once() -> None:
    """One reading finds them all."""
    text = WHOLE.replace("user", "'u s'").replace("masks", "mask").replace("X-User", "'X U'")
    with pytest.raises(ProxyFileError) as caught:
        parse_proxy_file(text, file="f")
    assert [fault.line for fault in caught.value.faults] == [1, 2, 12]


def test_the_file_of_a_home(tmp_path: Path) -> None:
    """None is nothing; one that cannot be read, or is too large, is a fault."""
    assert load_proxy_file(tmp_path) is None
    path = tmp_path / "ext_authz.yaml"
    path.write_text(WHOLE)
    assert load_proxy_file(tmp_path) is not None
    path.write_bytes(b"\xff")
    with pytest.raises(ProxyFileError, match="not UTF-8"):
        load_proxy_file(tmp_path)
    path.write_bytes(b"#" * (FILE_SIZE_MAX + 1))
    with pytest.raises(ProxyFileError, match="larger"):
        load_proxy_file(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(Unavailable):
        load_proxy_file(tmp_path)


def test_the_example_of_the_page() -> None:
    """What the documentation shows can be used as it is."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "ext-authz.md").read_text("utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]

    assert [one.path for one in parse_proxy_file(example, file="f").routes] == [
        "/plates/{plate}",
        "/reports/{rest*}",
    ]
