"""What a new service tells the person who started it."""

import json
from dataclasses import dataclass

FIRST_USER = "admin"
DOCUMENTS = [
    {"id": "1", "text": "The ferry to the island leaves at eight in the morning."},
    {"id": "2", "text": "Tomatoes need six hours of sun a day."},
]


@dataclass(frozen=True)
class Credentials:
    """What nobody can read again later."""

    password: str
    token: str


def introduction(credentials: Credentials, *, url: str, demo: bool) -> str:
    """The credentials, and commands for a first search, ready to be pasted."""
    lines = [
        f"First user: {FIRST_USER}, password {credentials.password} (console {url}/admin/)",
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
