"""The listener's metrics, in Prometheus' text format."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

ANSWERED = Counter(
    "clc_listener_notifications",
    "Notifications answered, by result: accepted, or the refusal's code.",
    ["result"],
    registry=REGISTRY,
)
ACCEPT_SECONDS = Histogram(
    "clc_listener_accept_seconds",
    "Time from a notification's last byte to its answer, the spool's sync included.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=REGISTRY,
)
WAITING = Gauge(
    "clc_listener_waiting",
    "Notifications that wait for the spool's next commit, or for the shared spool.",
    registry=REGISTRY,
)
CONNECTIONS = Gauge(
    "clc_listener_connections",
    "Connections that are open.",
    registry=REGISTRY,
)
CONNECTIONS_CLOSED = Counter(
    "clc_listener_connections_closed",
    "Connections closed while a request was awaited or read, by reason: idle, slow_headers, slow_body, too_many at "
    "once, or too_many_of_a_source.",
    ["reason"],
    registry=REGISTRY,
)
NOT_REPLICATED = Counter(
    "clc_listener_not_replicated",
    "Accepted notifications that were answered before the shared spool held them (CLC_ACKNOWLEDGE=replicated).",
    registry=REGISTRY,
)
NOT_KEPT = Counter(
    "clc_listener_refused_not_kept",
    "Refused notifications that were not kept in `rejected`, as the hour's bytes for their reason were used up.",
    registry=REGISTRY,
)


def count_answer(result: str) -> None:
    """Count an answered notification by its result."""
    _counter_of(result).inc()


# Prometheus' client looks it up under a lock, for as long as it takes to make an answer.
_counter_of = cache(ANSWERED.labels)
