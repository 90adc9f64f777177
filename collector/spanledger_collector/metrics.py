"""What the collector counts of itself, for Prometheus and for `doctor`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Counters of one collector; a registry of its own, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "spanledger_requests", "OTLP requests by answer", ["signal", "status"], registry=self.registry
        )
        self.accepted = Counter("spanledger_spans_accepted", "Spans acknowledged", registry=self.registry)
        self.refused = Counter("spanledger_spans_refused", "Spans refused with a reason", registry=self.registry)
        self.stored = Counter("spanledger_spans_stored", "Spans written to the store", registry=self.registry)
        self.quarantined = Counter("spanledger_spans_quarantined", "Spans set aside", registry=self.registry)
        self.beside = Counter(
            "spanledger_beside",
            "Log records and data points, by what became of them",
            ["signal", "outcome"],
            registry=self.registry,
        )
        self.retries = Counter("spanledger_store_retries", "Writes repeated after a failure", registry=self.registry)
        self.spool_bytes = Gauge("spanledger_spool_bytes", "Bytes waiting in the spool", registry=self.registry)
        self.spool_spans = Gauge("spanledger_spool_spans", "Spans waiting in the spool", registry=self.registry)
        self.acknowledge = Histogram(
            "spanledger_acknowledge_seconds",
            "Time from request to durable acknowledgement",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=self.registry,
        )
        self.write = Histogram("spanledger_store_write_seconds", "Time of one store write", registry=self.registry)
        self._spans = {
            "accepted": self.accepted,
            "refused": self.refused,
            "stored": self.stored,
            "quarantined": self.quarantined,
        }

    def count(self, outcome: str, signal: str, items: int) -> None:
        """Count items of a signal as accepted, refused, stored or quarantined."""
        if signal == "traces":
            self._spans[outcome].inc(items)
        else:
            self.beside.labels(signal, outcome).inc(items)
