"""The bot's counters, as ``GET /metrics`` shows them. No text of people and no ids of people in labels.

``team`` is the workspace where several are served, "" (to Prometheus: no label) where there is one.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter("assay_slack_requests", "Deliveries by kind and outcome.", ["kind", "outcome"], registry=REGISTRY)
ACK_SECONDS = Histogram("assay_slack_ack_seconds", "Seconds until a delivery was acknowledged.", registry=REGISTRY)
DUPLICATES = Counter("assay_inbox_duplicates", "Deliveries that had been taken before.", ["kind"], registry=REGISTRY)
API_CALLS = Counter("assay_slack_api", "Calls to Slack's Web API.", ["method", "outcome"], registry=REGISTRY)
OUTBOX_DEPTH = Gauge("assay_outbox_depth", "Rows of the outbox that wait.", ["team"], registry=REGISTRY)
OUTBOX_OLDEST = Gauge("assay_outbox_oldest_seconds", "Age of the oldest of them.", ["team"], registry=REGISTRY)


def exposition() -> bytes:
    """All of them in Prometheus' text format."""
    return generate_latest(REGISTRY)
