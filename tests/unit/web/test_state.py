"""State: what monitors are told, and that labels are never text that somebody sent."""

from __future__ import annotations

from doubles.web_home import Client, Services


def test_alive_whatever_the_home(client: Client, services: Services) -> None:
    """The server is alive even while its home is not ready."""
    services.checks = {"recorder": False}

    assert client.ask("GET", "/healthz").json() == {"status": "ok", "checks": {}}


def test_ready_when_every_part_works(client: Client, services: Services) -> None:
    """Readiness names the part that does not work."""
    good = client.ask("GET", "/readyz")
    services.checks = {"recorder": True, "index": False}
    bad = client.ask("GET", "/readyz")

    assert (good.status_code, good.json()["status"]) == (200, "ok")
    assert bad.status_code == 503
    assert bad.json() == {
        "status": "not ready",
        "checks": {"recorder": True, "index": False},
        "notes": [],
    }


def test_metrics_in_the_text_format(client: Client) -> None:
    """Figures of the home and of the server are there, with their types."""
    client.deliver(b"{}\n")
    answer = client.ask("GET", "/metrics")
    lines = answer.text.splitlines()

    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE ombud_record_size gauge" in lines
    assert "ombud_record_size 8.0" in lines
    assert "# TYPE ombud_alerts_total counter" in lines
    assert "ombud_alerts_total 3.0" in lines
    assert (
        'ombud_http_requests_total{method="POST",'
        'route="/v1/sources/{kind}/events",status="200"} 1.0'
    ) in lines
    assert "ombud_ingest_pending_bytes 0.0" in lines


def test_labels_are_of_closed_sets(client: Client) -> None:
    """Neither paths nor methods that somebody makes up become labels."""
    for name in ("a", "b"):
        client.ask("GET", f"/made-up-{name}")
        client.ask(f"MADEUP{name.upper()}", "/healthz")
    text = client.ask("GET", "/metrics").text

    assert "made-up" not in text
    assert "MADEUP" not in text
    assert 'ombud_http_requests_total{method="GET",route="unmatched",status="404"} 2.0' in text
