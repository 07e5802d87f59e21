"""The first page: four views for who operates the service, a plain start for other staff."""

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Outcome, Team, User
from accounts.policy import SiteRole
from accounts.services.audit import record
from embeddings.constants import IndexState, JobKind, JobState
from embeddings.models import Collection, Generation, Job, RecallMeasurement, Usage
from embeddings.services import dashboard_debugging
from embeddings.store.series import add_values
from embeddings.types.dashboard import View
from tests.admin.conftest import client_of, make_staff, queries_of
from tests.factories import make_collection

URL = "/admin/"
SCRIPT = "<script>alert(1)</script>"
QUERIES = {"executive": 11, "operations": 13, "debugging": 13, "capacity": 7}
"""The session, its user, what the frame asks, and what the view does: however much is stored."""


def page_of(client: Client, view: View, span: str = "1h") -> str:
    response = client.get(URL, {"view": view, "range": span})
    assert response.status_code == 200
    return response.content.decode()


def keep(minutes_ago: int, values: dict[str, float]) -> None:
    """Numbers of one minute, by series; `name:label` where one has labels."""
    step = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    split = {name.partition(":")[::2]: value for name, value in values.items()}
    add_values(step=step, seconds=60, values={**split, ("processes", ""): 1.0})


def figure(page: str, label: str) -> str:
    """What a tile says, its tags apart."""
    tile = re.search(rf"<dt>{re.escape(label)}</dt>(.*?)</div>", page, re.DOTALL)
    assert tile, f"no figure {label}"
    return " ".join(re.sub(r"<[^>]+>", " ", tile[1]).split())


def rows(page: str, key: str) -> list[list[str]]:
    """The cells of a table's rows, its header apart."""
    table = re.search(rf'aria-labelledby="{key}-title">.*?</section>', page, re.DOTALL)
    assert table, f"no table {key}"
    found = re.findall(r"<tr>(.*?)</tr>", table[0], re.DOTALL)[1:]
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in found]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in cells]


def drawn(page: str, key: str) -> dict[str, list[float | None]]:
    """The lines that a chart draws."""
    data = re.search(rf'<script id="{key}-data" type="application/json">(.*?)</script>', page)
    assert data, f"no chart {key}"
    return {line["label"]: line["values"] for line in json.loads(data[1])["lines"]}


def use(user: User, team: Team | None, tokens: int, cost: str) -> None:
    Usage.objects.create(
        day=timezone.now().date(),
        user=user,
        team=team,
        model="m",
        requests=3,
        tokens=tokens,
        cached_tokens=tokens // 4,
        cost=Decimal(cost),
    )


def deny(event: str, number: int) -> None:
    record(event=event, object_type="x", object_id=str(number), outcome=Outcome.DENIED)


@pytest.mark.parametrize("view", View)
def test_it_works_with_nothing_in_it(as_operator: Client, view: View) -> None:
    page = page_of(as_operator, view)

    assert f'aria-current="page">{view.capitalize()}</a>' in page
    assert "console/dashboard.js" in page
    assert "Nothing was recorded in this time." in page


def test_what_an_executive_sees(as_operator: Client, alice: User, collection: Collection) -> None:
    keep(9, {"requests": 40, "requests_2xx": 40, "documents": 0})
    keep(5, {"requests": 60, "requests_2xx": 54, "requests_5xx": 6, "documents_added": 7})
    team = Team.objects.create(name=f"readers{SCRIPT}")
    use(alice, team, 400, "1.5")
    use(make_staff("dora", SiteRole.MEMBER), None, 100, "0.25")
    idle = make_staff("erin", SiteRole.MEMBER)
    Usage.objects.create(day=timezone.now().date(), user=idle, model="m", storage_bytes=10)

    page = page_of(as_operator, View.EXECUTIVE)

    assert figure(page, "Availability").startswith("94 % error problem 6 answers")
    assert figure(page, "Requests").startswith("100 ")
    assert figure(page, "Active users").startswith("2 ")
    assert figure(page, "Documents").startswith("1 ")
    assert figure(page, "Growth") == "1 0 at the beginning"
    assert figure(page, "Documents added").startswith("7 ")
    assert figure(page, "Tokens").startswith("500 25% from the cache")
    assert figure(page, "Cost").startswith("1.75 ")
    assert drawn(page, "requests")["failed (5xx)"].count(0.1) == 1
    assert drawn(page, "tokens") == {"read by models": [375.0], "from the cache": [125.0]}
    assert drawn(page, "teams") == {"cost": [1.5, 0.25]}
    escaped = "readers&lt;script&gt;alert(1)&lt;/script&gt;"
    assert rows(page, "by-team")[0][:3] == [escaped, "3", "400"]
    assert rows(page, "by-team")[1][0] == "no team"
    assert SCRIPT not in page


