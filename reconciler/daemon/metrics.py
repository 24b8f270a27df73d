"""What is counted and measured, in a registry of its own."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from reconciler.subjects.entry import EntryState

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The daemon's metrics. Names begin with `reconciler_`; times are in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._passes = Counter(
            "reconciler_passes", "Passes by decision.", ("target", "decision", "row"), registry=self.registry
        )
        self._failures = Counter("reconciler_pass_failures", "Passes that broke.", ("target",), registry=self.registry)
        self._seconds = Histogram(
            "reconciler_pass_seconds", "How long passes take.", ("target",), registry=self.registry
        )
        self._events = Counter("reconciler_events", "Events received.", ("target", "outcome"), registry=self.registry)
        self._delivered = Counter(
            "reconciler_messages_delivered", "Messages delivered.", ("target",), registry=self.registry
        )
        self._queue = Gauge("reconciler_queue_keys", "Keys in the queue by state.", ("state",), registry=self.registry)
        self._entries = Gauge(
            "reconciler_entries", "Subjects in the ledger by state.", ("target", "state"), registry=self.registry
        )
        self._skew = Gauge(
            "reconciler_clock_skew_seconds", "Difference to the upstreams' clocks.", ("target",), registry=self.registry
        )
        self._ready = Gauge("reconciler_ready", "1 while ready, else 0.", registry=self.registry)

    def passed(self, target: str, *, decision: str, row: int, seconds: float) -> None:
        """A pass ended with a decision."""
        self._passes.labels(target, decision or "none", str(row)).inc()
        self._seconds.labels(target).observe(seconds)

    def failed(self, target: str) -> None:
        """A pass ended with an exception."""
        self._failures.labels(target).inc()

    def event(self, target: str, *, woke: bool) -> None:
        """An event arrived; it woke a subject or was none of ours."""
        self._events.labels(target, "woke" if woke else "notOurs").inc()

    def delivered(self, target: str, count: int) -> None:
        """So many messages were delivered."""
        self._delivered.labels(target).inc(count)

    def show_queue(self, *, ready: int, running: int, delayed: int) -> None:
        """How many keys are in which state now."""
        for state, number in (("ready", ready), ("running", running), ("delayed", delayed)):
            self._queue.labels(state).set(number)

    def show_target(self, target: str, *, entries: Mapping[str, int], skew: float) -> None:
        """What the ledger of one target holds now."""
        for state in EntryState:
            self._entries.labels(target, str(state)).set(entries.get(str(state), 0))
        self._skew.labels(target).set(skew)

    def show_ready(self, *, is_ready: bool) -> None:
        """Whether the daemon is ready now."""
        self._ready.set(int(is_ready))

    def text(self) -> bytes:
        """All of it in the exposition format."""
        return generate_latest(self.registry)
