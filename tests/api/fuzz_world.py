"""A service with three collections, and callers of every kind, each with a view of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rest_framework.test import APIClient

from accounts.models import ApiToken, Team, User
from accounts.policy import Action, Role, SiteRole
from accounts.services.tokens import create_api_token
from embeddings.models import Collection, Document, Grant, Job
from embeddings.services.collection import update_collection
from embeddings.types.document import DocumentInput
from tests.factories import make_collection, make_documents, make_user

NAMES = ("drinks", "meals", "rocks")
TENANTS = (1, 2, 3)
Rows = dict[tuple[str, str], tuple[str, dict[str, Any]]]
"""Text and metadata of each document, by collection and id."""


def secret(collection: str, tenant: int) -> str:
    """A word that stands in the texts and metadata of one tenant's documents alone; of tenant 0 in
    the collection's description.
    """
    return f"zq{collection}{tenant}"


def all_of(*names: str, tenants: tuple[int, ...] = (0, *TENANTS)) -> set[str]:
    return {secret(name, tenant) for name in names for tenant in tenants}


SECRETS = all_of(*NAMES)


@dataclass(frozen=True)
class Caller:
    """Who asks, and the secrets that he may read, and those whose documents he may change."""

    name: str
    client: APIClient
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class World:
    """Who calls, and what may be named in a call."""

    callers: list[Caller]
    known: dict[str, list[Any]]
    """By the parameter, or field of a body, that may have the values."""


def make_world() -> World:
    """The rows, all of them, and who is to call."""
    alice, charlie = make_user("alice"), make_user("charlie")
    bob, root = make_user("bob", SiteRole.OPERATOR), make_user("root", SiteRole.ADMIN)
    drinks, meals = (make_filled(name, alice) for name in ("drinks", "meals"))
    make_filled("rocks", charlie)
    dora, erin = make_user("dora"), make_user("erin")
    team = Team.objects.create(name="readers")
    dora.groups.add(team)
    grant(drinks, Role.VIEWER, {"tenant": 1}, team=team)
    grant(drinks, Role.EDITOR, {"tenant": 2}, user=erin)
    grant(meals, Role.VIEWER, {"tenant": {"$in": [1, 2]}}, user=erin)
    reader = frozenset({Action.ME, Action.EMBED, Action.READ, Action.SEARCH})
    of_alice, everything = all_of("drinks", "meals"), all_of(*NAMES)
    narrow = all_of("drinks", tenants=(0, 1, 2))
    of_one_tenant = all_of(*NAMES, tenants=(0, 1))
    callers = [
        Caller("owner", client_of(alice), of_alice, of_alice),
        Caller("operator", client_of(bob), everything),
        Caller("admin", client_of(root), everything, everything),
        Caller("outsider", client_of(charlie), all_of("rocks"), all_of("rocks")),
        Caller("viewer", client_of(dora), all_of("drinks", tenants=(0, 1))),
        Caller(
            "editor",
            client_of(erin),
            all_of("drinks", tenants=(0, 2)) | all_of("meals", tenants=(0, 1, 2)),
            all_of("drinks", tenants=(2,)),
        ),
        Caller("owner's reading token", client_of(alice, scopes=reader), of_alice),
        Caller(
            "owner's narrow token",
            client_of(alice, collections=[drinks.pk], row_filter={"tenant": {"$ne": 3}}),
            narrow,
            narrow,
        ),
        Caller(
            "admin's narrow token",
            client_of(root, row_filter={"tenant": 1}),
            of_one_tenant,
            of_one_tenant,
        ),
        # Hypothesis tries what stands first the most.
        Caller("stranger", APIClient()),
    ]
    refused = [{"line": 1, "param": "text", "code": "too_long", "detail": secret("drinks", 3)}]
    job = Job.objects.create(
        owner=alice, collection=drinks, kind="import", state="succeeded", refused=refused
    )
    return World(callers, known_values(job))


def known_values(job: Job) -> dict[str, list[Any]]:
    ids = [f"{tenant}{letter}" for tenant in TENANTS for letter in "ab"] + ["absent"]
    vector = [1.0, *[0.0] * 383]
    filters = [{"tenant": 3}, {"tenant": {"$ne": 1}}, {"note": {"$exists": True}}, {"year": 2003}]
    users = list(User.objects.values_list("username", flat=True))
    return {
        "name": [*NAMES, *NAMES, "absent"],
        "collection": [*NAMES, *NAMES, "absent"],
        "collections": [[], ["drinks"], ["drinks", "meals"], list(NAMES)],
        "id": ids,
        "document_id": ids,
        "positive": [["1a"], ["2a", "3a"]],
        "negative": [["1b"], ["3b"]],
        "job": [str(job.pk), str(UUID(int=0))],
        "grant": list(Grant.objects.values_list("pk", flat=True)),
        "key": list(ApiToken.objects.values_list("key", flat=True)),
        "username": users,
        "user": users,
        "owner": users,
        "members": [["dora"], users],
        "team": ["readers", "absent"],
        "model": ["hashing-384"],
        "vector": [vector],
        "embedding": [vector],
        "filter": filters,
        "row_filter": [*filters, None],
        "metadata": [{"tenant": tenant} for tenant in TENANTS],
        "query": ["tea", "a note for everybody"],
        "mode": ["semantic", "keyword", "hybrid"],
        "facets": [["note"], ["tenant", {"field": "note"}]],
        "group_by": ["document", "chunk", {"field": "note"}],
        "include": [["text", "metadata"], ["text", "chunk", "highlights"]],
        "top_k": [1, 50],
        "dimensions": [384],
        "rerank": [False],
    }


def make_filled(name: str, owner: User) -> Collection:
    """The owner's collection, with documents of each tenant: two that anybody could name, and one
    that nobody could.
    """
    made = make_collection(name, owner=owner)
    update_collection(collection=made.show_whole(), description=secret(name, 0))
    make_documents(made.show_whole(), *documents(name))
    return made


def documents(name: str) -> Iterator[DocumentInput]:
    for tenant in TENANTS:
        word = secret(name, tenant)
        for key in (f"{tenant}a", f"{tenant}b", f"{word}-hidden"):
            metadata = {"tenant": tenant, "year": 2000 + tenant, "note": word}
            yield DocumentInput(key, f"A note about tea, {word}, for everybody", metadata)


def grant(collection: Collection, role: Role, row_filter: dict[str, Any], **grantee: Any) -> None:
    Grant.objects.create(collection=collection, role=role, row_filter=row_filter, **grantee)


def client_of(user: User, **narrowed: Any) -> APIClient:
    _, plaintext = create_api_token(user=user, name="fuzz", **narrowed)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client


def rows_beyond(caller: Caller) -> Rows:
    """The documents that the caller may not change."""
    found = Document.objects.values_list("collection__name", "external_id", "text", "metadata")
    return {
        (name, key): (text, metadata)
        for name, key, text, metadata in found
        if metadata.get("note") in SECRETS - caller.writes
    }
