"""Metrics: figures for Prometheus; labels are of closed sets, never text that somebody sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

from ombud.detect.rule import LEVELS
from ombud.web.limits import Budget

__all__ = ["CONTENT_TYPE", "Metrics"]

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # Seconds.
TOTAL = "_total"
MEANINGS = {
    "record_events_total": "Events in the record.",
    "index_lag_events": "Durable events that the index has not seen yet.",
    "rules_lag_events": "Durable events that the rules have not seen yet.",
    "rules_loaded": "Rules that run.",
    "rules_refused": "Rules that cannot be evaluated.",
    "background_failing": "Parts of the standing work that fail and are tried again.",
    "source_read_total": "Originals taken in since the start.",
    "source_recorded_total": "Originals that became events.",
    "source_duplicate_total": "Originals that were on record already.",
    "source_quarantined_total": "Originals that could not become an event.",
    **{f"alerts_{level}": f"Alerts of level {level}." for level in LEVELS},
}


class Metrics:
    """The figures of one server, with its own registry."""

    def __init__(self, pending: Budget) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "ombud_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "ombud_http_request_seconds",
            "Seconds from request to answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        waiting = Gauge(
            "ombud_ingest_pending_bytes",
            "Bytes taken and not yet durable.",
            registry=self._registry,
        )
        waiting.set_function(lambda: pending.taken)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; `route` is the template, never the path as sent."""
        self._requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, figures: Mapping[str, float]) -> bytes:
        """Return the server's own figures and the home's, in the text format."""
        home = CollectorRegistry()
        home.register(_Figures(figures))
        return generate_latest(self._registry) + generate_latest(home)


class _Figures:
    """The home's figures, as they are at one moment."""

    def __init__(self, figures: Mapping[str, float]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        for name, value in sorted(self._figures.items()):
            meaning = MEANINGS.get(name, name)
            if name.endswith(TOTAL):
                yield CounterMetricFamily(f"ombud_{name.removesuffix(TOTAL)}", meaning, value=value)
            else:
                yield GaugeMetricFamily(f"ombud_{name}", meaning, value=value)
