"""Collections and who may do what with them, below HTTP."""

import pytest

from accounts.exceptions import ActionForbidden
from accounts.models import User
from accounts.policy import EVERYONE, Action, SiteRole
from embeddings.constants import Metric
from embeddings.exceptions import CollectionExists, NotFound, UnknownModel
from embeddings.models import Collection
from embeddings.services.collection import (
    create_collection,
    update_collection,
    visible_collection,
)
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    owner = make_user()
    collection = create_collection(
        principal=owner.as_principal(), name="papers", model="hashing-384", metric=Metric.L2
    )
    collection = Collection.objects.select_related("active").get(pk=collection.pk)
    generation = collection.generation
    assert (collection.owner, collection.document_count, collection.version) == (owner, 0, 0)
    assert (generation.model, generation.dimensions) == ("hashing-384", 384)
    assert (generation.metric, generation.state) == ("l2", "active")


def test_a_name_stands_once() -> None:
    make_collection("papers")
    with pytest.raises(CollectionExists, match="`papers`"):
        make_collection("papers")
    assert Collection.objects.count() == 1


def test_an_unknown_model_makes_nothing() -> None:
    with pytest.raises(UnknownModel):
        make_collection(model="../../etc/passwd")
    assert Collection.objects.count() == 0


def test_renaming() -> None:
    collection, other = make_collection("papers"), make_collection("taken")
    assert update_collection(collection=collection, name="essays", description="Mine").name
    collection.refresh_from_db()
    assert (collection.name, collection.description) == ("essays", "Mine")
    with pytest.raises(CollectionExists):
        update_collection(collection=collection, name=other.name)


ALL = frozenset(Action) - EVERYONE - {Action.ADMINISTER}
LOOKING = frozenset({Action.READ, Action.SEARCH, Action.AUDIT, Action.OPERATE})


@pytest.mark.parametrize("action", sorted(ALL))
def test_what_each_of_the_cast_may_do(action: Action) -> None:
    alice = make_user("alice")
    cast: list[tuple[User, frozenset[Action]]] = [
        (alice, ALL),
        (make_user("bob", role=SiteRole.OPERATOR), LOOKING),
        (make_user("charlie"), frozenset()),
        (make_user("ada", role=SiteRole.ADMIN), ALL),
    ]
    collection = make_collection("papers", owner=alice)
    for user, allowed in cast:
        principal = user.as_principal()
        if action in allowed:
            found = visible_collection(principal=principal, name="papers", action=action)
            assert found == collection, user
        elif allowed:
            with pytest.raises(ActionForbidden):
                visible_collection(principal=principal, name="papers", action=action)
        else:
            with pytest.raises(NotFound):
                visible_collection(principal=principal, name="papers", action=action)


@pytest.mark.parametrize("action", sorted(EVERYONE))
def test_actions_without_a_collection_show_none(action: Action) -> None:
    alice = make_user("alice")
    make_collection(owner=alice)
    assert not Collection.objects.visible_to(alice.as_principal(), action).exists()
