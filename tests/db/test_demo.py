"""The demo: loaded once and again, and good enough to show what search by meaning is."""

from typing import Any

import pytest

from accounts.exceptions import ActionForbidden
from accounts.policy import SiteRole
from embeddings.exceptions import CollectionExists
from embeddings.models import Collection
from embeddings.services.demo import demo_passages, load_demo
from embeddings.services.search import search_collection
from embeddings.types.search import SearchParams
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db

REAL_MODEL = "all-MiniLM-L6-v2"
QUESTIONS = {
    "Why is my bike's drivetrain wearing out?": "bicycle-chain",
    "How can I fix a flat tyre?": "puncture-repair",
    "Is a high magnification worth paying for?": "choosing-telescope",
    "What happens to a half-finished money transfer when the power fails?": "transactions",
    "My heap of kitchen scraps stinks": "compost",
    "Do pills against bacteria help with the flu?": "antibiotics",
    "How did books become cheap?": "printing-press",
    "I feel tired after flying to another time zone": "jet-lag",
    "What animal has several hearts?": "octopus",
    "Why does 0.1 added up ten times not equal one?": "floating-point",
    "My espresso alternative tastes sour": "drip-coffee",
    "When is high water highest?": "tides",
}


def test_it_works() -> None:
    alice = make_user("alice")

    collection = load_demo(principal=alice.as_principal())

    assert collection.name == "demo"
    assert collection.owner == alice
    assert collection.document_count == len(demo_passages()) >= 60


def test_loading_again_changes_nothing() -> None:
    principal = make_user().as_principal()
    first = load_demo(principal=principal)

    again = load_demo(principal=principal)

    assert (again.pk, again.version) == (first.pk, first.version)
    assert Collection.objects.count() == 1


def test_a_collection_of_that_name_is_not_taken_over() -> None:
    make_collection("demo", owner=make_user("alice"))

    with pytest.raises(CollectionExists):
        load_demo(principal=make_user("charlie").as_principal())
    with pytest.raises(ActionForbidden):
        load_demo(principal=make_user("bob", SiteRole.OPERATOR).as_principal())


def test_every_passage_is_well_formed() -> None:
    passages = demo_passages()

    assert len({passage.external_id for passage in passages}) == len(passages)
    assert len({passage.text for passage in passages}) == len(passages)
    for passage in passages:
        assert 60 < len(passage.text) < 600, passage.external_id
        assert set(passage.metadata) == {"topic", "language", "year", "difficulty"}
        assert passage.metadata["difficulty"] in {"easy", "medium", "hard"}
    assert len({passage.metadata["topic"] for passage in passages}) >= 12


@pytest.mark.model
def test_a_question_finds_its_passage_first(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"default_model": REAL_MODEL})
    collection = load_demo(principal=make_user().as_principal())

    found = {
        question: search_collection(
            collection=collection, params=SearchParams(query=question, top_k=1)
        )
        .hits[0]
        .external_id
        for question in QUESTIONS
    }

    assert found == QUESTIONS
