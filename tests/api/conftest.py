"""The cast, their clients and Alice's collection."""

import pytest
from cachetools import TTLCache
from rest_framework.test import APIClient

from accounts.models import User
from accounts.policy import SiteRole
from accounts.services import callers, verified_tokens
from accounts.services.tokens import create_api_token
from embeddings.models import Collection
from embeddings.store import health
from embeddings.types.document import DocumentInput
from tests.clocks import stop_before_midnight
from tests.factories import make_collection, make_documents, make_user

PATIENCE_S = 600.0

DOCUMENTS = (
    DocumentInput(
        "tea", "How to brew green tea", {"lang": "en", "year": 2020, "by": {"name": "X"}}
    ),
    DocumentInput("guides/coffee", "How to brew coffee", {"lang": "en", "year": 2024}),
    DocumentInput("thé", "Le thé vert se boit chaud", {"lang": "fr", "year": 2024}),
)


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test here needs it."""


@pytest.fixture(autouse=True)
def _at_any_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a test takes, a credential that it has shown stays trusted until it is
    forgotten, and a database that answers is not given up.
    """
    for module in (callers, verified_tokens):
        monkeypatch.setattr(module, "TRUSTED_S", PATIENCE_S)
    monkeypatch.setattr(callers, "_known", TTLCache(100, ttl=PATIENCE_S))
    monkeypatch.setattr(health, "TIMEOUT_S", PATIENCE_S)


@pytest.fixture
def within_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_before_midnight(monkeypatch)


def client_of(user: User) -> APIClient:
    """A client that sends a token of the user's."""
    _, plaintext = create_api_token(user=user, name="test")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client


@pytest.fixture
def alice() -> User:
    """Owns the collection."""
    return make_user("alice")


@pytest.fixture
def bob() -> User:
    """An operator: sees and searches all, writes nothing."""
    return make_user("bob", SiteRole.OPERATOR)


@pytest.fixture
def charlie() -> User:
    """An outsider."""
    return make_user("charlie")


@pytest.fixture
def root() -> User:
    """An administrator."""
    return make_user("root", SiteRole.ADMIN)


@pytest.fixture
def as_root(root: User) -> APIClient:
    return client_of(root)


@pytest.fixture
def as_alice(alice: User) -> APIClient:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: User) -> APIClient:
    return client_of(bob)


@pytest.fixture
def as_charlie(charlie: User) -> APIClient:
    return client_of(charlie)


@pytest.fixture
def stranger() -> APIClient:
    """Sends no credentials."""
    return APIClient()


@pytest.fixture
def collection(alice: User) -> Collection:
    """Alice's, with DOCUMENTS in it."""
    made = make_collection("drinks", owner=alice)
    make_documents(made, *DOCUMENTS)
    made.refresh_from_db()
    return made
