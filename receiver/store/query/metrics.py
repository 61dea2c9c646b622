"""What the query service counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class QueryMetrics:
    """Queries by outcome, their durations, and how many run and wait."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register the metrics."""
        self.finished = Counter(
            "clc_queries", "Queries by how they ended: ok, gone or the error's code.", ["outcome"], registry=registry
        )
        self.seconds = Histogram(
            "clc_query_seconds", "Time from a query's start until its rows were read.", registry=registry
        )
        self.running = Gauge("clc_queries_running", "Queries that run now.", registry=registry)
        self.waiting = Gauge("clc_queries_waiting", "Queries that wait for one that runs.", registry=registry)
        self.overdue = Gauge(
            "clc_queries_overdue", "Queries that run on after their time, as no interrupt ends them.", registry=registry
        )
