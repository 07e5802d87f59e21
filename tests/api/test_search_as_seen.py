"""A search sent along with its collection's look-up never answers for what has changed since."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.exceptions import EngineOverloaded
from embeddings.models import Collection
from embeddings.services import search, search_query
from tests.api.assertions import assert_problem
from tests.factories import make_collection, make_document

PATH = "/v1/search"
QUERY = {"collection": "drinks", "query": "green tea", "top_k": 1}


@pytest.fixture(autouse=True)
def no_remembered_results(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_search_ttl_s": 0})


@pytest.fixture
def drinks(alice: User, as_alice: APIClient) -> Collection:
    """Alice's, with two documents, searched a moment ago."""
    made = make_collection("drinks", owner=alice)
    make_document(made, "Green tea, brewed at 70 °C.", external_id="tea")
    make_document(made, "Espresso in thirty seconds.", external_id="coffee")
    assert found(as_alice) == ["tea"]
    assert (alice.pk, "drinks") in [(seen.user_id, name) for seen, name in search._seen]
    return made


def found(client: APIClient, **values: object) -> list[str]:
    response = client.post(PATH, QUERY | values)
    assert response.status_code == 200, response.content
    return [hit["id"] for hit in response.json()["hits"]]


@pytest.mark.django_db
def test_it_works(drinks: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "look_up_collection", None)  # it is not asked again
    assert found(as_alice) == ["tea"]
    assert found(as_alice, exact=True) == ["tea"]


@pytest.mark.django_db
def test_new_documents_are_found(drinks: Collection, as_alice: APIClient) -> None:
    assert len(found(as_alice, top_k=5)) == 2
    make_document(drinks, "Green tea", external_id="better")
    assert found(as_alice) == ["better"]
    assert len(found(as_alice, top_k=5)) == 3


@pytest.mark.django_db
def test_a_collection_that_is_no_longer_visible_is_not_found(
    drinks: Collection, as_alice: APIClient, charlie: User
) -> None:
    Collection.objects.filter(pk=drinks.pk).update(owner=charlie)
    assert_problem(as_alice.post(PATH, QUERY), 404, "not_found")


@pytest.mark.django_db
def test_a_collection_under_another_name_is_not_found(
    drinks: Collection, as_alice: APIClient
) -> None:
    Collection.objects.filter(pk=drinks.pk).update(name="beverages")
    assert_problem(as_alice.post(PATH, QUERY), 404, "not_found")
    assert found(as_alice, collection="beverages") == ["tea"]


@pytest.mark.django_db
def test_another_collection_under_the_same_name_answers(
    drinks: Collection, as_alice: APIClient, alice: User
) -> None:
    Collection.objects.filter(pk=drinks.pk).update(name="old")
    make_document(make_collection("drinks", owner=alice), "Sencha", external_id="new")
    assert found(as_alice) == ["new"]


@pytest.mark.django_db(transaction=True)
def test_a_deleted_collection_is_not_found_and_its_successor_is(
    drinks: Collection, as_alice: APIClient, alice: User
) -> None:
    assert as_alice.delete("/v1/collection/drinks").status_code == 204
    assert_problem(as_alice.post(PATH, QUERY), 404, "not_found")
    make_document(make_collection("drinks", owner=alice), "Sencha", external_id="new")
    assert found(as_alice) == ["new"]


@pytest.mark.django_db
def test_a_change_of_the_generation_is_obeyed(drinks: Collection, as_alice: APIClient) -> None:
    assert drinks.active is not None
    drinks.active.metric = "l2"
    drinks.active.save(update_fields=["metric"])
    hit = as_alice.post(PATH, QUERY).json()["hits"][0]
    assert hit["score"] == pytest.approx(1 / (1 + hit["distance"]))


@pytest.mark.django_db
def test_a_fault_of_the_request_is_told(drinks: Collection, as_alice: APIClient) -> None:
    bad = {"collection": "drinks", "vector": [1.0, 2.0]}
    assert_problem(as_alice.post(PATH, bad), 400, "dimensions_mismatch")
    unknown = {"collection": "drinks", "document_id": "nothing"}
    assert_problem(as_alice.post(PATH, unknown), 404, "not_found")


@pytest.mark.django_db
def test_an_overloaded_engine_is_asked_once(
    drinks: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def overloaded(**_: object) -> None:
        asked.append(1)
        raise EngineOverloaded(retry_after=3)

    monkeypatch.setattr(search_query, "embed_cached", overloaded)
    assert_problem(as_alice.post(PATH, QUERY | {"query": "new"}), 503, "engine_overloaded")
    assert len(asked) == 1
