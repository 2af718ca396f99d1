"""What does a server tell Prometheus?"""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from serving.refusal import Reason
from serving.release import Schema

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The counters of one server process, in a registry of their own."""

    def __init__(self, schema: Schema, digest: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "mlops_server_requests", "Scoring requests by status code.", ["code"], registry=self.registry
        )
        self._answered = self._requests.labels("200")
        self._rejected = Counter("mlops_server_rejected", "Refused requests.", ["reason"], registry=self.registry)
        self._rows = Counter("mlops_server_rows", "Rows scored.", registry=self.registry)
        self._failures = Counter(
            "mlops_server_model_failures", "Requests on whose valid values the graph failed.", registry=self.registry
        )
        self._seconds = Histogram(
            "mlops_server_request_seconds", "Time from the head of a scoring request to its answer.", buckets=BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        Info("mlops_server_release", "The release that answers.", registry=self.registry).info(
            {"digest": digest, "model": schema.name, "task": schema.task}
        )

    def answered(self, rows: int) -> None:
        """A request was answered with predictions."""
        self._answered.inc()
        self._rows.inc(rows)

    def failed(self, code: int) -> None:
        """A scoring request got another answer."""
        self._requests.labels(str(code)).inc()

    def rejected(self, reason: Reason) -> None:
        """Bad input was refused."""
        self._rejected.labels(reason).inc()

    def model_failed(self) -> None:
        """The graph raised, or its scores are no numbers."""
        self._failures.inc()

    def took(self, seconds: float) -> None:
        """A scoring request was answered, in whichever way."""
        self._seconds.observe(seconds)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
