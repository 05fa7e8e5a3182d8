"""The proxy check with a real nginx before a real home: what reaches the server behind."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from doubles.running_home import RunningHome
from servers.nginx import PACKAGES, Backend, program, running_nginx

pytestmark = pytest.mark.skipif(program() is None, reason=f"no nginx: apt-get install {PACKAGES}")

POLICY = """\
attributes: {context: {case: string, route: string, method: string}}
datasets:
  plates: {subject: vehicle, columns: {plate: {}}}
purposes:
  policing: {title: Policing}
  stolen-vehicles:
    title: Find stolen vehicles
    parent: policing
    standing: true
    audience: {actors: [person:ana]}
    limits: {subjects_per_day: 3}
    scope:
      - {name: look-up, actions: [read], resources: [plates], columns: [plate]}
      - {name: filtered, actions: [search], resources: [plates], row_filter: "row.plate == 'x'"}
"""
ROUTES = """\
request_url: https://ombud.example/requests
cookies: {purpose: why}
routes:
  - path: /plates/{plate}
    actions: {GET: read, HEAD: read, DELETE: delete}
    resource: {id: plates}
    columns: [plate]
    subjects: ["vehicle:{plate}"]
  - {path: /plates/, actions: {GET: search}, resource: {id: plates}}
  - {path: /search/, actions: {GET: search}, resource: {id: plates}, handles: [row_filter]}
"""
# As docs/ext-authz.md shows it; a sign-in of nginx stands for that of the organisation.
SITE = """
  server {
    listen 127.0.0.1:PORT;
    location / {
      set $user "";
      if ($cookie_session = "of-ana") { set $user ana; }
      if ($cookie_session = "of-ben") { set $user ben; }
      auth_request /_ombud;
      auth_request_set $ombud_decision $upstream_http_x_ombud_decision;
      auth_request_set $ombud_reason $upstream_http_x_ombud_reason;
      auth_request_set $ombud_link $upstream_http_x_ombud_request;
      auth_request_set $ombud_obligations $upstream_http_x_ombud_obligations;
      add_header X-Ombud-Reason $ombud_reason always;
      add_header X-Ombud-Request $ombud_link always;
      proxy_set_header X-Ombud-Decision $ombud_decision;
      proxy_set_header X-Ombud-Obligations $ombud_obligations;
      proxy_set_header X-HTTP-Method-Override "";
      proxy_pass http://127.0.0.1:BACKEND;
    }
    location = /_ombud {
      internal;
      proxy_pass http://OMBUD/v1/ext-authz;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Authorization "Bearer TOKEN";
      proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-User $user;
    }
  }
"""
ANA = {"Cookie": "session=of-ana", "X-Ombud-Purpose": "stolen-vehicles"}


@dataclass
class Site:
    """An nginx, the home that it asks, and the server that it guards."""

    home: RunningHome
    backend: Backend
    port: int

    def get(
        self, path: str, headers: dict[str, str] | None = None, *, method: str = "GET"
    ) -> tuple[int, dict[str, str]]:
        """Return the status and headers of a request; ANA's unless told otherwise."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=ANA if headers is None else headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}
        finally:
            connection.close()

    def send(self, lines: str) -> int:
        """Return the status of a request given byte for byte."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(lines.replace("\n", "\r\n").encode("latin-1"))
            return int(connection.recv(64).split()[1])

    def decisions(self) -> list[dict[str, Any]]:
        """Return the decisions on record, the latest first."""
        return self.home.search("source:ombud.decision")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a guarded site."""
    folder = tmp_path_factory.mktemp("site")
    home = folder / "home"
    policy = folder / "policy"
    for one in (home, policy):
        one.mkdir(mode=0o700)
    (policy / "policy.yaml").write_text(POLICY)
    (home / "settings.yaml").write_text(f"policy: {policy}\n")
    (home / "ext_authz.yaml").write_text(ROUTES)
    with ExitStack() as stack:
        running = RunningHome(home)
        stack.callback(running.close)
        running.start().own_token()
        backend = Backend()
        stack.callback(backend.close)
        token = running.make_token("nginx", "decide")
        conf = SITE.replace("BACKEND", str(backend.port)).replace("TOKEN", token)
        (folder / "nginx").mkdir()
        conf = conf.replace("OMBUD", running._place)
        port = stack.enter_context(running_nginx(folder / "nginx", conf))
        yield Site(running, backend, port)


def test_what_is_permitted_passes_and_is_on_record_before(site: Site) -> None:
    """The server behind gets the request with the decision, which the record holds."""
    site.backend.seen.clear()
    status, _ = site.get("/plates/AB%20123?x=1")
    ((method, path, headers),) = site.backend.seen
    decided = site.decisions()[0]

    assert (status, method, path) == (200, "GET", "/plates/AB%20123?x=1")
    assert headers["X-Ombud-Decision"] == decided["ombud"]["decision"]["uid"]
    assert decided["ombud"]["data_subjects"] == [{"kind": "vehicle", "key": "AB 123"}]
    assert (decided["actor"]["user"]["uid"], decided["ombud"]["purpose"]) == (
        "ana",
        "stolen-vehicles",
    )


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"X-Ombud-Purpose": "stolen-vehicles"}, 401, "nobody_signed_in"),
        ({"Cookie": "session=of-ana"}, 403, "purpose_missing"),
        (ANA | {"X-Ombud-Purpose": "marketing"}, 403, "purpose_unknown"),
        (ANA | {"Cookie": "session=of-ben"}, 403, "not_in_audience"),
        (ANA | {"Cookie": "session=of-ana; why=policing"}, 403, "malformed"),
    ],
)
def test_what_is_denied_says_why(
    site: Site, headers: dict[str, str], status: int, reason: str
) -> None:
    """Nothing of it reaches the server behind."""
    site.backend.seen.clear()
    got, answered = site.get("/plates/1", headers)

    assert got == status
    assert answered["x-ombud-reason"].startswith(reason)
    assert site.backend.seen == []


def test_a_cookie_may_state_the_purpose(site: Site) -> None:
    """As a page that asks for it once would set it."""
    assert site.get("/plates/1", {"Cookie": "session=of-ana; why=stolen-vehicles"})[0] == 200


def test_obligations_reach_only_who_handles_them(site: Site) -> None:
    """Without it the permit is a denial, in the record as well."""
    status, headers = site.get("/plates/")
    assert (status, headers["x-ombud-reason"]) == (403, "obligation_unsupported:row_filter")
    assert site.decisions()[0]["ombud"]["decision"]["permit"] is False

    site.backend.seen.clear()
    assert site.get("/search/")[0] == 200
    told = orjson.loads(site.backend.seen[0][2]["X-Ombud-Obligations"])
    assert [one["id"] for one in told] == ["row_filter"]


@pytest.mark.parametrize(
    "path",
    [
        "/admin",
        "/",
        "/plates",
        "/plates/1/2",
        "/plates/../admin",
        "/plates/%2e%2e/admin",
        "/plates/..%2fadmin",
        "/plates%2F1",
        "/plates//1",
        "//plates/1",
        "/plates/./1",
        "/plates/1;x",
        "/plates/1%00",
        "/plates/%252e%252e",
        "/plates/1?_method=DELETE",
        "/plates/1?%5Fmethod=DELETE",
        "/plates/\\..\\admin",
        "/_ombud",
    ],
)
def test_other_ways_to_write_a_path_do_not_pass(site: Site, path: str) -> None:
    """Whatever nginx, the check and the server behind would each make of it."""
    site.backend.seen.clear()
    status = site.send(
        f"GET {path} HTTP/1.1\nHost: x\nConnection: close\n"
        f"Cookie: session=of-ana\nX-Ombud-Purpose: stolen-vehicles\n\n"
    )

    assert status in {400, 403, 404}
    assert site.backend.seen == []


@pytest.mark.parametrize(
    "lines",
    [
        "X-HTTP-Method-Override: DELETE",
        "X-Original-URL: /plates/1",
        "X-Rewrite-URL: /plates/1",
        "X-Ombud-Purpose: stolen-vehicles",
        "X-Ombud-Case: 1\nX-Ombud-Case: 2",
        "Content-Length: 0\nTransfer-Encoding: chunked",
        "Cookie: why=other",
    ],
)
def test_headers_that_say_something_else_do_not_pass(site: Site, lines: str) -> None:
    """Another method, another path, the same header twice, a body read in two ways."""
    site.backend.seen.clear()
    status = site.send(
        f"GET /plates/1 HTTP/1.1\nHost: x\nConnection: close\n"
        f"Cookie: session=of-ana\nX-Ombud-Purpose: stolen-vehicles\n{lines}\n\n"
    )

    assert status in {400, 403}
    assert site.backend.seen == []


def test_nobody_speaks_for_the_proxy(site: Site) -> None:
    """What a client says of user, method, path or token is overwritten by nginx."""
    site.backend.seen.clear()
    lies = {
        "X-Forwarded-User": "ana",
        "X-Original-URI": "/plates/1",
        "X-Original-Method": "GET",
        "Authorization": f"Bearer {site.home.token}",
    }
    assert site.get("/plates/1", lies | {"X-Ombud-Purpose": "stolen-vehicles"})[0] == 401
    assert site.get("/admin", ANA | lies)[0] == 403
    assert site.get("/plates/1", ANA | lies, method="DELETE")[0] == 403
    assert site.get("/plates/1", ANA | lies, method="POST")[0] == 403
    assert site.backend.seen == []


def test_a_budget_ends(site: Site) -> None:
    """Whom Ana looked up today she may look up again; the fourth is one too many."""
    seen = [site.get(f"/plates/{plate}")[0] for plate in ("1", "AB%20123", "3", "1", "4", "3")]
    _, headers = site.get("/plates/5")

    assert seen == [200, 200, 200, 200, 403, 200]
    assert headers["x-ombud-reason"] == "budget_spent:subjects"


def test_a_home_that_is_away_lets_nothing_through(site: Site) -> None:
    """The proxy answers 500 for a check that failed, and passes nothing on."""
    site.backend.seen.clear()
    assert site.home.end() == 0
    try:
        assert site.get("/plates/1")[0] == 500
        assert site.backend.seen == []
    finally:
        site.home.start()
