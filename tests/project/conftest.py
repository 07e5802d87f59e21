"""The cast of the tests that go through all routes."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from tests.project.access_world import World, make_world


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once for a module; whoever changes something there takes it back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)
