from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from prometheus_client.parser import text_string_to_metric_families

from syncd.core.census import Census
from syncd.core.health import unlisted
from syncd.core.model import Job, JobSpec, JobState, LoadCounts, Run, RunKind, StreamKey
from syncd.core.status import ApiUse
from syncd.daemon import metrics as metrics_module
from syncd.daemon.metrics import Metrics
from syncd.sync.ports import RunOutcome

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
KEY = StreamKey("default", "Leads")
RUN = Run(id=1, stream=KEY, kind=RunKind.CATCH_UP, through=NOW, slices=(("Id",),), started_at=NOW)
JOB = Job(id=7, run_id=1, stream=KEY, spec=JobSpec(window=None))


def metrics_with(step: float = 10.0) -> Metrics:
    """Metrics whose monotonic clock goes on by `step` at each look."""
    ticks = count()
    return Metrics(now=lambda: NOW, monotonic=lambda: next(ticks) * step)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    text, kind = metrics.exposition()
    assert kind.startswith("text/plain")
    wanted = {"org": "default", "module": "Leads"} | labels
    for family in text_string_to_metric_families(text.decode()):
        for found in family.samples:
            if found.name == name and all(found.labels.get(label, value) == value for label, value in wanted.items()):
                return float(found.value)
    return None


def test_a_run_is_counted() -> None:
    metrics = metrics_with()
    metrics.run_started(RUN, 2)
    assert sample(metrics, "syncd_jobs_in_flight") == 2
    for state in (JobState.ACCEPTED, JobState.READY, JobState.FETCHED):
        metrics.job_moved(RUN, replace(JOB, state=state))
    counts = LoadCounts(read=10, inserted=4, updated=3, unchanged=2, rejected=1, bad_values=5)
    metrics.job_loaded(RUN, replace(JOB, state=JobState.LOADED), counts, 1)
    metrics.waiting(KEY, "quota", 2.5)
    metrics.run_finished(
        RunOutcome(stream=KEY, state="ok", seconds=31, counts=replace(counts, deleted=6), fresh_to=NOW)
    )
    effects = {
        effect: sample(metrics, "syncd_rows_total", effect=effect) for effect in ("inserted", "updated", "deleted")
    }
    assert effects == {"inserted": 4, "updated": 3, "deleted": 6}
    assert sample(metrics, "syncd_rows_total", effect="unchanged") == 2
    assert sample(metrics, "syncd_rows_total", effect="rejected") == 1
    assert sample(metrics, "syncd_bad_values_total") == 5
    assert sample(metrics, "syncd_downloads_total") == 1
    assert sample(metrics, "syncd_runs_total", outcome="ok") == 1
    assert sample(metrics, "syncd_run_seconds_total") == 31
    assert sample(metrics, "syncd_wait_seconds_total") == 2.5
    assert sample(metrics, "syncd_jobs_in_flight") == 0


def test_steps_are_timed_from_state_to_state() -> None:
    metrics = metrics_with(step=10.0)
    for state in (JobState.ACCEPTED, JobState.READY, JobState.FETCHED):
        metrics.job_moved(RUN, replace(JOB, state=state))
    metrics.job_loaded(RUN, replace(JOB, state=JobState.SPLIT), LoadCounts(), 2)
    for step in ("export", "download", "load"):
        assert sample(metrics, "syncd_step_seconds_sum", step=step) == 10.0
        assert sample(metrics, "syncd_step_seconds_count", step=step) == 1


def test_a_job_resumed_in_the_middle_is_not_timed_from_nowhere() -> None:
    metrics = metrics_with()
    metrics.job_moved(RUN, replace(JOB, state=JobState.FETCHED))
    assert sample(metrics, "syncd_step_seconds_count", step="download") is None
    metrics.run_finished(RunOutcome(stream=KEY, state="failed"))
    metrics.job_loaded(RUN, replace(JOB, state=JobState.LOADED), LoadCounts(), 0)
    assert sample(metrics, "syncd_step_seconds_count", step="load") is None, (
        "a run that ended takes its watches with it"
    )


def test_the_lag_is_worked_out_when_asked() -> None:
    moments = iter([NOW + timedelta(seconds=90), NOW + timedelta(seconds=100), NOW - timedelta(seconds=5)] * 2)
    metrics = Metrics(now=lambda: next(moments))
    metrics.learn([replace(unlisted(KEY), watermark=NOW), unlisted(StreamKey("default", "Deals"))])
    assert sample(metrics, "syncd_freshness_lag_seconds") == 90
    assert sample(metrics, "syncd_watermark_timestamp_seconds") == NOW.timestamp()
    assert sample(metrics, "syncd_freshness_lag_seconds") == 0
    assert sample(metrics, "syncd_freshness_lag_seconds", module="Deals") is None


def test_quotas_and_the_services_own_counters() -> None:
    metrics = metrics_with()
    day = timedelta(days=1)
    metrics.learn_api_use([ApiUse(name="API credits", used=18, limit=65, period=day, org="default")])
    assert sample(metrics, "syncd_quota_used", quota="api_credits") == 18
    assert sample(metrics, "syncd_quota_limit", quota="api_credits") == 65
    metrics.learn_api_use([ApiUse(name="downloads", used=3, limit=None, period=day, org="default")])
    assert sample(metrics, "syncd_quota_limit", quota="downloads") is None
    metrics.lost_turns.inc(2)
    assert sample(metrics, "syncd_lost_turns_total") == 2


def test_what_a_census_finds_is_published() -> None:
    metrics = metrics_with()
    for missing, stale in ((3, 1), (0, 0)):
        census = Census(run_id=1, stream=KEY, at=NOW, compared=100, missing=missing, extra=2, stale=stale)
        metrics.run_finished(RunOutcome(stream=KEY, state="ok", census=census))
    found = {
        finding: sample(metrics, "syncd_census_rows", finding=finding) for finding in ("missing", "extra", "stale")
    }
    assert found == {"missing": 0, "extra": 2, "stale": 0}
    assert sample(metrics, "syncd_late_rows_total") == 4
    assert sample(metrics, "syncd_census_timestamp_seconds") == NOW.timestamp()


def test_every_documented_name_exists() -> None:
    lines = (metrics_module.__doc__ or "").splitlines()
    documented = [line.split("{")[0].split()[0] for line in lines if line.startswith("    syncd_")]
    assert len(documented) == 18
    text = metrics_with().exposition()[0].decode()
    assert [name for name in documented if f"# TYPE {name} " not in text] == []