def test_tokens_stand_for_what_has_no_price(as_operator: Client, alice: User) -> None:
    use(alice, None, 100, "0")

    assert drawn(page_of(as_operator, View.EXECUTIVE), "teams") == {"tokens": [100.0]}


def test_what_operations_see(as_operator: Client, collection: Collection, alice: User) -> None:
    keep(
        2,  # what waits is told of the last five minutes, and some may begin meanwhile
        {
            "requests": 3600,
            "requests_5xx": 72,
            "cache_lookups": 100,
            "cache_hits": 40,
            "embed_texts": 7200,
            "queue_tokens": 100_000,
            "request_seconds:0.0 0.1": 90,
            "request_seconds:0.1 1.0": 10,
        },
    )
    Generation.objects.update(index_state=IndexState.READY.value)
    RecallMeasurement.objects.create(
        collection=collection,
        filtered=False,
        recall=0.5,
        worst=0,
        top_k=1,
        queries=9,
        approximate=9,
    )
    Job.objects.create(owner=alice, kind=JobKind.IMPORT.value, state=JobState.PARKED.value)

    page = page_of(as_operator, View.OPERATIONS)

    assert figure(page, "PostgreSQL").startswith("up check_circle good Answered in ")
    assert figure(page, "Worker").startswith("down error problem")
    assert figure(page, "Requests").startswith("1/s")
    assert figure(page, "Errors").startswith("2 % warning warning")
    assert figure(page, "p50").startswith("55.6 ms")
    assert figure(page, "p95").startswith("550 ms")
    assert figure(page, "Cache hit rate").startswith("40 %")
    assert figure(page, "Texts embedded").startswith("2/s")
    assert figure(page, "Queue").startswith("100 k error problem")
    assert figure(page, "Parked jobs").startswith("1 warning warning")
    assert figure(page, "Lowest recall").startswith("50 % warning warning 1 collections")
    assert 0.02 in drawn(page, "errors")["failed (5xx)"]
    assert rows(page, "recall") == [["drinks", "50 %", "-", "1"]]
    assert reverse("admin:embeddings_collection_change", args=[collection.pk]) in page
    assert any(row[0] == "PostgreSQL" and "pgvector" in row[1] for row in rows(page, "facts"))


def test_what_helps_to_debug(as_operator: Client, collection: Collection, alice: User) -> None:
    keep(
        5,
        {
            "route_requests:GET often": 100,
            "route_seconds:GET often": 10,
            "route_requests:POST slow": 2,
            "route_seconds:POST slow": 4,
            "route_errors:503 POST slow": 5,
            "requests_5xx": 5,
            "search_seconds_exact:0.0 0.1": 10,
            "search_seconds_hnsw:0.1 0.2": 10,
        },
    )
    job = Job.objects.create(
        owner=alice,
        collection=collection,
        kind=JobKind.IMPORT.value,
        state=JobState.FAILED.value,
        error=SCRIPT,
    )
    deny("collection.read", 1)

    page = page_of(as_operator, View.DEBUGGING)

    assert figure(page, "Failed requests") == "5"
    assert rows(page, "slow-routes") == [
        ["POST slow", "2 s", "2", "4 s"],
        ["GET often", "100 ms", "100", "10 s"],
    ]
    assert rows(page, "errors-by-route") == [["POST slow", "503", "5"]]
    assert rows(page, "searches") == [
        ["hnsw", "150 ms", "195 ms", "199 ms"],
        ["exact", "50 ms", "95 ms", "99 ms"],
    ]
    assert rows(page, "failed-jobs")[0][2] == "drinks"
    assert reverse("admin:embeddings_job_change", args=[job.pk]) in page
    assert SCRIPT not in page
    assert rows(page, "denied")[0][2:4] == ["collection.read", "x 1"]
    denied = AuditEntry.objects.get(event="collection.read")
    assert reverse("admin:audit_entry", args=[denied.pk]) in page


