"""What a grant opens: to whom, for which actions, and which documents."""

from typing import Any

import pytest

from accounts.models import Team, User
from accounts.policy import Action, Role, SiteRole
from embeddings.exceptions import NotFound
from embeddings.models import Collection, Grant
from embeddings.services.collection import list_collections, visible_collection
from embeddings.types.filter import parse_filter
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    return make_collection("drinks", owner=make_user("alice"))


@pytest.fixture
def bob() -> User:
    return make_user("bob")


def seen(user: User, action: Action = Action.READ, **narrowed: Any) -> Collection:
    principal = user.as_principal(**narrowed)
    return visible_collection(principal=principal, name="drinks", action=action)


def test_it_works(collection: Collection, bob: User) -> None:
    with pytest.raises(NotFound):
        seen(bob)
    Grant.objects.create(collection=collection, user=bob, role=Role.VIEWER)
    assert seen(bob) == collection
    assert list_collections(principal=bob.as_principal(), limit=9) == [collection]


def test_of_a_team(collection: Collection, bob: User) -> None:
    team = Team.objects.create(name="readers")
    Grant.objects.create(collection=collection, team=team, role=Role.EDITOR)
    with pytest.raises(NotFound):
        seen(bob)
    bob.groups.add(team)
    assert seen(bob, Action.WRITE) == collection


def test_row_filters_add_up_by_action(collection: Collection, bob: User) -> None:
    one, other = {"tenant": 1}, {"tenant": 2}
    Grant.objects.create(collection=collection, user=bob, role=Role.VIEWER, row_filter=one)
    assert seen(bob).row_filter == parse_filter(one)
    Grant.objects.create(collection=collection, user=bob, role=Role.EDITOR, row_filter=other)
    assert seen(bob).row_filter == parse_filter({"$or": [one, other]})
    assert seen(bob, Action.WRITE).row_filter == parse_filter(other)
    team = Team.objects.create(name="readers")
    bob.groups.add(team)
    Grant.objects.create(collection=collection, team=team, role=Role.VIEWER)
    assert seen(bob).row_filter is None


def test_a_credential_narrows_everyone(collection: Collection) -> None:
    admin = make_user("root", SiteRole.ADMIN)
    assert seen(admin).row_filter is None
    assert seen(admin, row_filter='{"tenant": 1}').row_filter == parse_filter({"tenant": 1})
    cases: list[dict[str, Any]] = [
        {"collections": frozenset()},
        {"scopes": frozenset({Action.SEARCH})},
    ]
    for narrowed in cases:
        with pytest.raises(NotFound):
            seen(admin, **narrowed)
        assert not list_collections(principal=admin.as_principal(**narrowed), limit=9)


def test_nobody_said(collection: Collection) -> None:
    with pytest.raises(RuntimeError, match="nobody said"):
        _ = Collection.objects.get().row_filter
    assert Collection.objects.get().show_whole().row_filter is None
