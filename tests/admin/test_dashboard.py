"""The first page: four views for who operates the service, a plain start for other staff."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Team, User
from accounts.services.audit_buffer import note
from embeddings.constants import IndexState, JobKind, JobState
from embeddings.models import Collection, Generation, Job, RecallMeasurement, Usage
from embeddings.store.series import add_values
from embeddings.types.dashboard import SPANS, View
from tests.admin.conftest import queries_of

URL = "/admin/"
VIEWS = [view.value for view in View]


def page_of(client: Client, view: str, span: str = "1h", **headers: str) -> str:
    response = client.get(URL, {"view": view, "range": span}, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def record(minutes_ago: int = 5, **values: float) -> None:
    """Numbers of one minute, by series; those with labels as `name:label`."""
    step = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    split = {tuple((*name.split(":", 1), "")[:2]): value for name, value in values.items()}
    add_values(step=step, seconds=60, values={**split, ("processes", ""): 1.0})  # type: ignore[dict-item]


def figure(page: str, label: str) -> str:
    """A tile's text."""
    return " ".join(page.split(f"<dt>{label}</dt>")[1].split("</dd>")[0].split(">")[1:])


@pytest.mark.parametrize("view", VIEWS)
def test_it_works_with_nothing_in_it(as_operator: Client, view: str) -> None:
    page = page_of(as_operator, view)

    assert f'aria-current="page">{view.capitalize()}' in page