def test_the_audit_is_looked_through_as_far_as_is_quick(
    as_operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard_debugging, "LOOKED_THROUGH", 2)
    for number in range(4):
        deny("user.read", number)

    page = page_of(as_operator, View.DEBUGGING)

    assert len(rows(page, "denied")) < 4
    assert "Of the newest 2 entries alone." in page


def test_what_capacity_shows(as_operator: Client, collection: Collection, alice: User) -> None:
    make_collection("empty", owner=alice)
    keep(5, {"database_bytes": 2.0**30, "disk_free_bytes": 5e9, "memory_bytes": 2.0**20})

    page = page_of(as_operator, View.CAPACITY)

    assert figure(page, "Disk full on").startswith("- Too little is known yet")
    assert 5e9 in drawn(page, "disk")["free on the disk"]
    assert rows(page, "growth")[0][:2] == ["Database", "1 GiB"]
    largest = rows(page, "largest")
    assert largest[0][:4] == ["drinks", "alice", "hashing-384", "1"]
    assert [row[0] for row in largest] == ["drinks", "empty"]


def test_htmx_gets_the_panels_alone(as_operator: Client) -> None:
    params = {"view": "capacity", "range": "7d"}

    page = as_operator.get(URL, params, headers={"HX-Request": "true"}).content.decode()

    assert "Disk full on" in page
    assert "<html" not in page
    assert "dashboard-pause" not in page


def test_what_is_asked_for_wrongly_is_the_first_view_of_a_day(as_operator: Client) -> None:
    response = as_operator.get(URL, {"view": "../x", "range": "9y"})

    assert (response.context["view"], response.context["span"]) == ("executive", "24h")


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_who_does_not_operate_sees_a_plain_start(headers: dict[str, str]) -> None:
    member = make_staff("dora", SiteRole.MEMBER)
    member.user_permissions.add(Permission.objects.get(codename="view_job"))

    page = client_of(member).get(URL, {"view": "operations"}, headers=headers).content.decode()

    assert "What you may see and do here" in page
    assert f'<li><a href="{reverse("admin:embeddings_job_changelist")}">Jobs</a></li>' in page
    assert "dashboard-panels" not in page
    assert "PostgreSQL" not in page


def test_who_may_see_nothing_is_told_so(as_member: Client) -> None:
    assert "nothing here that you may see yet" in as_member.get(URL).content.decode()


@pytest.mark.parametrize("view", View)
def test_queries_do_not_grow(as_admin: Client, alice: User, view: View) -> None:
    params = {"view": view.value, "range": "30d"}
    counts = []
    for numbers in ([0], range(1, 9)):
        for number in numbers:
            use(alice, Team.objects.create(name=f"team{number}"), number, "1")
            Job.objects.create(owner=alice, kind=JobKind.IMPORT.value, state=JobState.FAILED.value)
            make_collection(f"collection-{number}", owner=alice)
            deny("user.read", number)
            keep(number, {"requests": 1, f"route_requests:GET {number}": 1})
        counts.append(len(queries_of(as_admin, URL, params)))

    assert counts == [QUERIES[view]] * 2
