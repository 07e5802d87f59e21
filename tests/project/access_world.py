"""The cast of the access matrix, with something of each kind for each of them."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts.models import Team, User
from accounts.policy import Action, Role, SiteRole
from accounts.services.tokens import create_api_token
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, Grant, Job
from embeddings.services.jobs import start_job
from tests.factories import make_collection, make_document, make_user
from tests.project.sample_requests import NDJSON, body_of

CAST = ("stranger", "outsider", "viewer", "editor", "owner", "operator", "admin", "token")
"""A viewer, an editor and an owner are members with such a grant; the token is one of a member's
that is narrowed to one of its two collections, and to reading and searching."""

RELATIONS = ("own", "granted", "other", "absent")
"""What belongs to the one who asks; what somebody let it see, or lets others see; what nobody did;
what is not there."""

SITE_ROLES = {"operator": SiteRole.OPERATOR, "admin": SiteRole.ADMIN}
GRANTED = {"viewer": Role.VIEWER, "editor": Role.EDITOR, "owner": Role.OWNER}
SCOPES = {Action.ME, Action.READ, Action.SEARCH}
ABSENT = str(uuid.UUID(int=0))


@dataclass
class Things:
    """What stands for the variables of a route: of one member of the cast, in one relation."""

    collection: str = "absent"
    grant: int = 10**9
    job: str = ABSENT
    failed_job: str = ABSENT
    user: str = "absent"
    team: str = "absent"
    key: str = "absent000000"

    def fill(self, route: str) -> str:
        """The path. Raises AssertionError for a variable that nothing here stands for."""
        path = (
            route.replace("<str:name>", self.collection)
            .replace("<anything:id>", "tea")
            .replace("<anything:model>", "hashing-384")
            .replace("<int:id>", str(self.grant))
            .replace("<uuid:id>/retry", f"{self.failed_job}/retry")
            .replace("<uuid:id>", self.job)
            .replace("<str:username>", self.user)
            .replace("<str:team>", self.team)
            .replace("<str:key>", self.key)
        )
        assert "<" not in path, f"let Things stand for the variable of {route}"
        return f"/{path}"


@dataclass
class World:
    """Who asks, and for what."""

    users: dict[str, User] = field(default_factory=dict)
    clients: dict[str, APIClient] = field(default_factory=dict)
    things: dict[tuple[str, str], Things] = field(default_factory=dict)

    def ask(
        self, who: str, relation: str, method: str, route: str, *, extra: Any = None
    ) -> HttpResponse:
        """The response to the sample request, whose body has the extra fields besides."""
        things = self.things[who, relation]
        body = body_of(method, route, collection=things.collection)
        kind = "application/json"
        if isinstance(body, bytes):
            kind = NDJSON
        elif body is not None:
            body = json.dumps({**body, **(extra or {})})
        path = things.fill(route)
        response: HttpResponse = self.clients[who].generic(
            method, path, body or "", content_type=kind, HTTP_X_REQUEST_ID="same"
        )
        return response


def make_world() -> World:
    """Through the services."""
    world = World()
    for name in (*CAST[1:], "dora", "eve", "fred"):
        world.users[name] = make_user(name, SITE_ROLES.get(name, SiteRole.MEMBER))
    readers, others = (Team.objects.create(name=name) for name in ("readers", "others"))
    readers.user_set.set([*world.users.values()])
    granted = Things(*_collection(world, "granted", "dora"), user="eve", team="readers")
    other = Things(*_collection(world, "other", "eve"), user="dora", team=others.name)
    granted.key = other.key = create_api_token(user=world.users["eve"], name="other")[0].key
    for name, role in GRANTED.items():
        _grant("granted", world.users[name], role)
    for name in SITE_ROLES:
        _grant("granted", world.users[name], Role.VIEWER)
    for who in CAST:
        world.things |= {
            (who, "granted"): granted,
            (who, "other"): other,
            (who, "absent"): Things(),
        }
        world.things[who, "own"] = other if who == "stranger" else _own(world, who)
        world.clients[who] = _client(world, who)
    return world


def _own(world: World, who: str) -> Things:
    things = Things(*_collection(world, f"of-{who}", who), user=who, team="readers")
    things.key = create_api_token(user=world.users[who], name="own")[0].key
    return things


def _collection(world: World, name: str, owner: str) -> tuple[str, int, str, str]:
    """Its name, and the ids of a grant on it, of a job, and of one that failed."""
    collection = make_collection(name, owner=world.users[owner])
    make_document(collection, external_id="tea", lang="en")
    job = start_job(
        owner_id=collection.owner_id, kind=JobKind.IMPORT, collection=collection, total=1
    )
    failed = Job.objects.create(
        owner_id=collection.owner_id,
        kind=JobKind.MEASURE_RECALL.value,
        collection=collection,
        state=JobState.FAILED.value,
    )
    grant = Grant.objects.create(collection=collection, user=world.users["eve"], role=Role.VIEWER)
    return name, grant.pk, str(job.pk), str(failed.pk)


def _grant(name: str, user: User, role: Role) -> None:
    Grant.objects.create(collection=Collection.objects.get(name=name), user=user, role=role)


def _client(world: World, who: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if who == "stranger":
        return client
    narrowed: dict[str, Any] = {}
    if who == "token":
        covered = Things(*_collection(world, "covered", who), user="eve", team="readers")
        world.things[who, "granted"] = covered
        collection = Collection.objects.get(name=covered.collection)
        narrowed = {"scopes": SCOPES, "collections": [collection.pk]}
    _, plaintext = create_api_token(user=world.users[who], name="test", **narrowed)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client
