"""A collection of which Charlie sees some documents, and may write fewer."""

from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from accounts.policy import Role
from accounts.services.tokens import create_api_token
from embeddings.models import Collection, Grant
from embeddings.types.document import DocumentInput
from tests.factories import make_collection, make_documents

MINE = [
    DocumentInput("tea", "brew green tea leaves", {"tenant": 1, "lang": "en", "n": 1}),
    DocumentInput("mate", "brew mate leaves cold", {"tenant": 1, "lang": ["en", "es"], "n": 2}),
    DocumentInput("coffee", "roast green coffee beans", {"tenant": 2, "lang": "en", "n": 3}),
    DocumentInput("cocoa", "roast cocoa beans slowly", {"tenant": 2, "lang": None, "n": 4}),
]
HIDDEN = [
    DocumentInput(f"zebra{at}", "brew zebra tea leaves", {"tenant": 3, "lang": "zebra", "n": at})
    for at in range(9)
] + [DocumentInput("zebra", "roast zebra coffee beans", {"lang": "en"})]


def make_mixed(alice: User, charlie: User) -> Collection:
    """Alice's, where Charlie reads the documents of tenants 1 and 2, and writes those of 1."""
    made = make_collection("mixed", owner=alice)
    make_documents(made, *HIDDEN[:5], *MINE, *HIDDEN[5:])
    views = {Role.VIEWER: {"tenant": {"$in": [1, 2]}}, Role.EDITOR: {"tenant": 1}}
    for role, view in views.items():
        Grant.objects.create(collection=made, user=charlie, role=role, row_filter=view)
    return made


def narrowed(user: User, **row_filter: Any) -> APIClient:
    """A client with a token that shows these documents only."""
    _, plaintext = create_api_token(user=user, name="narrowed", row_filter=row_filter)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client
