"""What is slow, what fails, and who was refused."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import AuditEntry, Outcome
from accounts.policy import Action
from accounts.principal import Principal
from embeddings.constants import JobState, SearchPath
from embeddings.models import Job
from embeddings.services.audit import AuditWanted, list_entries
from embeddings.services.series import overall_percentiles, percentiles, ranked, series, totals
from embeddings.types.chart import Chart, Unit
from embeddings.types.dashboard import Column, Dashboard, Row, Table, Target, Tile, Window

LISTED = 10

ROUTES = 1_000
"""More than there are."""

LOOKED_THROUGH = 20_000
"""Entries of the audit, the newest: it has no index of what was denied, and may have millions."""

JOB_AGE = timedelta(days=30)


def debugging_dashboard(*, principal: Principal, window: Window) -> Dashboard:
    """The worst of each kind, and how they came over time."""
    classes = series(names=["requests_4xx", "requests_5xx"], **window.steps)
    searches = percentiles(name="search_seconds", **window.steps)
    return Dashboard(
        figures={"In this time": _tiles(window)},
        charts=[
            Chart(
                key="errors",
                title="Errors",
                unit=Unit.RATE,
                points=classes.times,
                lines={
                    "refused (4xx)": classes.values["requests_4xx"],
                    "failed (5xx)": classes.values["requests_5xx"],
                },
            ),
            Chart(
                key="search-times",
                title="Time of a search",
                unit=Unit.SECONDS,
                points=searches.times,
                lines=searches.values,
            ),
        ],
        tables=[
            _slow_routes(window),
            _errors(window),
            _searches(window),
            _failed_jobs(principal),
            _denied(principal, window),
        ],
    )


def _tiles(window: Window) -> list[Tile]:
    named = {
        "requests_5xx": "Failed requests",
        "requests_4xx": "Refused requests",
        "jobs_failed": "Failed jobs",
        "jobs_parked": "Parked jobs",
    }
    found = totals(names=list(named), **window.ends)
    return [Tile(label, found[name]) for name, label in named.items()]


def _slow_routes(window: Window) -> Table:
    counts = dict(ranked(name="route_requests", limit=ROUTES, **window.ends))
    spent_on = ranked(name="route_seconds", limit=ROUTES, **window.ends)
    means = [(spent / counts[route], route, spent) for route, spent in spent_on if route in counts]
    slowest = sorted(means, reverse=True)[:LISTED]
    return Table(
        key="slow-routes",
        title="Slowest routes",
        columns=[
            Column("Route"),
            Column("Mean", Unit.SECONDS),
            Column("Requests", Unit.COUNT),
            Column("All together", Unit.SECONDS),
        ],
        rows=[Row([route, mean, counts[route], spent]) for mean, route, spent in slowest],
        empty="No request was answered in this time.",
    )


def _errors(window: Window) -> Table:
    found = ranked(name="route_errors", limit=LISTED, **window.ends)
    rows = [(count, *label.split(" ", 1)) for label, count in found]
    return Table(
        key="errors-by-route",
        title="Errors by route",
        columns=[Column("Route"), Column("Status"), Column("Answers", Unit.COUNT)],
        rows=[Row([route, status, count]) for count, status, route in rows],
        empty="No request failed or was refused in this time.",
    )


def _searches(window: Window) -> Table:
    by_path = {f"search_seconds_{path}": path.value for path in SearchPath}
    found = overall_percentiles(names=list(by_path), **window.ends)
    rows = [(times, by_path[name]) for name, times in found.items() if times[0] is not None]
    slowest = sorted(rows, key=lambda row: row[0][1:], reverse=True)
    return Table(
        key="searches",
        title="Searches by path",
        columns=[Column("Path"), *(Column(name, Unit.SECONDS) for name in ("p50", "p95", "p99"))],
        rows=[Row([path, *times]) for times, path in slowest],
        empty="Nothing was searched in this time.",
    )


def _failed_jobs(principal: Principal) -> Table:
    """Whenever they failed: they wait for somebody."""
    bad = (JobState.FAILED.value, JobState.PARKED.value)
    jobs = Job.objects.visible_to(principal, Action.READ).defer("refused", "params", "result")
    jobs = jobs.filter(state__in=bad, created_at__gte=timezone.now() - JOB_AGE)[:LISTED]
    return Table(
        key="failed-jobs",
        title="Last failed jobs",
        columns=[
            Column("Job"),
            Column("State"),
            Column("Collection"),
            Column("Began"),
            Column("Error"),
        ],
        rows=[
            Row(
                [job.kind, job.state, job.shown_collection, job.created_at, job.error],
                target=(Target.JOB, job.pk),
            )
            for job in jobs
        ],
        empty="No job failed in the last 30 days.",
    )


def _denied(principal: Principal, window: Window) -> Table:
    newest = AuditEntry.objects.filter(at__gte=window.since).order_by("-at", "-id")
    behind = newest.values_list("at", flat=True)[LOOKED_THROUGH:][:1]
    since = max([window.since, *behind])
    wanted = AuditWanted(outcome=Outcome.DENIED, since=since, until=window.until)
    entries = list_entries(principal=principal, wanted=wanted, limit=LISTED)
    return Table(
        key="denied",
        title="Denied requests",
        columns=[
            Column("At (UTC)"),
            Column("Who"),
            Column("Event"),
            Column("Object"),
            Column("Address"),
        ],
        rows=[
            Row(
                [
                    entry.at,
                    entry.username,
                    entry.event,
                    f"{entry.object_type} {entry.object_id}".strip(),
                    entry.address,
                ],
                target=(Target.AUDIT_ENTRY, entry.pk),
            )
            for entry in entries
        ],
        empty="Nobody was denied anything in this time.",
        about="" if since == window.since else f"Of the newest {LOOKED_THROUGH:,} entries alone.",
    )
