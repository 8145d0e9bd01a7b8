"""What a process measures of itself, for Prometheus. Fed by runs and by looks at the ledger; never asks a database.

Names and labels are a public API; README lists them:

    syncd_freshness_lag_seconds{org,module}         now minus the watermark, worked out at each scrape
    syncd_watermark_timestamp_seconds{org,module}   the watermark as a Unix time
    syncd_rows_total{org,module,effect}             rows by effect: inserted, updated, unchanged, rejected, deleted
    syncd_bad_values_total{org,module}              values put into quarantine
    syncd_runs_total{org,module,outcome}            passes by how they ended: ok, waiting, failed, parked, ...
    syncd_run_seconds_total{org,module}             time spent in passes
    syncd_jobs_in_flight{org,module}                bulk jobs of this process's runs that are not finished
    syncd_step_seconds{org,module,step}             time of a job's steps: export, download, load
    syncd_downloads_total{org,module}               result files fetched
    syncd_wait_seconds_total{org,module}            time that runs meant to wait for quotas and for the other side
    syncd_census_rows{org,module,finding}           what the last census found: missing, extra, stale rows
    syncd_census_timestamp_seconds{org,module}      when that was, as a Unix time
    syncd_late_rows_total{org,module}               rows below the watermark that a census found missing or stale
    syncd_quota_used{org,quota}                     units used in the quota's period that ends now, by the ledger
    syncd_quota_limit{org,quota}                    units allowed in that period, where known
    syncd_lost_turns_total                          scheduled turns that the watchdog had to make up for
    syncd_clock_steps_total                         steps of the wall clock that were noticed
    syncd_scheduler_restarts_total                  times the scheduler had to be replaced
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from syncd.core.census import Census
from syncd.core.model import FINISHED, Job, JobState, LoadCounts, ModuleStatus, Run, StreamKey
from syncd.core.status import ApiUse
from syncd.sync.ports import RunOutcome

_STREAM = ("org", "module")
_STEPS = {JobState.READY: "export", JobState.FETCHED: "download"}
_STEP_BUCKETS = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 7200)


class Metrics:
    """An observer of runs with a registry of its own. `now` is the wall clock, for the lag alone."""

    def __init__(self, *, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._entered: dict[int, tuple[StreamKey, float]] = {}
        self._freshness = _Freshness(now)
        self.registry = registry = CollectorRegistry()
        registry.register(self._freshness)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        self._rows = counter("syncd_rows", "Rows by what a load did with them", *_STREAM, "effect")
        self._bad_values = counter("syncd_bad_values", "Values put into quarantine", *_STREAM)
        self._runs = counter("syncd_runs", "Passes over a stream by how they ended", *_STREAM, "outcome")
        self._run_seconds = counter("syncd_run_seconds", "Time spent in passes", *_STREAM)
        self._downloads = counter("syncd_downloads", "Result files fetched", *_STREAM)
        self._waited = counter("syncd_wait_seconds", "Time that runs meant to wait before a retry", *_STREAM)
        self._jobs = Gauge("syncd_jobs_in_flight", "Bulk jobs not finished", _STREAM, registry=registry)
        self._steps = Histogram(
            "syncd_step_seconds", "Time of a job's steps", (*_STREAM, "step"), buckets=_STEP_BUCKETS, registry=registry
        )
        self._late_rows = counter("syncd_late_rows", "Rows below the watermark found missing or stale", *_STREAM)
        self._census = Gauge(
            "syncd_census_rows", "Findings of the last census", (*_STREAM, "finding"), registry=registry
        )
        self._census_at = Gauge(
            "syncd_census_timestamp_seconds", "When the last census was", _STREAM, registry=registry
        )
        self._quota_used = Gauge("syncd_quota_used", "Units used of a quota", ("org", "quota"), registry=registry)
        self._quota_limit = Gauge("syncd_quota_limit", "Units allowed by a quota", ("org", "quota"), registry=registry)
        self.lost_turns = counter("syncd_lost_turns", "Turns the watchdog had to make up for")
        self.clock_steps = counter("syncd_clock_steps", "Steps of the wall clock that were noticed")
        self.scheduler_restarts = counter("syncd_scheduler_restarts", "Times the scheduler had to be replaced")

    def exposition(self) -> tuple[bytes, str]:
        """All metrics in Prometheus' text format, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    # --------------------------------------------------------------------------------------- what the ledger says

    def learn(self, statuses: Iterable[ModuleStatus]) -> None:
        """Take over the watermarks of the ledger: they replace what was known."""
        self._freshness.replace({status.stream: status.watermark for status in statuses if status.watermark})

    def learn_api_use(self, use: Iterable[ApiUse]) -> None:
        """Take over how much of each quota is used."""
        for one in use:
            quota = one.name.replace(" ", "_").lower()
            self._quota_used.labels(one.org, quota).set(one.used)
            if one.limit is not None:
                self._quota_limit.labels(one.org, quota).set(one.limit)

    # ----------------------------------------------------------------------------------------------- what runs say

    def run_started(self, run: Run, jobs: int) -> None:
        self._jobs.labels(*_labels(run.stream)).set(jobs)

    def job_moved(self, run: Run, job: Job) -> None:
        self._stepped(run, job, _STEPS.get(job.state))
        if job.state is JobState.FETCHED:
            self._downloads.labels(*_labels(run.stream)).inc()

    def job_loaded(self, run: Run, job: Job, counts: LoadCounts, open_jobs: int) -> None:
        self._stepped(run, job, "load")
        labels = _labels(run.stream)
        self._jobs.labels(*labels).set(open_jobs)
        self._count(labels, counts)

    def waiting(self, key: StreamKey, why: str, seconds: float) -> None:  # noqa: ARG002 (the port's signature)
        self._waited.labels(*_labels(key)).inc(seconds)

    def run_finished(self, outcome: RunOutcome) -> None:
        key, labels = outcome.stream, _labels(outcome.stream)
        self._runs.labels(*labels, outcome.state).inc()
        self._run_seconds.labels(*labels).inc(outcome.seconds)
        self._rows.labels(*labels, "deleted").inc(outcome.counts.deleted)
        self._jobs.labels(*labels).set(0)
        if outcome.fresh_to is not None:
            self._freshness.note(key, outcome.fresh_to)
        if outcome.census is not None:
            self._take_census(labels, outcome.census)
        with self._lock:
            self._entered = {job: entered for job, entered in self._entered.items() if entered[0] != key}

    def _take_census(self, labels: tuple[str, str], census: Census) -> None:
        findings = {"missing": census.missing, "extra": census.extra, "stale": census.stale}
        for finding, rows in findings.items():
            self._census.labels(*labels, finding).set(rows)
        self._census_at.labels(*labels).set(census.at.timestamp())
        self._late_rows.labels(*labels).inc(census.missing + census.stale)

    def _count(self, labels: tuple[str, str], counts: LoadCounts) -> None:
        self._rows.labels(*labels, "inserted").inc(counts.inserted)
        self._rows.labels(*labels, "updated").inc(counts.updated)
        self._rows.labels(*labels, "unchanged").inc(counts.unchanged)
        self._rows.labels(*labels, "rejected").inc(counts.rejected)
        self._bad_values.labels(*labels).inc(counts.bad_values)

    def _stepped(self, run: Run, job: Job, step: str | None) -> None:
        """Time the step that led to the job's state; the first state seen of a job only starts the watch."""
        now = self._monotonic()
        with self._lock:
            entered = self._entered.pop(job.id, None)
            if job.state not in FINISHED:
                self._entered[job.id] = (run.stream, now)
        if entered is not None and step is not None:
            self._steps.labels(*_labels(run.stream), step).observe(now - entered[1])


class _Freshness(Collector):
    """The watermarks, turned into lags when somebody asks."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._watermarks: dict[StreamKey, datetime] = {}
        self._lock = threading.Lock()

    def replace(self, watermarks: dict[StreamKey, datetime]) -> None:
        with self._lock:
            self._watermarks = dict(watermarks)

    def note(self, key: StreamKey, watermark: datetime) -> None:
        with self._lock:
            self._watermarks[key] = watermark

    def collect(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily("syncd_freshness_lag_seconds", "Now minus the watermark", labels=_STREAM)
        stamp = GaugeMetricFamily("syncd_watermark_timestamp_seconds", "The watermark as a Unix time", labels=_STREAM)
        with self._lock:
            watermarks = dict(self._watermarks)
        now = self._now()
        for key, watermark in watermarks.items():
            lag.add_metric(_labels(key), max((now - watermark).total_seconds(), 0.0))
            stamp.add_metric(_labels(key), watermark.timestamp())
        yield lag
        yield stamp


def _labels(key: StreamKey) -> tuple[str, str]:
    return key.org, key.module
