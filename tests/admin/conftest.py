"""Who comes to the console: an admin, an operator and a member, each with a session."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.models import Collection
from tests.clocks import stop_before_midnight
from tests.factories import make_collection, make_document, make_user


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test here needs it."""


@pytest.fixture
def within_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_before_midnight(monkeypatch)


def client_of(user: User) -> Client:
    """A client that is logged in as the user."""
    client = Client()
    client.force_login(user)
    return client


def queries_of(client: Client, url: str, params: dict[str, Any] | None = None) -> list[str]:
    """The SQL of one page."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url, params).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def make_staff(username: str, role: SiteRole) -> User:
    user = make_user(username, role)
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    return user


@pytest.fixture
def alice() -> User:
    """Owns the collection."""
    return make_user("alice")


@pytest.fixture
def admin() -> User:
    return make_staff("root", SiteRole.ADMIN)


@pytest.fixture
def as_admin(admin: User) -> Client:
    return client_of(admin)


@pytest.fixture
def as_operator() -> Client:
    return client_of(make_staff("bob", SiteRole.OPERATOR))


@pytest.fixture
def as_member() -> Client:
    return client_of(make_staff("charlie", SiteRole.MEMBER))


@pytest.fixture
def collection(alice: User) -> Collection:
    """Alice's, with one document that tries to be a script."""
    made = make_collection("drinks", owner=alice)
    make_document(made, "<script>alert(1)</script> tea", external_id="tea", note="<b>hot</b>")
    made.refresh_from_db()
    return made
