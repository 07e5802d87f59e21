"""The first user of a new service: `admin`, with a password and a token that are shown once."""

import json
import secrets
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from accounts.services.users import changing

NAME = "admin"
DOCUMENTS = [
    {"id": "1", "text": "The ferry to the island leaves at eight in the morning."},
    {"id": "2", "text": "Tomatoes need six hours of sun a day."},
]


@dataclass(frozen=True)
class Credentials:
    """What nobody can read again later."""

    password: str
    token: str


def ensure_first_user() -> Credentials | None:
    """Make `admin` when there is no user at all; None when there is one."""
    if User.objects.exists():
        return None
    password = secrets.token_urlsafe(18)
    user = User(username=NAME, role=SiteRole.ADMIN.value, is_staff=True, is_superuser=True)
    user.set_password(password)
    with transaction.atomic():
        with changing(user):
            user.save()
        _, token = create_api_token(user=user, name="first")
    return Credentials(password=password, token=token)


def introduction(credentials: Credentials, *, url: str, demo: bool) -> str:
    """The credentials, and commands for a first search, ready to be pasted."""
    lines = [
        f"First user: {NAME}, password {credentials.password} (console {url}/admin/)",
        f"API token:  {credentials.token}",
        "Neither is shown again. A first search:",
        "",
        f"  TOKEN={credentials.token}",
    ]
    if demo:
        query = {"collection": "demo", "query": "why did my onions not turn sweet?", "top_k": 3}
        return "\n".join([*lines, curl(url, "search", query), ""])
    query = {"collection": "first", "query": "when does the boat go?", "top_k": 1}
    return "\n".join(
        [
            *lines,
            curl(url, "collection", {"name": "first"}),
            curl(url, "add", {"collection": "first", "documents": DOCUMENTS}),
            curl(url, "search", query),
            "",
        ]
    )


def curl(url: str, route: str, body: object) -> str:
    return (
        f'  curl -s {url}/v1/{route} -H "Authorization: Bearer $TOKEN"'
        f" -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )
